"""Paying through UnionPay: starting a payment, taking the buyer there, and hearing what became of it."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from functions.payments.errors import AmountMismatch, OrderNotFound, OrderNotPayable, SignatureInvalid
from functions.payments.gateways.base import Buyer
from functions.payments.gateways.registry import gateway
from functions.payments.http import callbacks, starting
from functions.payments.http.browser_form import browser_form
from functions.payments.schemas import PaymentOut, UnionpayIn
from shared.http.app import BASE
from shared.http.auth import Context, Public, Signed, SignedIn
from shared.http.context import of_scope
from shared.http.envelope import Answer
from shared.http.idempotency import OnceOnly
from shared.http.problems import problems
from shared.http.sql import Steps

router = APIRouter(prefix=BASE + "/payments/unionpay", tags=["payments"])


@router.post("/create", status_code=201, responses=starting.REFUSALS)
async def create_payment(
    body: UnionpayIn, caller: SignedIn, once: OnceOnly, context: Context, _steps: Steps
) -> Answer[PaymentOut]:
    """Start a UnionPay payment of an own order: an address to open, or the `tn` for UnionPay's app."""
    return starting.start(caller, once, "unionpay", body.order_no, scene=body.scene, buyer=Buyer(ip=context.ip))


@router.get("/page", include_in_schema=False)
async def show_page(request: Request, _viewer: Public) -> HTMLResponse:
    """The address of a started payment: UnionPay takes a form, and this page posts it.

    The query is that form, signed by us and good until its `payTimeout`; nothing else is ever posted from here.
    """
    from functions.payments.gateways.unionpay import UnionpayGateway  # only who pays by UnionPay pays for its client
    from shared.vendors.unionpay_wire import parse_form

    unionpay = gateway("unionpay")
    assert isinstance(unionpay, UnionpayGateway)  # noqa: S101 - narrows what the registry promises
    try:
        fields = parse_form(request.scope["query_string"])
    except ValueError as error:
        raise OrderNotPayable from error
    if not unionpay.is_own_form(fields):
        raise OrderNotPayable
    return browser_form(unionpay.form_url, fields, of_scope(request.scope).locale)


@router.post(
    "/callback",
    response_class=PlainTextResponse,
    responses=problems(SignatureInvalid, OrderNotFound, AmountMismatch),
)
async def hear_unionpay(request: Request, _signed: Signed, _steps: Steps) -> Response:
    """UnionPay's notice of a payment or refund; any other status than 200 makes it come again, four times."""
    return callbacks.hear("unionpay", request)
