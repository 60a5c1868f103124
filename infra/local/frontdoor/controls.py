"""Controls of the laptop cloud, under `/_local`: they exist in this process only, so never in AWS."""

import json
from datetime import UTC, datetime
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from infra.local.clock import LocalClock, NotAClockMove
from infra.local.frontdoor.buyer import Buyer
from infra.local.frontdoor.upstream import end_to_end, forward, target
from infra.local.settings import Local
from shared.clock import rfc3339
from shared.errors import MalformedJson, ServiceDegraded, ValidationFailed

Item = dict[str, Any]


class Controls:
    """Drives a journey from outside: who may log in, what was sent, what time it is, how vendors behave."""

    def __init__(self, local: Local, client: httpx.AsyncClient, buyer: Buyer) -> None:
        self._local, self._client, self._buyer = local, client, buyer
        self._clock = LocalClock(local.clock)

    async def seed(self, _: Request) -> Response:
        """`GET /_local/seed`: logins and ids of the demo data; 503 until they are there."""
        return JSONResponse(self.seeded())

    async def mail(self, request: Request) -> Response:
        """`GET /_local/mail?to=`: mails sent, newest first."""
        return JSONResponse({"items": await self.mailbox(request.query_params.get("to"))})

    async def clock(self, request: Request) -> Response:
        """`GET /_local/clock` reads, `POST` moves with `{"advance": "7d"}` or `{"at": "2026-12-01T00:00:00Z"}`."""
        if request.method == "POST":
            self._move(await _json(request))
        return JSONResponse(self._clock.reading())

    async def sandbox(self, request: Request) -> Response:
        """`/_local/sandbox/{vendor}/…`: how vendors behave is asked of and told to the simulators themselves."""
        if request.method == "POST" and request.url.path.endswith("/pay"):
            await self._buyer.open(request)
        return await self._simulator(request, target(request).removeprefix("/_local/sandbox"))

    async def sms(self, request: Request) -> Response:
        """`GET /_local/sms?to=`: text messages sent, newest first."""
        return await self._simulator(request, "/sms/messages" + target(request).removeprefix("/_local/sms"))

    def seeded(self) -> Item:
        """What the seeder wrote."""
        if not self._local.seed.exists():
            raise ServiceDegraded(reason="not_seeded_yet")
        seeded: Item = json.loads(self._local.seed.read_text())
        return seeded

    async def mailbox(self, to: str | None) -> list[Item]:
        """Mails to an address, or all: one item for each recipient."""
        try:
            answer = await self._client.get(f"{self._local.emulator_url}/_ministack/ses/messages")
        except httpx.TransportError as problem:
            raise ServiceDegraded(reason="upstream_unavailable") from problem
        sent = [message for account in answer.json()["messages"].values() for message in account]
        return [
            {
                "to": recipient,
                "subject": message["Subject"],
                "text": message["BodyText"] or message["BodyHtml"] or "",
                "sent_at": rfc3339(datetime.fromtimestamp(message["Timestamp"], UTC)),
            }
            for message in sorted(sent, key=lambda message: message["Timestamp"], reverse=True)
            for recipient in message["To"]
            if to is None or recipient.lower() == to.lower()
        ]

    def reading(self) -> Item:
        """What the clock says."""
        return dict(self._clock.reading())

    async def _simulator(self, request: Request, path: str) -> Response:
        headers = [(name, value) for name, value in end_to_end(request.headers.raw) if name != b"host"]
        return await forward(self._client, request, f"{self._local.sandbox_url}/_control{path}", headers)

    def _move(self, wish: object) -> None:
        try:
            match wish:
                case {"advance": str(by), **rest} if not rest:
                    self._clock.advance(by)
                case {"at": str(at), **rest} if not rest:
                    self._clock.move_to(at)
                case _:
                    raise ValidationFailed([{"field": "body", "message": 'give {"advance": "7d"} or {"at": "…Z"}'}])
        except NotAClockMove as problem:
            raise ValidationFailed([{"field": "body", "message": str(problem)}]) from problem


async def _json(request: Request) -> object:
    try:
        parsed: object = json.loads(await request.body())
    except ValueError as problem:
        raise MalformedJson from problem
    return parsed
