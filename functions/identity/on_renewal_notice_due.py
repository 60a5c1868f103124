"""Hears that a subscriber is to be told about a renewal: writes to them, and says so."""

from events.subscriptions import RenewalNoticeDue
from functions.identity.service import renewal_notices
from shared.batch import on_fact

handler = on_fact(RenewalNoticeDue, renewal_notices.tell, "identity.on_renewal_notice_due")
