"""Paying through WeChat: starting a payment, and hearing what became of it."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from functions.payments.errors import AmountMismatch, OrderNotFound, SignatureInvalid
from functions.payments.gateways.base import Buyer
from functions.payments.http import callbacks, starting
from functions.payments.models import Scene
from functions.payments.schemas import PaymentOut, WechatIn
from shared.http.app import BASE
from shared.http.auth import Context, Signed, SignedIn
from shared.http.envelope import Answer
from shared.http.idempotency import OnceOnly
from shared.http.problems import problems
from shared.http.sql import Steps
from shared.vendors.wechat_v2 import ACKNOWLEDGED

router = APIRouter(prefix=BASE + "/payments/wechat", tags=["payments"])

_SCENES: Final[dict[str, Scene]] = {"native": "qr", "h5": "h5", "jsapi": "jsapi", "app": "app"}


@router.post("/create", status_code=201, responses=starting.REFUSALS)
async def create_payment(
    body: WechatIn, caller: SignedIn, once: OnceOnly, context: Context, _steps: Steps
) -> Answer[PaymentOut]:
    """Start a WeChat payment of an own order: a code to scan, an address, or parameters for WeChat's app or page."""
    buyer = Buyer(ip=context.ip, openid=body.openid)
    return starting.start(caller, once, "wechat", body.order_no, scene=_SCENES[body.scene], buyer=buyer)


@router.post(
    "/callback",
    response_class=JSONResponse,
    responses=problems(SignatureInvalid, OrderNotFound, AmountMismatch),
)
async def hear_wechat(request: Request, _signed: Signed, _steps: Steps) -> Response:
    """WeChat's notice of a payment or refund; anything but success makes it come again, fifteen times."""
    return callbacks.hear("wechat", request)


@router.post(
    "/debits/callback",
    response_class=PlainTextResponse,
    responses=problems(SignatureInvalid, OrderNotFound, AmountMismatch),
)
async def hear_wechat_debit(request: Request, _signed: Signed, _steps: Steps) -> Response:
    """WeChat's notice of a debit by agreement, which is still told in its older wire, and answered in it."""
    callbacks.hear("wechat", request)
    return Response(ACKNOWLEDGED, media_type="text/xml")
