"""Debits for renewals: by an agreement with a channel, or from the balance. Each try is debited once, and told of once.

The attempt is written first, with the number the channel will know it by. While it is not known what became of it, the
channel is asked, and asked again under the same number; no other debit of the order begins.
"""

from datetime import datetime, timedelta

from events.payments import DebitFailed
from events.subscriptions import DebitRequested
from functions.payments.gateways.base import NoAnswer, Paid
from functions.payments.gateways.debits import Debit, Reason, Refused, Unsent, Waiting, debit_gateway
from functions.payments.models import BALANCE, QUERY_LADDER, Channel, Order
from functions.payments.service.settlement import Evidence, settle
from functions.payments.store import attempts, balance, orders
from functions.payments.store import debits as store
from functions.payments.store.debits import Try
from shared import clock, crypto, observe
from shared.ids import new_order_no, new_ulid
from shared.sql import outbox
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work
from shared.sql.tunables import tunable
from shared.views.agreements import number_context

_BATCH = 100
# A gateway that is down answers nobody: the run ends, the next one tries again.
_SILENCES = 3
_AFTER_THE_LADDER = timedelta(hours=1)

Said = Paid | Waiting | Refused | Unsent | NoAnswer


class UnknownOrderError(Exception):
    """A debit of an order that there is not: kept in the dead-letter queue for a person."""


class DebitUnderWayError(Exception):
    """Another try of the same order is open: heard again later."""


def hear(fact: DebitRequested) -> None:
    """Debit what is asked for; the same try heard again is left to whoever took it up first.

    Raises UnknownOrderError or DebitUnderWayError.
    """
    with unit_of_work() as db:
        begun = begin(db, fact)
    if begun is not None:
        one, channel = begun
        with reading() as db:
            debit = _debit_of(db, one)
        _write(one, channel, NoAnswer("the agreement is gone") if debit is None else debit_gateway(channel).debit(debit))


def begin(db: Connection, fact: DebitRequested) -> tuple[Try, Channel] | None:
    """Write the intention, and who is to be asked; None when there is nobody to ask, which is told of at once.

    Raises UnknownOrderError or DebitUnderWayError.
    """
    at = clock.now()
    order = orders.lock(db, order_no=fact.order_no)
    if order is None:
        raise UnknownOrderError(fact.order_no)
    if store.find(db, fact.order_no, fact.try_no) is not None:
        return None
    if store.is_one_open(db, fact.order_no):
        raise DebitUnderWayError(fact.order_no)
    payment_no = new_order_no()
    one = Try(fact.order_no, fact.try_no, fact.means, fact.agreement_id, payment_no, "open", 0, at)
    refusal = _refusal(order, fact, at)
    if refusal is not None:
        _refuse(db, order, one, refusal, at)
        return None
    if fact.means == "balance":
        _pay_from_balance(db, order, one, at)
        return None
    agreement = store.agreement(db, fact.agreement_id)
    if agreement is None or agreement.status != "signed" or agreement.agreement_no is None:
        _refuse(db, order, one, Refused("agreement_ended", hard=True, code="not signed"), at)
        return None
    if agreement.channel not in tunable(db, "payment.enabled_channels"):
        _refuse(db, order, one, Refused("declined", hard=False, code="channel is off"), at)
        return None
    store.begin(db, order, one, channel=agreement.channel, look_at=at + QUERY_LADDER[0], at=at)
    return one, agreement.channel


def look_after_due() -> int:
    """Ask about every open debit whose time has come, and send again what never arrived; how many channels spoke of."""
    with reading() as db:
        due = store.due(db, clock.now(), _BATCH)
    spoken = silences = 0
    for one in due:
        with reading() as db:
            attempt = attempts.find(db, one.payment_no or "")
            order = orders.find(db, one.order_no)
            debit = _debit_of(db, one)
        if attempt is None or order is None:
            continue
        if attempt.status == "succeeded":
            _settled(one)
            continue
        said: Said = debit_gateway(attempt.channel).debit_query(attempt.payment_no)
        if isinstance(said, Unsent):
            # Whoever asked may have died before the call. A closed order takes no money any more.
            wanted = order.is_payable(clock.now())
            said = debit_gateway(attempt.channel).debit(debit) if debit and wanted else _gone(is_payable=wanted)
        _write(one, attempt.channel, said)
        silences = silences + 1 if isinstance(said, NoAnswer) else 0
        spoken += not isinstance(said, NoAnswer)
        if silences == _SILENCES:
            observe.warn("gateway is silent about debits", channel=attempt.channel)
            break
    return spoken


