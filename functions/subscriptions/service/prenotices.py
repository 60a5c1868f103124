"""Telling WeChat of the debits it is to be told of.

What is wanted is committed first, by the renewal; then the vendor is called, outside of any transaction; then its answer is
written. Who dies in between tells a second time, which is the same message once more and harms nobody.
"""

from functions.subscriptions.agreements import wait_after
from functions.subscriptions.gateways.base import Announced, NoAnswer, NotAnnounced
from functions.subscriptions.gateways.registry import gateway
from functions.subscriptions.prenotices import may_tell
from functions.subscriptions.service import renewals
from functions.subscriptions.store import prenotices as store
from functions.subscriptions.store.prenotices import Prenotice
from shared import clock, crypto, observe
from shared.sql.connection import reading
from shared.sql.edge import unit_of_work
from shared.views.agreements import number_context

_BATCH = 100
# A vendor that is down answers nobody: the run ends, the next one tries again.
_SILENCES = 3
# Three days of trying, at the hours in which WeChat hears: then the subscriber gets a link.
_PATIENCE = 48


def tell() -> int:
    """Tell what is due, within the hours in which WeChat hears; how much."""
    now = clock.now()
    if may_tell(now) > now:
        return 0
    with unit_of_work() as db:
        store.withdraw(db, now)
    with reading() as db:
        due = store.due(db, now, _BATCH)
    done = silences = 0
    for one in due:
        number = crypto.decrypt(one.agreement_no, number_context(one.external_no))
        said = gateway(one.channel).announce(number, one.amount)
        _write(one, said)
        silences = silences + 1 if isinstance(said, NoAnswer) else 0
        done += not isinstance(said, NoAnswer)
        if silences == _SILENCES:
            observe.warn("vendor of agreements is silent", channel=one.channel)
            break
    return done


def _write(one: Prenotice, said: Announced | NotAnnounced | NoAnswer) -> None:
    now = clock.now()
    with unit_of_work() as db:
        renewals.hold(db, one.subscription_id)
        match said:
            case Announced():
                store.told(db, one.prenotice_id, now)
            case NotAnnounced(reason):
                observe.warn("a debit may not be announced", renewal_id=one.renewal_id, reason=reason)
                store.refused(db, one.prenotice_id, reason)
            case NoAnswer() if one.looks + 1 >= _PATIENCE:
                store.refused(db, one.prenotice_id, "no answer")
            case NoAnswer():
                store.look_at(db, one.prenotice_id, now + wait_after(one.looks + 1))
                return
        renewals.drive(db, one.renewal_id, now)
