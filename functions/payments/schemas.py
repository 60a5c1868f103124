"""What payments takes and gives. Amounts are fen."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from functions.payments.gateways.base import Handover
from functions.payments.models import Attempt, Order, OrderKind, OrderStatus, Refund, RefundStatus
from shared.http.envelope import Id, In, Out

OrderNo = Annotated[str, Field(min_length=1, max_length=32)]
WebAddress = Annotated[str, Field(max_length=256, pattern=r"^https?://[^\s]+$")]


class OrderIn(In):
    """What to buy."""

    kind: Literal["content", "membership"]
    target_id: Id
    coupon_code: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class AlipayIn(In):
    """Which order to pay, and where."""

    order_no: OrderNo
    scene: Literal["pc", "h5", "app", "qr"] = "pc"
    return_url: WebAddress | None = None


class WechatIn(In):
    """Which order to pay, and where; a page inside WeChat names its reader."""

    order_no: OrderNo
    scene: Literal["native", "h5", "jsapi", "app"] = "native"
    openid: Annotated[str, Field(min_length=1, max_length=128)] | None = None

    @model_validator(mode="after")
    def _names_the_reader(self) -> Self:
        if self.scene == "jsapi" and self.openid is None:
            raise ValueError("在微信内支付需要 openid|openid is required inside WeChat")
        return self


class UnionpayIn(In):
    """Which order to pay, and where."""

    order_no: OrderNo
    scene: Literal["pc", "h5", "app"] = "pc"


class RefundIn(In):
    """How much to give back, and why; all that is left when no amount is named."""

    amount: Annotated[int, Field(ge=1, le=10**13)] | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class ProcessIn(In):
    """The decision on a refund request."""

    action: Literal["approve", "reject"]
    comment: Annotated[str, Field(max_length=500)] | None = None


class PriceLine(Out):
    """What made up the price."""

    source: str
    id: int
    amount: int


class OrderOut(Out):
    """An order."""

    order_no: str
    user_id: int
    kind: OrderKind
    target_id: int
    title: str
    amount: int
    discount_amount: int
    payable_amount: int
    currency: str
    price_lines: list[PriceLine]
    status: OrderStatus
    channel: str | None
    refunded_amount: int
    paid_at: datetime | None
    expires_at: datetime
    created_at: datetime


class TransactionOut(Out):
    """One exchange with a gateway about an order."""

    payment_no: str
    order_no: str
    channel: str
    kind: Literal["pay", "refund", "renewal"]
    amount: int
    status: Literal["created", "succeeded", "failed", "closed"]
    gateway_no: str | None
    created_at: datetime
    finished_at: datetime | None


class RefundOut(Out):
    """A refund request."""

    refund_id: int
    order_no: str
    amount: int
    status: RefundStatus
    reason: str
    created_at: datetime


class OrderDetailOut(OrderOut):
    """An order with what happened to its money."""

    transactions: list[TransactionOut]
    refunds: list[RefundOut]


class UserBrief(Out):
    """Who someone is."""

    user_id: int
    username: str
    display_name: str
    avatar_url: str | None


class AdminOrderOut(OrderOut):
    """An order as the back office sees it."""

    user: UserBrief | None
    transactions: list[TransactionOut]


class PaymentOut(Out):
    """How to pay."""

    payment_no: str
    order_no: str
    channel: str
    amount: int
    pay_url: str | None
    qr_code: str | None
    app_params: dict[str, str] | None
    expires_at: datetime


class VerifiedOut(Out):
    """What the gateway says, and whether that changed the order."""

    order: OrderOut
    gateway_status: str
    changed: bool


def order_out(order: Order) -> OrderOut:
    """An order as it is sent."""
    return OrderOut.model_construct(
        order_no=order.order_no,
        user_id=order.user_id,
        kind=order.kind,
        target_id=order.target_id,
        title=order.title,
        amount=order.amount,
        discount_amount=order.discount_amount,
        payable_amount=order.payable_amount,
        currency=order.currency,
        price_lines=[PriceLine.model_construct(**line) for line in order.price_lines],
        status=order.status,
        channel=order.channel,
        refunded_amount=order.refunded_amount,
        paid_at=order.paid_at,
        expires_at=order.expires_at,
        created_at=order.created_at,
    )


def refund_out(refund: Refund) -> RefundOut:
    """A refund as it is sent."""
    return RefundOut.model_construct(
        refund_id=refund.refund_id,
        order_no=refund.order_no,
        amount=refund.amount,
        status=refund.status,
        reason=refund.reason,
        created_at=refund.created_at,
    )


def payment_out(attempt: Attempt, handover: Handover) -> PaymentOut:
    """A started payment as it is sent."""
    return PaymentOut.model_construct(
        payment_no=attempt.payment_no,
        order_no=attempt.order_no,
        channel=attempt.channel,
        amount=attempt.amount,
        pay_url=handover.pay_url,
        qr_code=handover.qr_code,
        app_params=handover.app_params,
        expires_at=attempt.expires_at,
    )
