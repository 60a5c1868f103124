"""Trying to pay an order, asking the gateway what became of it, and closing what nobody may pay any more.

A vendor is never called inside a transaction: the intention is committed first, the outcome written after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.payments.errors import (
    GatewayFailed,
    OrderNotFound,
    OrderNotPayable,
    PaymentNotStarted,
)
from functions.payments.gateways.base import Bill, Buyer, Declined, Ended, Handover, NoAnswer, Paid, Unpaid
from functions.payments.gateways.registry import gateway
from functions.payments.models import BALANCE, RETRY_AFTER, Attempt, Channel, Order, Scene
from functions.payments.service import risk
from functions.payments.service.settlement import Evidence, settle
from functions.payments.store import attempts, orders
from shared import clock, observe
from shared.ids import new_order_no
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work
from shared.sql.tunables import tunable

_BATCH = 100
_MOST_ASKED_ABOUT = 5
# A gateway that is down answers nobody: the run ends, the next one tries again.
_SILENCES = 3
# How long after its end a payment the gateway had not seen is asked about a last time.
_AFTERMATH = timedelta(minutes=1)


def start(
    db: Connection, uid: int, order_no: str, channel: Channel, scene: Scene, *, ip: str | None = None
) -> tuple[Order, Attempt]:
    """Write the intention to have an own order paid, from that address; an attempt that still lives is used again.

    Raises OrderNotFound, OrderNotPayable, RiskRejected or RiskChallengeRequired.
    """
    at = clock.now()
    order = orders.lock(db, order_no=order_no)
    if order is None or order.user_id != uid:
        raise OrderNotFound
    if not order.is_payable(at):
        raise OrderNotPayable(status=order.status)
    if channel not in tunable(db, "payment.enabled_channels"):
        raise OrderNotPayable(channel=channel)
    risk.admit(db, order, ip)
    return order, attempts.start(db, order, new_order_no(), channel=channel, scene=scene, at=at, ip=ip)


def hand_over(order: Order, attempt: Attempt, buyer: Buyer) -> Handover:
    """How the buyer gets to pay; may call the vendor, so outside of any transaction. Raises GatewayFailed."""
    if attempt.qr_code is not None:
        return Handover(qr_code=attempt.qr_code)
    bill = Bill(
        payment_no=attempt.payment_no,
        order_no=order.order_no,
        amount=attempt.money,
        subject=order.title,
        scene=attempt.scene or "pc",
        expires_at=attempt.expires_at,
        buyer=buyer,
    )
    said = gateway(attempt.channel).create(bill)
    if isinstance(said, Handover):
        return said
    raise _failed(said)


def keep(db: Connection, attempt: Attempt, handover: Handover) -> None:
    """Write what the vendor gave us, where asking again would be another call."""
    if handover.qr_code is not None and handover.qr_code != attempt.qr_code:
        attempts.keep_qr_code(db, attempt.payment_no, handover.qr_code, clock.now())


@dataclass(frozen=True, slots=True)
class Verified:
    """An order after its gateway was asked, what that said in its own words, and whether it changed anything."""

    order: Order
    gateway_status: str
    changed: bool


def verify(uid: int, order_no: str) -> Verified:
    """Ask the gateway about an own order, and settle it when it is paid.

    Raises OrderNotFound, PaymentNotStarted, or GatewayFailed with nothing stored.
    """
    with reading() as db:
        order = orders.find(db, order_no)
        if order is None or order.user_id != uid:
            raise OrderNotFound
        tried = attempts.of_order(db, order_no)
    if not tried:
        raise PaymentNotStarted
    asked = [one for one in tried if one.status == "succeeded"][:1] or tried[:_MOST_ASKED_ABOUT]
    if asked[0].channel == BALANCE:
        return Verified(order, "paid", changed=False)
    told = []
    for attempt in asked:
        said = gateway(attempt.channel).query(attempt.payment_no)
        if isinstance(said, NoAnswer):
            raise _failed(said)
        told.append((attempt, said))
        if isinstance(said, Paid):
            break
    with unit_of_work() as db:
        for attempt, said in told:
            _apply(db, attempt.payment_no, attempt.channel, said, clock.now())
        after = orders.find(db, order_no) or order
    return Verified(after, _telling(told), changed=after.status != order.status)


def _telling(told: Sequence[tuple[Attempt, Paid | Unpaid | Ended]]) -> str:
    """The status of the paid attempt, else of the newest."""
    return next((said.status for _, said in told if isinstance(said, Paid)), told[0][1].status)


def look_after_due() -> int:
    """Ask about, or close, every attempt whose time has come; how many the gateway spoke of."""
    with reading() as db:
        due = attempts.due(db, clock.now(), _BATCH)
    return look_after(due)


def look_after(due: Sequence[attempts.Due]) -> int:
    """Ask the gateway about attempts of pending orders, and close those of orders that are over."""
    spoken = silences = 0
    for one in due:
        said = _ask(one)
        with unit_of_work() as db:
            _apply(db, one.payment_no, one.channel, said, clock.now())
        answered = not isinstance(said, NoAnswer)
        spoken += answered
        silences = 0 if answered else silences + 1
        if silences == _SILENCES:
            observe.warn("gateway is silent", channel=one.channel)
            break
    return spoken


def _ask(one: attempts.Due) -> Paid | Unpaid | Ended | NoAnswer:
    vendor = gateway(one.channel)
    if one.order_status != "pending" and one.status == "created":
        said = vendor.close(one.payment_no)
        if not isinstance(said, Declined):
            return said
    return vendor.query(one.payment_no)


def _apply(db: Connection, payment_no: str, channel: Channel, said: Paid | Unpaid | Ended | NoAnswer, at: datetime) -> None:
    """Write what a gateway said of one attempt, its order being held."""
    if isinstance(said, Paid):
        settle(db, Evidence(channel, payment_no, said), at)
        return
    orders.lock(db, payment_no=payment_no)
    attempt = attempts.find(db, payment_no)
    if attempt is None or attempt.status == "succeeded":
        return
    if isinstance(said, NoAnswer):
        attempts.ask_again(db, payment_no, at + RETRY_AFTER, at, counts=False)
    elif isinstance(said, Ended):
        last_look = attempt.expires_at + _AFTERMATH
        attempts.close(db, payment_no, None if said.seen else max(last_look, at + RETRY_AFTER), at)
    else:
        attempts.ask_again(db, payment_no, _next_look(attempt), at, counts=True)


def _next_look(attempt: Attempt) -> datetime | None:
    """A closed attempt was looked at for the last time; an open one goes on along the ladder."""
    return None if attempt.status == "closed" else attempt.next_query()


def _failed(said: Declined | NoAnswer) -> GatewayFailed:
    reason = said.code if isinstance(said, Declined) else said.reason
    observe.count("payment_gateway_error")
    observe.warn("gateway did not serve", reason=reason)
    return GatewayFailed(reason=reason)
