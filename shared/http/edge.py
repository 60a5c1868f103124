"""The edge as one pure-ASGI layer: request id, language, body limit, security headers, one log line, errors rendered.

One layer, because each BaseHTTPMiddleware costs three quarters of a request and three pure ones cost nothing
(reference: performance notes in docs/performance.md).
"""

import json
import os
import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import observe
from shared.errors import InternalError, PayloadTooLarge, Refusal, ValidationFailed
from shared.http import attempts
from shared.http.context import RequestContext
from shared.i18n import negotiate
from shared.ids import new_ulid

MAX_BODY = 2 * 1024 * 1024
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{1,128}$")
_NUL_IN_JSON = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SECURITY = {
    b"strict-transport-security": b"max-age=63072000; includeSubDomains",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cache-control": b"no-store",
}


def problem(refusal: Refusal, context: RequestContext) -> bytes:
    """The body of an error answer, in the caller's language."""
    return json.dumps(
        {
            "code": refusal.code,
            "error": refusal.error,
            "message": refusal.sentence(context.locale),
            "details": refusal.details,
            "request_id": context.request_id,
        },
        ensure_ascii=False,
        default=str,
    ).encode()


class Edge:
    """Wraps the application; everything that leaves it has passed here."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context = _context(scope)
        scope["house"] = context
        observe.bind(request_id=context.request_id, method=context.method, path=observe.mask_text(context.path))
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                context.status = message["status"]
                if context.duty is not None:
                    attempts.settle(context, scope)
                started = True
                message = {**message, "headers": _with_headers(message["headers"], context)}
            await send(message)

        try:
            context.body = await _body(context, receive)
            _refuse_nul(scope, context.body)
            await self.app(scope, _replay(context.body), answer)
        except Refusal as refusal:
            await send_problem(refusal, context, answer)
        except Exception:  # noqa: BLE001 - the last line of defence: a 500 in the envelope, and a log line that wakes someone
            observe.error("unhandled", path=context.path)
            if not started:
                await send_problem(InternalError(), context, answer)
        observe.request(context.status, context.rule)
        observe.flush()


async def send_problem(refusal: Refusal, context: RequestContext, send: Send) -> None:
    """Answer with a refusal."""
    context.error = refusal.error
    headers = [(b"content-type", b"application/json")]
    if refusal.retry_after is not None:
        headers.append((b"retry-after", str(refusal.retry_after).encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": problem(refusal, context)})


def _context(scope: Scope) -> RequestContext:
    headers = dict(scope["headers"])
    sent_id = headers.get(b"x-request-id", b"").decode("latin-1")
    gateway = scope.get("aws.event", {}).get("requestContext", {})
    client = scope.get("client") or ("", 0)
    return RequestContext(
        request_id=sent_id if _REQUEST_ID.match(sent_id) else str(gateway.get("requestId") or new_ulid()),
        locale=negotiate(headers.get(b"accept-language", b"").decode("latin-1")),
        ip=_viewer(headers.get(b"x-forwarded-for", b"").decode("latin-1")) or client[0] or "",
        user_agent=headers.get(b"user-agent", b"").decode("latin-1")[:500],
        method=scope["method"],
        path=scope["path"],
        content_length=headers.get(b"content-length", b""),
        media_type=headers.get(b"content-type", b"").split(b";")[0].strip().lower().decode("latin-1"),
        authorization=headers.get(b"authorization", b"").decode("latin-1"),
        accept_language=headers.get(b"accept-language", b"").decode("latin-1"),
        api_key=headers.get(b"x-api-key", b"").decode("latin-1").strip(),
    )


def _viewer(forwarded_for: str) -> str:
    """The caller's address: each proxy of ours appends the one it saw, so only the last FORWARDED_HOPS are believed.

    Whatever a caller writes into the header himself stands further left.
    """
    hops = int(os.environ.get("FORWARDED_HOPS", "0"))
    seen = [part.strip() for part in forwarded_for.split(",")]
    return seen[-hops] if 0 < hops <= len(seen) else ""


async def _body(context: RequestContext, receive: Receive) -> bytes:
    declared = context.content_length
    if declared.isdigit() and int(declared) > MAX_BODY:
        raise PayloadTooLarge(limit_bytes=MAX_BODY)
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            raise PayloadTooLarge(limit_bytes=MAX_BODY)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return b"".join(chunks)


def _refuse_nul(scope: Scope, body: bytes) -> None:
    """PostgreSQL text cannot hold U+0000; refused here once rather than as a failure in some query."""
    if b"%00" in scope.get("query_string", b"") or "\x00" in scope["path"]:
        raise ValidationFailed([{"field": "query", "message": "U+0000"}])
    if b"\x00" in body or _NUL_IN_JSON.search(body):
        raise ValidationFailed([{"field": "body", "message": "U+0000"}])


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _with_headers(own: Iterable[tuple[bytes, bytes]], context: RequestContext) -> list[tuple[bytes, bytes]]:
    headers = _SECURITY | dict(own)
    headers[b"x-request-id"] = context.request_id.encode()
    headers[b"content-language"] = context.locale.encode()
    for name, value in context.headers.items():
        headers[name.encode()] = value.encode()
    return list(headers.items())
