"""A debit was refused because its agreement had ended: the vendor is asked, and its word ends the agreement here too."""

from events.payments import DebitFailed
from functions.subscriptions.service import agreement_care
from shared.batch import on_fact

handler = on_fact(DebitFailed, agreement_care.doubt, "subscriptions.on_agreement_refused")
