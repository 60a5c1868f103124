"""Own orders: placed, listed, looked at, verified with the gateway, cancelled."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.payments import lists
from functions.payments.errors import (
    AlreadyOwned,
    CouponNotApplicable,
    GatewayFailed,
    NotForSale,
    OrderNotFound,
    OrderNotPending,
    PaymentNotStarted,
    TargetNotFound,
)
from functions.payments.models import OrderStatus
from functions.payments.schemas import (
    OrderDetailOut,
    OrderIn,
    OrderOut,
    RefundOut,
    TransactionOut,
    VerifiedOut,
    order_out,
)
from functions.payments.service import attempts, orders
from functions.payments.store import orders as store
from shared.http.app import BASE
from shared.http.auth import SignedIn
from shared.http.envelope import Answer, Page, answer
from shared.http.idempotency import OnceOnly
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Steps, Write
from shared.sql.connection import reading
from shared.sql.edge import unit_of_work

router = APIRouter(prefix=BASE + "/payments", tags=["payments"])


@router.post("/orders", status_code=201, responses=problems(TargetNotFound, AlreadyOwned, NotForSale, CouponNotApplicable))
async def place_order(body: OrderIn, caller: SignedIn, db: Write, once: OnceOnly) -> Answer[OrderOut]:
    """Order a single content or a membership at its present price."""
    once.claim(db, caller)
    order = orders.place(db, caller.uid, body.kind, body.target_id, body.coupon_code)
    return once.keep(db, answer(order_out(order)), 201)


@router.get("/orders")
async def list_orders(
    caller: SignedIn,
    db: Read,
    query: Paging,
    status: OrderStatus | None = None,
    kind: Annotated[str | None, Query(max_length=20)] = None,
) -> Answer[Page[OrderOut]]:
    """Own orders."""
    filters = {"user_id": caller.uid, "status": status, "kind": kind}
    return answer(lists.OWN_ORDERS.page(db, query, filters, lists.order_row))


@router.get("/status/{order_no}", responses=problems(OrderNotFound))
async def order_status(order_no: str, caller: SignedIn, db: Read) -> Answer[OrderDetailOut]:
    """An own order with its transactions and refunds."""
    order = store.find(db, order_no)
    if order is None or not store.is_of(db, order, caller.uid):
        raise OrderNotFound
    transactions, refunds = store.history(db, order_no)
    return answer(
        OrderDetailOut.model_construct(
            **dict(order_out(order)),
            transactions=[TransactionOut.model_validate(item) for item in transactions],
            refunds=[RefundOut.model_validate(item) for item in refunds],
        )
    )


@router.post("/verify/{order_no}", responses=problems(OrderNotFound, PaymentNotStarted, GatewayFailed))
async def verify_order(order_no: str, caller: SignedIn, _steps: Steps) -> Answer[VerifiedOut]:
    """Ask the gateway what became of an own order, and settle it when it is paid."""
    verified = attempts.verify(caller.uid, order_no)
    return answer(
        VerifiedOut.model_construct(
            order=order_out(verified.order), gateway_status=verified.gateway_status, changed=verified.changed
        )
    )


@router.post("/orders/{order_no}/cancel", responses=problems(OrderNotFound, OrderNotPending))
async def cancel_order(order_no: str, caller: SignedIn, _steps: Steps) -> Answer[OrderOut]:
    """Cancel an own order that is not paid; what was reserved for it is free again, and nobody can pay it any more."""
    with unit_of_work() as db:
        open_attempts = orders.cancel(db, caller.uid, order_no)
    attempts.look_after(open_attempts)
    with reading() as db:
        order = store.find(db, order_no)
    if order is None:
        raise OrderNotFound
    return answer(order_out(order))
