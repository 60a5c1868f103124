"""The wire of 委托代扣: calls as signed XML, and the page a contract is signed on."""

import secrets
from collections.abc import Callable
from html import escape
from typing import Any
from xml.etree.ElementTree import ParseError, fromstring

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from infra.local.sandbox.web import BadBodyError, fields, page
from infra.local.sandbox.wechat import papay
from infra.local.sandbox.wechat.keys import APPID, MCHID
from infra.local.sandbox.wechat.records import Contract
from infra.local.sandbox.wechat.vendor import DeclinedError, Wechat

_TITLE = "微信支付签约 WeChat contract"


def _call(method: papay.Method, how: str) -> Callable[[Request], Any]:
    async def call(request: Request) -> Response:
        """A signed call: check who asks, then answer it, signed, unless told to misbehave."""
        wechat: Wechat = request.app.state.wechat
        try:
            told = {one.tag: one.text or "" for one in fromstring(await request.body())}  # noqa: S314 - our own product's
        except ParseError:
            told = {}
        numbers = [told.get(name) for name in ("out_trade_no", "attach", "contract_code", "contract_id")]
        behaviour = wechat.switches.of(*numbers)
        what = f"POST {request.url.path.removeprefix('/wechat')}"
        key = wechat.keys.api_v2_key
        if (
            told.get("sign") != papay.signature(key, told, how=how)
            or told.get("mch_id") != MCHID
            or told.get("appid") != APPID
        ):
            wechat.journal.note("received", what, numbers, told, "签名错误")
            return Response(papay.xml({"return_code": "FAIL", "return_msg": "签名错误"}), media_type="text/xml")
        if behaviour.gateway == "down":
            wechat.journal.note("received", what, numbers, told, "down: 503")
            return Response("Service Unavailable", status_code=503)
        answer = {
            "return_code": "SUCCESS",
            "return_msg": "OK",
            "appid": APPID,
            "mch_id": MCHID,
            "nonce_str": secrets.token_hex(8),
        }
        try:
            said = (
                {"result_code": "FAIL", "err_code": "SYSTEMERROR"} if behaviour.gateway == "error" else method(wechat, told)
            )
            answer |= {"result_code": "SUCCESS"} | said
        except DeclinedError as declined:
            answer |= {"result_code": "FAIL", "err_code": declined.code, "err_code_des": declined.sentence}
        wechat.journal.note("received", what, numbers, told, answer)
        if behaviour.gateway == "unknown_once":
            wechat.switches.spend("gateway", *numbers)
            return Response("Bad Gateway", status_code=502)
        answer["sign"] = papay.signature(key, answer, how=how)
        if behaviour.gateway == "wrong_signature":
            answer["sign"] = answer["sign"][::-1]
        return Response(papay.xml(answer), media_type="text/xml")

    return call


def _offered(wechat: Wechat, told: papay.Told) -> Contract:
    if told.get("sign") != papay.signature(wechat.keys.api_v2_key, told, how="MD5"):
        raise DeclinedError(400, "SIGNERROR", "签约参数签名校验错误")
    return papay.offer(wechat, told)


async def show_contract(request: Request) -> Response:
    """The page inside WeChat on which a buyer agrees."""
    wechat: Wechat = request.app.state.wechat
    try:
        told = await fields(request)
        contract = _offered(wechat, told)
    except (BadBodyError, DeclinedError) as declined:
        wechat.journal.note("received", "GET /papay/entrustweb", [], {}, str(declined))
        return _problem(getattr(declined, "sentence", "参数构造错误"))
    wechat.journal.note("received", "GET /papay/entrustweb", [contract.contract_code], told, "page")
    return _shown(contract)


async def act_on_contract(request: Request) -> Response:
    """The page's buttons: to agree, and to end it; shows the page again."""
    wechat: Wechat = request.app.state.wechat
    contract = next((one for one in wechat.contracts if one.page == request.path_params["page"]), None)
    if contract is None:
        return _problem("签约页无效")
    try:
        (papay.sign if request.path_params["act"] == "agree" else papay.end)(wechat, contract)
    except DeclinedError as declined:
        return _problem(declined.sentence)
    return _shown(contract)


def _shown(contract: Contract) -> HTMLResponse:
    facts = {"签约协议号 Our number": contract.contract_code, "账号 Account": contract.account or "-"}
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    action = f"/wechat/papay/{contract.page}"
    if contract.ended_at is not None:
        state = '<p class="bad">已解约 Ended</p>'
    elif contract.signed_at is not None:
        state = f'<p class="good">✓ 已签约 Signed</p><form method="post" action="{action}/end"><button>解约 End it</button></form>'
    else:
        state = f'<form method="post" action="{action}/agree"><button>同意并签约 Agree</button></form>'
    return page(_TITLE, f'<section class="card"><h1>{_TITLE}</h1><dl>{rows}</dl>{state}</section>', narrow=True)


def _problem(sentence: str) -> HTMLResponse:
    card = f'<section class="card"><h1 class="bad">{escape(sentence)}</h1></section>'
    return page(_TITLE, card, narrow=True, status=400)


ROUTES = [
    Route("/wechat/papay/entrustweb", show_contract),
    *(Route(f"/wechat/{path}", _call(*method), methods=["POST"]) for path, method in papay.METHODS.items()),
    Route("/wechat/papay/{page}/{act}", act_on_contract, methods=["POST"]),
]
"""Before those of `http`, whose `/wechat/pay/{code}` is a page."""
