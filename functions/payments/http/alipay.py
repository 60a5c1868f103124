"""Paying through Alipay: starting a payment, and hearing what became of it."""

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from functions.payments.errors import (
    AmountMismatch,
    GatewayFailed,
    OrderNotFound,
    OrderNotPayable,
    RiskRejected,
    SignatureInvalid,
)
from functions.payments.http import callbacks
from functions.payments.schemas import AlipayIn, PaymentOut, payment_out
from functions.payments.service import attempts
from shared.http.app import BASE
from shared.http.auth import Signed, SignedIn
from shared.http.envelope import Answer, answer
from shared.http.idempotency import OnceOnly
from shared.http.problems import problems
from shared.http.sql import Steps
from shared.sql.edge import unit_of_work

router = APIRouter(prefix=BASE + "/payments/alipay", tags=["payments"])


@router.post("/create", status_code=201, responses=problems(OrderNotFound, OrderNotPayable, RiskRejected, GatewayFailed))
async def create_payment(body: AlipayIn, caller: SignedIn, once: OnceOnly, _steps: Steps) -> Answer[PaymentOut]:
    """Start an Alipay payment of an own order: an address to open, or a code to scan."""
    with unit_of_work() as db:
        # Only looked at: the key is taken with the answer, so that a call the vendor failed may be repeated.
        with db.transaction(force_rollback=True):
            once.claim(db, caller)
        order, attempt = attempts.start(db, caller.uid, body.order_no, "alipay", body.scene)
    handover = attempts.hand_over(order, attempt, body.return_url)
    with unit_of_work() as db:
        once.claim(db, caller)
        attempts.keep(db, attempt, handover)
        return once.keep(db, answer(payment_out(attempt, handover)), 201)


@router.post(
    "/callback",
    response_class=PlainTextResponse,
    responses=problems(SignatureInvalid, OrderNotFound, AmountMismatch),
)
async def hear_alipay(request: Request, _signed: Signed, _steps: Steps) -> Response:
    """Alipay's notice of a payment or refund; anything but the agreed word makes it come again."""
    return callbacks.hear("alipay", request)
