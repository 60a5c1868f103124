"""Paying through Alipay: starting a payment, and hearing what became of it."""

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from functions.payments.errors import AmountMismatch, OrderNotFound, SignatureInvalid
from functions.payments.gateways.base import Buyer
from functions.payments.http import callbacks, starting
from functions.payments.schemas import AlipayIn, PaymentOut
from shared.http.app import BASE
from shared.http.auth import Context, Signed, SignedIn
from shared.http.envelope import Answer
from shared.http.idempotency import OnceOnly
from shared.http.problems import problems
from shared.http.sql import Steps

router = APIRouter(prefix=BASE + "/payments/alipay", tags=["payments"])


@router.post("/create", status_code=201, responses=starting.REFUSALS)
async def create_payment(
    body: AlipayIn, caller: SignedIn, once: OnceOnly, context: Context, _steps: Steps
) -> Answer[PaymentOut]:
    """Start an Alipay payment of an own order: an address to open, or a code to scan."""
    buyer = Buyer(body.return_url, ip=context.ip)
    return starting.start(caller, once, "alipay", body.order_no, scene=body.scene, buyer=buyer)


@router.post(
    "/callback",
    response_class=PlainTextResponse,
    responses=problems(SignatureInvalid, OrderNotFound, AmountMismatch),
)
async def hear_alipay(request: Request, _signed: Signed, _steps: Steps) -> Response:
    """Alipay's notice of a payment or refund; anything but the agreed word makes it come again."""
    return callbacks.hear("alipay", request)
