"""Whether or when a subscription is renewed has changed: so does its Scheduler entry."""

from events.subscriptions import RenewalChanged
from functions.subscriptions.service import renewal_runs
from shared.batch import on_fact

handler = on_fact(RenewalChanged, renewal_runs.arrange, "subscriptions.on_renewal_changed")
