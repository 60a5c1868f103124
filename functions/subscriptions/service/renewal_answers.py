"""What renewals are told: that a debit took nothing, that a notice was sent, that a means or a mind has changed."""

from datetime import datetime

from events.identity import RenewalNoticeSent
from events.payments import DebitFailed
from functions.subscriptions.service import renewals
from functions.subscriptions.store import renewals as store
from shared import clock
from shared.sql.connection import Connection


def debit_failed(db: Connection, fact: DebitFailed) -> None:
    """Plan the next try, or give up; what is known already, or was paid meanwhile, changes nothing."""
    found = store.by_order(db, fact.order_no)
    if fact.kind != "renewal" or found is None:
        return
    now = clock.now()
    renewals.hold(db, found["subscription_id"])
    renewal = store.look(db, found["renewal_id"])
    if renewal is None or renewal.stage != "open" or renewal.first_try is None:
        return
    if store.failed(db, renewal.renewal_id, fact.try_no, reason=fact.reason, hard=fact.hard, at=now):
        again = None if fact.hard else renewals.terms(db).next_try(renewal.first_try, now)
        store.try_at(db, renewal.subscription_id, again, now)
        renewals.drive(db, renewal.renewal_id, now)


def notice_sent(db: Connection, fact: RenewalNoticeSent) -> None:
    """Store that a notice was sent; the debit it is for may be near."""
    subscription_id = store.sent(db, fact.notice_id, fact.sent_at)
    if subscription_id is not None:
        look_again(db, subscription_id, clock.now())


def means_changed(db: Connection, subscription_id: int) -> None:
    """Try again at once what is being collected: there is another means than the one that failed. Holds the subscriber."""
    now = clock.now()
    renewals.hold(db, subscription_id)
    row = store.of_subscription(db, subscription_id)
    if row is not None and row["renewal_id"] is not None:
        renewal = store.look(db, row["renewal_id"])
        if renewal is not None and renewal.tries > 0 and not renewal.in_flight:
            store.try_at(db, subscription_id, now, now)
        renewals.drive(db, row["renewal_id"], now)


def look_again(db: Connection, subscription_id: int, now: datetime) -> None:
    """Do at once what became possible for an open renewal. Holds the subscriber."""
    renewals.hold(db, subscription_id)
    row = store.of_subscription(db, subscription_id)
    if row is not None and row["renewal_id"] is not None:
        renewals.drive(db, row["renewal_id"], now)
