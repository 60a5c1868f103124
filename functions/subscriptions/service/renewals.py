"""Carrying out what `functions.subscriptions.renewals` decides, one transaction at a time under the subscriber's lock.

The workflow, an answer about a debit, a changed mind or a repair all do the same: `drive`. It does whatever is due by now
and says when to look again, so a step that died, came twice or came late changes nothing.
"""

from collections.abc import Callable
from datetime import datetime

from events.subscriptions import DebitRequested
from functions.subscriptions.renewals import Renewal, Step, Terms, next_step
from functions.subscriptions.service import expiry, renewal_notices, selling
from functions.subscriptions.service import standing as stands
from functions.subscriptions.states import Event, after
from functions.subscriptions.store import life, plans, prenotices
from functions.subscriptions.store import renewals as store
from functions.subscriptions.store.rows import Row, lock_user
from shared import observe
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.connection import Connection
from shared.sql.tunables import tunable
from shared.views import prices


def terms(db: Connection) -> Terms:
    """The terms in force."""
    return Terms.of_days(tunable(db, "subscription.notice_days"), tunable(db, "subscription.retry_days"))


def hold(db: Connection, subscription_id: int) -> int | None:
    """Hold whoever has a subscription, even while it changes hands; their uid, None when there is no such subscription."""
    held = None
    while (uid := store.owner(db, subscription_id)) != held and uid is not None:
        lock_user(db, uid)
        held = uid
    return held


def drive(db: Connection, renewal_id: int, now: datetime) -> datetime | None:
    """Do what is due; when to look again, or None once the renewal has ended. Call `hold` first."""
    in_force = terms(db)
    while (renewal := store.look(db, renewal_id)) is not None:
        step, at = next_step(renewal, in_force, now)
        if step is Step.END:
            return None
        if step is Step.WAIT:
            store.wake(db, renewal_id, at, now)
            return at
        observe.info("renewal", step=step.value, renewal_id=renewal_id, subscription_id=renewal.subscription_id)
        _ACTS[step](db, renewal, in_force, now)
    return None


def _announce(db: Connection, renewal: Renewal, _terms: Terms, now: datetime) -> None:
    """Tell what the next period will cost and when it is due; for who does not renew, when theirs ends."""
    if not renewal.renews:
        renewal_notices.remind(db, renewal, now)
        return
    plan = _next_plan(db, renewal)
    price = prices.quote(db, prices.Wish("plan", plan["plan_id"], renewal.user_id), now)
    if price is None:
        life.stop_renewing(db, renewal.subscription_id, now)
    else:
        renewal_notices.announce(db, renewal, plan, price.payable, now)


def _next_plan(db: Connection, renewal: Renewal) -> Row:
    """The plan of the next period: the one chosen for it as long as it can be had, else the present one."""
    chosen = renewal.next_plan_id
    found = plans.find(db, chosen) if chosen is not None and not life.is_full(db, chosen) else None
    if found is None or found["plan"]["status"] != "active":
        found = plans.find(db, renewal.plan_id)
    if found is None:
        raise LookupError(renewal.plan_id)
    plan: Row = found["plan"]
    return plan


def _prolong(db: Connection, renewal: Renewal, terms: Terms, now: datetime) -> None:
    """Keep access while the renewal is collected: until after the last try, or as long for who pays by a link."""
    first = renewal.due_at
    if renewal.means != "pay_link":
        first = renewal.first_possible(terms) or max(first, now + terms.notice)
    stands.keep(db, renewal.subscription_id, renewal.status, terms.grace(first), now)


