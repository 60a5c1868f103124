"""The public side of 数电发票: the signed API, the taxpayer's console, and the controls."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.sandbox import controls
from infra.local.sandbox.einvoice.vendor import Behaviour, DeclinedError, Einvoice, Issued
from infra.local.sandbox.web import base_url
from shared import clock


async def api(request: Request) -> Response:
    """A signed call: check who asks, then answer it, signed, unless told to misbehave."""
    einvoice: Einvoice = request.app.state.einvoice
    body = await request.body()
    path = request.url.path.removeprefix("/einvoice")
    serial = request.path_params.get("serial") or _serial(body)
    behaviour = einvoice.switches.of(serial)
    if not einvoice.keys.is_from_app(request.method, path, request.headers, body, clock.now().timestamp()):
        return JSONResponse({"code": "SIGN_ERROR", "message": "签名错误"}, 401)
    if behaviour.gateway == "down":
        einvoice.journal.note("received", f"{request.method} {path}", [serial], {}, "down: 503")
        return Response("Service Unavailable", status_code=503)
    answer, status = _answer(einvoice, request, path, serial, body)
    einvoice.journal.note("received", f"{request.method} {path}", [serial], json.loads(body or b"{}"), str(status))
    if behaviour.gateway == "unknown_once" and request.method == "POST":
        einvoice.switches.spend("gateway", serial)
        return Response("Bad Gateway", status_code=502)
    return _signed(einvoice, request, answer, status, behaviour)


def _answer(einvoice: Einvoice, request: Request, path: str, serial: str, body: bytes) -> tuple[bytes, int]:
    try:
        if path.endswith("/file"):
            return einvoice.file(serial), 200
        one = einvoice.issue(json.loads(body)) if request.method == "POST" else einvoice.query(serial)
    except DeclinedError as declined:
        return _json({"code": declined.code, "message": declined.sentence}), declined.status
    return _json({"code": "OK", "message": "成功", "data": _shown(one)}), 200


def _shown(one: Issued) -> dict[str, Any]:
    told: dict[str, Any] = {"serial": one.serial, "status": one.status}
    if one.status == "issued":
        told |= {"invoice_no": one.invoice_no, "issued_at": one.made_at.isoformat()}
    if one.status == "failed":
        told["reason"] = "开票信息有误"
    return told


def _signed(einvoice: Einvoice, request: Request, body: bytes, status: int, behaviour: Behaviour) -> Response:
    signature = einvoice.keys.answer_signature(request.headers.get("x-nonce", ""), body)
    if behaviour.gateway == "wrong_signature":
        signature = signature[::-1]
    kind = "application/pdf" if body.startswith(b"%PDF-") else "application/json; charset=utf-8"
    return Response(body, status, {"X-Signature": signature}, media_type=kind)


def _serial(body: bytes) -> str:
    try:
        return str(json.loads(body).get("serial", ""))
    except (ValueError, AttributeError):
        return ""


def _json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()


async def credentials(request: Request) -> JSONResponse:
    """What the taxpayer copies from the console into the secret `einvoice`."""
    einvoice: Einvoice = request.app.state.einvoice
    return JSONResponse(einvoice.keys.credentials(f"{base_url(request)}/einvoice"))


ROUTES = [
    Route("/einvoice/v1/invoices", api, methods=["POST"]),
    Route("/einvoice/v1/invoices/{serial}", api),
    Route("/einvoice/v1/invoices/{serial}/file", api),
    Route("/einvoice/credentials", credentials),
    *controls.routes(
        "einvoice",
        acts={},
        lists={"invoices": lambda einvoice: [one.model_dump(mode="json", exclude={"request"}) for one in einvoice.invoices]},
    ),
]
