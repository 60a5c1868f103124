"""Each minute: agreements and debits the vendor is to be asked or told about, agreements that renew nothing, notices nobody finished."""

from functions.subscriptions.service import agreement_care
from shared.schedule import scheduled

handler = scheduled(agreement_care.look_after, "subscriptions.look_after_agreements")
