"""Asking for money back."""

from fastapi import APIRouter

from functions.payments.errors import (
    OrderNotFound,
    OrderNotPaid,
    RefundExceedsPaid,
    RefundPending,
    RefundWindowClosed,
)
from functions.payments.schemas import RefundIn, RefundOut, refund_out
from functions.payments.service import refunds
from shared.http.app import BASE
from shared.http.auth import SignedIn
from shared.http.envelope import Answer, answer
from shared.http.idempotency import OnceOnly
from shared.http.problems import problems
from shared.http.sql import Write

router = APIRouter(prefix=BASE + "/payments", tags=["payments"])


@router.post(
    "/refund/{order_no}",
    status_code=201,
    responses=problems(OrderNotFound, OrderNotPaid, RefundExceedsPaid, RefundWindowClosed, RefundPending),
)
async def request_refund(order_no: str, body: RefundIn, caller: SignedIn, db: Write, once: OnceOnly) -> Answer[RefundOut]:
    """Ask for an own payment back, in part or in full; an operator decides."""
    once.claim(db, caller)
    refund = refunds.request(db, caller.uid, order_no, body.amount, body.reason)
    return once.keep(db, answer(refund_out(refund)), 201)