def _refusal(order: Order, fact: DebitRequested, at: datetime) -> Refused | None:
    """What forbids a debit before anybody is asked."""
    if not order.is_payable(at):
        return Refused("order_closed", hard=True, code=order.status)
    if fact.amount != order.payable_amount or fact.user_id != order.user_id:
        observe.warn("debit is not of what is owed", order_no=order.order_no)
        return Refused("declined", hard=True, code="not what is owed")
    return None


def _pay_from_balance(db: Connection, order: Order, one: Try, at: datetime) -> None:
    """In this one transaction: the ledger, the order and the try."""
    if not balance.pay(db, order, at):
        _refuse(db, order, one, Refused("insufficient", hard=False, code="balance"), at)
        return
    payment_no = one.payment_no or ""
    store.begin(db, order, one, channel=BALANCE, look_at=at, at=at)
    settle(db, Evidence(BALANCE, payment_no, Paid(payment_no, order.payable, at, "paid")), at)
    store.finish(db, one, "paid", at, reason=None, hard=None)


def _debit_of(db: Connection, one: Try) -> Debit | None:
    """What the channel is told; None when the agreement is not to be debited by any more."""
    order, agreement = orders.find(db, one.order_no), store.agreement(db, one.agreement_id)
    if order is None or agreement is None or agreement.status != "signed" or agreement.agreement_no is None:
        return None
    return Debit(
        payment_no=one.payment_no or "",
        order_no=order.order_no,
        amount=order.payable,
        subject=order.title,
        agreement_no=crypto.decrypt(agreement.agreement_no, number_context(agreement.external_no)),
        expires_at=order.expires_at,
    )


def _gone(*, is_payable: bool) -> Refused:
    reason: Reason = "agreement_ended" if is_payable else "order_closed"
    return Refused(reason, hard=True, code="never sent")


def _settled(one: Try) -> None:
    """A notice came first."""
    with unit_of_work() as db:
        orders.lock(db, order_no=one.order_no)
        store.finish(db, one, "paid", clock.now(), reason=None, hard=None)


def _write(one: Try, channel: Channel, said: Said) -> None:
    """Write what a channel said of an open debit, its order being held; what it took nothing for is told."""
    at = clock.now()
    with unit_of_work() as db:
        order = orders.lock(db, order_no=one.order_no)
        if order is None or one.payment_no is None:
            return
        if isinstance(said, Paid):
            outcome = settle(db, Evidence(channel, one.payment_no, said), at)
            if outcome == "amount_mismatch":
                _fail(db, order, one, Refused("declined", hard=True, code=outcome), at)
            else:
                store.finish(db, one, "paid", at, reason=None, hard=None)
        elif isinstance(said, Refused):
            attempts.close(db, one.payment_no, None, at)
            _fail(db, order, one, said, at)
        else:
            store.look_again(db, one, _next_look(one, at))


def _next_look(one: Try, at: datetime) -> datetime:
    """Along the ladder from when it was asked for, then hourly until it is known."""
    rungs = [one.requested_at + rung for rung in QUERY_LADDER]
    return next((rung for rung in rungs if rung > at), at + _AFTER_THE_LADDER)


def _refuse(db: Connection, order: Order, one: Try, why: Refused, at: datetime) -> None:
    store.refuse(db, one, why.reason, hard=why.hard, at=at)
    _tell(db, order, one, why, at)


def _fail(db: Connection, order: Order, one: Try, why: Refused, at: datetime) -> None:
    if store.finish(db, one, "failed", at, reason=why.reason, hard=why.hard):
        _tell(db, order, one, why, at)


def _tell(db: Connection, order: Order, one: Try, why: Refused, at: datetime) -> None:
    observe.count("debit_failed")
    observe.info("debit failed", order_no=order.order_no, try_no=one.try_no, reason=why.reason, code=why.code)
    outbox.record(
        db,
        DebitFailed(
            event_id=new_ulid(),
            occurred_at=at,
            order_no=order.order_no,
            kind=order.kind,
            target_id=order.target_id,
            buyer_id=order.user_id,
            try_no=one.try_no,
            reason=why.reason,
            hard=why.hard,
            failed_at=at,
        ),
    )