def _open_order(db: Connection, renewal: Renewal, terms: Terms, now: datetime) -> None:
    """Order the next period at its present price. What costs more than was announced is announced anew."""
    plan = _next_plan(db, renewal)
    price = prices.hold(db, prices.Wish("plan", plan["plan_id"], renewal.user_id), now)
    if price is None:
        life.stop_renewing(db, renewal.subscription_id, now)
        return
    if renewal.grace_until is None:
        _prolong(db, renewal, terms, now)
    subscription = {
        "subscription_id": renewal.subscription_id,
        "user_id": renewal.user_id,
        "creator_id": plan["creator"]["user_id"],
    }
    # Longer than any debit of it may take, also one whose notice is late.
    until = terms.grace(now + terms.notice)
    order_no = selling.renew(db, subscription, plan, price, now=now, until=until)
    store.set_order(db, renewal.renewal_id, order_no, now)
    if price.payable == 0:
        selling.cover(db, renewal.user_id, order_no, now)
    elif renewal.announced_amount is None or price.payable > renewal.announced_amount:
        renewal_notices.announce(db, renewal, plan, price.payable, now)


def _tell_vendor(db: Connection, renewal: Renewal, _terms: Terms, now: datetime) -> None:
    """Write down that the vendor is to be told of the debit; `service.prenotices` does it within a minute."""
    amount = renewal.announced_amount if renewal.open_amount is None else renewal.open_amount
    prenotices.want(db, renewal, amount or 0, now)


def _debit(db: Connection, renewal: Renewal, terms: Terms, now: datetime) -> None:
    """Ask payments for the money, once for each try; the try is written down first."""
    grace_until = terms.grace(now)
    if renewal.tries == 0 and (renewal.grace_until is None or renewal.grace_until < grace_until):
        stands.keep(db, renewal.subscription_id, renewal.status, grace_until, now)
    try_no = store.debit(db, renewal, now)
    outbox.record(
        db,
        DebitRequested(
            event_id=new_ulid(),
            occurred_at=now,
            order_no=renewal.order_no or "",
            subscription_id=renewal.subscription_id,
            user_id=renewal.user_id,
            amount=renewal.open_amount or 0,
            means="agreement" if renewal.means == "agreement" else "balance",
            agreement_id=renewal.agreement_id if renewal.means == "agreement" else None,
            try_no=try_no,
            requested_at=now,
        ),
    )


def _fall_behind(db: Connection, renewal: Renewal, terms: Terms, now: datetime) -> None:
    """The period is over and unpaid: access is kept, and the subscriber told."""
    becomes = after(renewal.status, Event.RENEWAL_FAILED)
    if becomes is not None:
        grace_until = renewal.grace_until or terms.grace(now)
        stands.keep(db, renewal.subscription_id, becomes, grace_until, now)
        renewal_notices.tell(db, renewal, "failed", now)


def _lapse(db: Connection, renewal: Renewal, _terms: Terms, now: datetime) -> None:
    """Nothing helped: the subscription ends, and is not renewed any more."""
    becomes = after(renewal.status, Event.RETRIES_EXHAUSTED)
    if becomes is not None:
        stands.end(db, renewal.subscription_id, was=renewal.status, becomes=becomes, because="expired", now=now)
    store.close(db, renewal.renewal_id, "lapsed", now)
    renewal_notices.tell(db, renewal, "expired", now)


def _let_go(db: Connection, renewal: Renewal, _terms: Terms, now: datetime) -> None:
    """The period is over and nobody renews it, or a trial was not paid: it ends, or pauses."""
    expiry.let_go(db, renewal.subscription_id, renewal.status, now)
    store.close(db, renewal.renewal_id, "dropped" if renewal.order_no is None else "lapsed", now)
    if renewal.order_no is not None:
        renewal_notices.tell(db, renewal, "expired", now)


def _drop(db: Connection, renewal: Renewal, _terms: Terms, now: datetime) -> None:
    """The subscription has ended, or its period ends at another time: this renewal has no object."""
    store.close(db, renewal.renewal_id, "dropped", now)


_ACTS: dict[Step, Callable[[Connection, Renewal, Terms, datetime], None]] = {
    Step.ANNOUNCE: _announce,
    Step.TELL_VENDOR: _tell_vendor,
    Step.PROLONG: _prolong,
    Step.OPEN_ORDER: _open_order,
    Step.DEBIT: _debit,
    Step.FALL_BEHIND: _fall_behind,
    Step.LAPSE: _lapse,
    Step.LET_GO: _let_go,
    Step.DROP: _drop,
}
