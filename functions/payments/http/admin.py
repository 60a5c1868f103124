"""The back office of payments: all orders, refund requests and the decision on them."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from functions.payments import lists
from functions.payments.errors import GatewayFailed, RefundNotFound, RefundNotPending
from functions.payments.gateways.base import Declined
from functions.payments.schemas import AdminOrderOut, ProcessIn, RefundOut, refund_out
from functions.payments.service import refunds, statistics
from functions.payments.statistics_schemas import PaymentStatistics
from functions.payments.store.statistics import GroupBy
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import request_context, staff
from shared.http.context import RequestContext
from shared.http.envelope import Answer, Id, Page, PathId, answer
from shared.http.idempotency import OnceOnly
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Steps
from shared.sql import audit
from shared.sql.edge import unit_of_work

router = APIRouter(prefix=BASE + "/admin/payments", tags=["payments"])

Text = Annotated[str | None, Query(max_length=32)]


@router.get("/orders")
async def list_all_orders(  # noqa: PLR0917 - FastAPI passes the query by name
    _caller: Annotated[Caller, staff("payment:read")],
    db: Read,
    query: Paging,
    order_no: Text = None,
    user_id: Annotated[Id | None, Query()] = None,
    channel: Text = None,
    status: Text = None,
    kind: Text = None,
    date_from: date | None = None,
    date_to: date | None = None,
) -> Answer[Page[AdminOrderOut]]:
    """All orders, with their buyers and transactions."""
    filters: dict[str, object] = {
        "order_no": order_no,
        "user_id": user_id,
        "channel": channel,
        "status": status,
        "kind": kind,
    }
    return answer(lists.ALL_ORDERS.page(db, query, filters | lists.days(date_from, date_to), lists.admin_order_row))


@router.get("/statistics")
async def payment_statistics(
    _caller: Annotated[Caller, staff("payment:read")],
    db: Read,
    date_from: date | None = None,
    date_to: date | None = None,
    group_by: GroupBy = "day",
) -> Answer[PaymentStatistics]:
    """Counts, amounts, success and failure rate of payments, by day in Shanghai, by channel or by kind of order."""
    return answer(statistics.statistics(db, date_from, date_to, group_by))


@router.get("/refunds")
async def list_refunds(
    _caller: Annotated[Caller, staff("payment:read")],
    db: Read,
    query: Paging,
    status: Text = None,
    order_no: Text = None,
) -> Answer[Page[RefundOut]]:
    """Refund requests."""
    return answer(lists.REFUNDS.page(db, query, {"status": status, "order_no": order_no}, lists.refund_row))


@router.post("/refunds/{refund_id:int}/process", responses=problems(RefundNotFound, RefundNotPending, GatewayFailed))
async def process_refund(
    refund_id: PathId,
    body: ProcessIn,
    caller: Annotated[Caller, staff("payment:write")],
    context: Annotated[RequestContext, Depends(request_context)],
    once: OnceOnly,
    _steps: Steps,
) -> Answer[RefundOut]:
    """Decide on a refund. Approved, the gateway is called; one that does not answer leaves it `processing`, to be finished."""
    with unit_of_work() as db:
        once.claim(db, caller)
        refund = refunds.decide(db, refund_id, body.action, caller.uid, body.comment)
        audit.admin_operation(
            db,
            caller,
            context,
            f"payment.refund.{body.action}",
            ("payment_refund", refund_id),
            order_no=refund.order_no,
            amount=refund.amount,
            comment=body.comment,
        )
        decided = once.keep(db, answer(refund_out(refund)))
    if refund.status != "processing":
        return decided
    said = refunds.ask(refund)
    with unit_of_work() as db:
        ended = once.keep(db, answer(refund_out(refunds.conclude(db, refund_id, said))))
    if isinstance(said, Declined):
        raise GatewayFailed(reason=said.code)
    return ended
