"""Alibaba Cloud's SendSms, played: verifies the signature, keeps the messages for people and tests to read."""

import json
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Literal
from urllib.parse import parse_qsl
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from infra.local.sandbox.journal import Journal
from infra.local.sandbox.shelf import Shelf
from infra.local.sandbox.sms.acs3 import fault
from infra.local.sandbox.switches import Switches
from infra.local.sandbox.web import BadBodyError, base_url, json_object, refusal
from shared import clock

SIGN_NAME = "ShareStack"
_WINDOW = timedelta(minutes=15)
_MOST_NUMBERS = 1000


class Message(BaseModel):
    """One message to one phone, as it would read."""

    id: str
    to: str
    text: str
    sent_at: datetime
    template: str
    params: dict[str, Any]


class SmsBehaviour(BaseModel):
    """How the vendor behaves: send, answer with one of its errors in a 200, or be away."""

    model_config = ConfigDict(extra="forbid")

    gateway: Literal["up", "down"] = "up"
    send: Literal["ok", "isv.BUSINESS_LIMIT_CONTROL", "isv.MOBILE_NUMBER_ILLEGAL", "isv.AMOUNT_NOT_ENOUGH"] = "ok"


class Sms:
    """The vendor with one account."""

    def __init__(self, folder: Path, database: Connection, journal: Journal) -> None:
        kept = folder / "sms_keys.json"
        if not kept.exists():
            kept.write_text(json.dumps({"LTAI" + secrets.token_hex(10): secrets.token_urlsafe(24)}))
            kept.chmod(0o600)
        self.secrets: dict[str, str] = json.loads(kept.read_text())
        self.messages = Shelf(database, "sms.messages", Message)
        self.journal = journal
        self.switches = Switches(SmsBehaviour)
        self.nonces: set[str] = set()

    def refuse(self, request: Request, body: bytes) -> str | None:
        """Why a request is turned away at the door, or None. A nonce is good once, a date for 15 minutes."""
        headers = request.headers
        # Mounted under /sms here; the vendor signs the path of its own host, which is `/`.
        path = request.url.path.removeprefix("/sms") or "/"
        wrong = fault(request.method, path, request.url.query, headers, body, secrets=self.secrets)
        if wrong:
            return wrong
        if (headers["x-acs-action"], headers["x-acs-version"]) != ("SendSms", "2017-05-25"):
            return "InvalidAction.NotFound"
        try:
            age = abs(clock.now() - datetime.fromisoformat(headers["x-acs-date"]))
        except (ValueError, TypeError):
            return "InvalidTimeStamp.Format"
        if age > _WINDOW:
            return "InvalidTimeStamp.Expired"
        if headers["x-acs-signature-nonce"] in self.nonces:
            return "SignatureNonceUsed"
        self.nonces.add(headers["x-acs-signature-nonce"])
        return None

    def send(self, asked: dict[str, str]) -> str:
        """Deliver to every number; the answer's Code."""
        numbers = [number for number in asked.get("PhoneNumbers", "").split(",") if number]
        try:
            params = json.loads(asked.get("TemplateParam") or "{}")
        except ValueError:
            return "isv.INVALID_JSON_PARAM"
        if not 0 < len(numbers) <= _MOST_NUMBERS or not isinstance(params, dict):
            return "isv.INVALID_PARAMETERS"
        if not asked.get("SignName") or not asked.get("TemplateCode"):
            return "isv.SMS_TEMPLATE_ILLEGAL"
        said = "，".join(f"{name}: {value}" for name, value in params.items())
        for number in numbers:
            message = Message(
                id=f"{clock.now().isoformat()}/{uuid4().hex}",
                to=number,
                text=f"【{asked['SignName']}】{asked['TemplateCode']} {said}",
                sent_at=clock.now(),
                template=asked["TemplateCode"],
                params=params,
            )
            self.messages.keep(message.id, message)
        return "OK"


async def send_sms(request: Request) -> JSONResponse:
    """`SendSms`: parameters in the query, an error of the account in a 200, of the request in a 4xx."""
    sms = _sms(request)
    body = await request.body()
    asked = dict(parse_qsl(request.url.query, keep_blank_values=True))
    numbers = asked.get("PhoneNumbers", "").split(",")
    behaviour = sms.switches.of(*numbers)
    if behaviour.gateway == "down":
        return JSONResponse({"Code": "ServiceUnavailable"}, status_code=503)
    wrong = sms.refuse(request, body)
    code = wrong or (sms.send(asked) if behaviour.send == "ok" else behaviour.send)
    answer = {"Code": code, "Message": code, "RequestId": str(uuid4()).upper()}
    if code == "OK":
        answer["BizId"] = secrets.token_hex(10)
    sms.journal.note("received", "SendSms", numbers, dict(asked), answer)
    return JSONResponse(answer, status_code=400 if wrong else 200)


async def credentials(request: Request) -> JSONResponse:
    """What the product's configuration wants to know."""
    [(key, secret)] = _sms(request).secrets.items()
    return JSONResponse(
        {
            "endpoint": f"{base_url(request)}/sms",
            "access_key_id": key,
            "access_key_secret": secret,
            "sign_name": SIGN_NAME,
        }
    )


async def messages(request: Request) -> JSONResponse:
    """The messages, newest first; `?to=` for one phone."""
    to = request.query_params.get("to")
    found = [
        message.model_dump(mode="json", exclude={"id"})
        for message in _sms(request).messages
        if to is None or message.to == to
    ]
    return JSONResponse({"items": found[::-1]})


async def behaviour(request: Request) -> JSONResponse:
    """GET what is in force; POST `{field: value…, "order_no"?: phone, "reset"?}` to change it."""
    sms = _sms(request)
    if request.method == "POST":
        try:
            sms.switches.change(await json_object(request))
        except (BadBodyError, ValidationError) as error:
            return refusal(400, "invalid_behaviour", f"无法理解的开关：{error}", f"Not a switch: {error}")
    return JSONResponse(sms.switches.shown())


async def requests(request: Request) -> JSONResponse:
    """What was received, newest first."""
    return JSONResponse({"items": _sms(request).journal.items()})


def _sms(request: Request) -> Sms:
    sms: Sms = request.app.state.sms
    return sms


ROUTES = [
    Route("/sms", send_sms, methods=["POST"]),
    Route("/sms/", send_sms, methods=["POST"]),
    Route("/sms/credentials", credentials),
    Route("/_control/sms/messages", messages),
    Route("/_control/sms/behaviour", behaviour, methods=["GET", "POST"]),
    Route("/_control/sms/requests", requests),
]
