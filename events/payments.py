"""Facts of payments. Amounts are minor units of `currency` (fen for CNY)."""

from datetime import datetime
from typing import ClassVar, Literal

from events.base import Fact


class OrderPaid(Fact):
    """An order was paid in full, once, whatever notices say it again."""

    NAME: ClassVar[str] = "payments.order_paid.v1"

    order_no: str
    kind: str
    target_id: int
    buyer_id: int
    seller_id: int
    title: str
    amount: int
    currency: str
    channel: str
    payment_no: str
    gateway_no: str
    paid_at: datetime
    platform_discount: int = 0
    """What the platform took off the price at its own cost: the seller is paid as if the buyer had paid that too."""


class TransferEnded(Fact):
    """A channel says that a transfer to a payee, under a number of ours, came to its end. Which, the channel tells who asks."""

    NAME: ClassVar[str] = "payments.transfer_ended.v1"

    channel: str
    transfer_no: str
    told_at: datetime


class OrderClosed(Fact):
    """An unpaid order ended; what was reserved for it is free again."""

    NAME: ClassVar[str] = "payments.order_closed.v1"

    order_no: str
    kind: str
    target_id: int
    buyer_id: int
    reason: Literal["expired", "cancelled"]
    closed_at: datetime


class RefundSucceeded(Fact):
    """The vendor gave money back. `refunded_total` includes this refund; `full` when nothing of the order is left."""

    NAME: ClassVar[str] = "payments.refund_succeeded.v1"

    refund_id: int
    order_no: str
    kind: str
    target_id: int
    buyer_id: int
    seller_id: int
    amount: int
    refunded_total: int
    order_amount: int
    full: bool
    currency: str
    channel: str
    refunded_at: datetime


class DebitFailed(Fact):
    """A debit that was asked for took no money; its order is still open. `hard` when trying again cannot help.

    An outcome nobody knows yet is not a failure: it is asked for until it is known.
    """

    NAME: ClassVar[str] = "payments.debit_failed.v1"

    order_no: str
    kind: str
    target_id: int
    buyer_id: int
    try_no: int
    reason: Literal["insufficient", "limit", "agreement_ended", "declined", "order_closed"]
    hard: bool
    failed_at: datetime
