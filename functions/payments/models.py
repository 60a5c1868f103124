"""Rows of payments, and the rules true of one of them: which state may follow which, and when to look again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeVar

from shared.money import Money
from shared.pricing import platform_discount

Channel = Literal["alipay", "wechat", "unionpay", "usdt", "balance"]
Scene = Literal["pc", "h5", "app", "qr", "jsapi"]
OrderKind = Literal["subscription", "renewal", "change_plan", "content", "membership", "gift"]
OrderStatus = Literal["pending", "paid", "cancelled", "expired", "refunding", "partially_refunded", "refunded"]
AttemptStatus = Literal["created", "succeeded", "failed", "closed"]
RefundStatus = Literal["pending", "processing", "succeeded", "rejected", "failed"]
CaseKind = Literal[
    "late", "surplus", "double_purchase", "amount_mismatch", "unknown_payment", "foreign_refund", "refund_stuck"
]

BALANCE: Final = "balance"
"""The channel that is no vendor's: the buyer's account in the ledger, moved in the transaction that moves the order."""

S = TypeVar("S", bound=str)
Moves = Mapping[S, Mapping[S, str]]
"""Which state may follow which, and what makes it: docs/payments.md is drawn from these by `python -m infra.payment_states`."""

# Money that arrives after the order was closed settles it all the same (rules.md §7); nothing else leads back.
ORDER_MOVES: Final[Moves[OrderStatus]] = {
    "pending": {"paid": "an attempt is paid", "cancelled": "the buyer cancels", "expired": "its time is over"},
    "cancelled": {"paid": "an attempt was paid all the same"},
    "expired": {"paid": "an attempt was paid all the same"},
    "paid": {"refunding": "a refund is asked for"},
    "refunding": {
        "paid": "no refund is open, and nothing went back",
        "partially_refunded": "no refund is open, and a part went back",
        "refunded": "all of it went back",
    },
    "partially_refunded": {"refunding": "another refund is asked for"},
    "refunded": {},
}
ATTEMPT_MOVES: Final[Moves[AttemptStatus]] = {
    "created": {
        "succeeded": "the channel says paid",
        "failed": "the channel says paid, but not what was owed",
        "closed": "the channel takes no money for it any more",
    },
    "failed": {"succeeded": "the channel says that what was owed was paid"},
    "closed": {"succeeded": "the channel says paid after all", "failed": "the same, but not what was owed"},
    "succeeded": {},
}
REFUND_MOVES: Final[Moves[RefundStatus]] = {
    "pending": {"processing": "a person approves, or nobody has to", "rejected": "a person says no"},
    "processing": {"succeeded": "the channel gave it back", "failed": "the channel says that it never will"},
    "succeeded": {},
    "rejected": {},
    "failed": {},
}

# After the start of an attempt (ARCHITECTURE, Money); a notice usually comes first.
QUERY_LADDER: Final = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
RETRY_AFTER: Final = timedelta(minutes=1)
_LONGEST_WAIT_MINUTES = 60
# A refund the gateway left open for so many tries becomes a case; it is still retried.
TRIES_BEFORE_CASE: Final = 10


class IllegalMoveError(Exception):
    """A state was asked to become one that cannot follow it: a fault of the program, never of a caller."""


def move(moves: Moves[S], now: S, to: S) -> S:
    """`to`, when it may follow `now`. Raises IllegalMoveError."""
    if to not in moves[now]:
        raise IllegalMoveError(f"{now} -> {to}")
    return to


@dataclass(frozen=True, slots=True)
class Order:
    """One payable. Amounts are fen."""

    order_no: str
    user_id: int
    kind: OrderKind
    target_id: int
    seller_id: int
    title: str
    amount: int
    discount_amount: int
    payable_amount: int
    currency: str
    price_lines: list[dict[str, Any]]
    status: OrderStatus
    channel: str | None
    payment_no: str | None
    refunded_amount: int
    paid_at: datetime | None
    expires_at: datetime
    created_at: datetime

    @property
    def payable(self) -> Money:
        """What the buyer owes."""
        return Money(self.payable_amount, self.currency)

    @property
    def platform_discount(self) -> int:
        """What the platform took off at its own cost, in fen; nothing where it sells itself."""
        return platform_discount(self.price_lines) if self.seller_id else 0

    @property
    def refundable(self) -> int:
        """What is left of the payment, in fen; nothing while unpaid."""
        return 0 if self.paid_at is None else self.payable_amount - self.refunded_amount

    def is_payable(self, at: datetime) -> bool:
        """Whether a payment may be started."""
        return self.status == "pending" and at < self.expires_at

    def without_open_refund(self) -> OrderStatus:
        """The state of a paid order once no refund request is open, from what was given back so far."""
        if self.refunded_amount == self.payable_amount:
            return "refunded"
        return "partially_refunded" if self.refunded_amount else "paid"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to pay an order. `payment_no` is the number the gateway knows it by."""

    payment_no: str
    order_no: str
    channel: Channel
    scene: Scene | None
    amount: int
    currency: str
    status: AttemptStatus
    gateway_no: str | None
    qr_code: str | None
    expires_at: datetime
    next_query_at: datetime | None
    queries: int
    created_at: datetime

    @property
    def money(self) -> Money:
        """What is to be paid."""
        return Money(self.amount, self.currency)

    def next_query(self) -> datetime | None:
        """When to ask the gateway again after one more query without news; None when the ladder ends."""
        following = self.queries + 1
        return self.created_at + QUERY_LADDER[following] if following < len(QUERY_LADDER) else None


@dataclass(frozen=True, slots=True)
class Refund:
    """Money to give back of one attempt. `refund_no` is the number the gateway knows it by."""

    refund_id: int
    refund_no: str
    order_no: str
    payment_no: str
    user_id: int
    channel: Channel
    origin: Literal["request", "surplus"]
    amount: int
    currency: str
    reason: str
    status: RefundStatus
    tries: int
    created_at: datetime
    paid_amount: int
    gateway_no: str | None

    @property
    def money(self) -> Money:
        """What is given back."""
        return Money(self.amount, self.currency)

    @property
    def total(self) -> Money:
        """What was paid."""
        return Money(self.paid_amount, self.currency)


@dataclass(frozen=True, slots=True)
class Notice:
    """A stored notice of a gateway. `payload` is enveloped."""

    id: int
    channel: Channel
    notify_id: str
    body_hash: str
    payload: str
    processed_at: datetime | None
    tries: int


def wait_after(tries: int) -> timedelta:
    """How long to wait after the `tries`-th fruitless try: 1, 2, 4 … minutes, an hour at most."""
    return timedelta(minutes=min(2 ** min(max(tries - 1, 0), 10), _LONGEST_WAIT_MINUTES))
