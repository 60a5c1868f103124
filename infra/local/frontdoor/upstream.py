"""Passes a request on and its answer back, byte for byte, as CloudFront does."""

from collections.abc import AsyncIterator, Iterable

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from shared.errors import ServiceDegraded

Headers = list[tuple[bytes, bytes]]

HOP_BY_HOP = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailers",
    b"transfer-encoding", b"upgrade", b"expect",
})  # fmt: skip


def end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Without the headers that concern one connection only (RFC 9110 7.6.1)."""
    return [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP]


def viewer_headers(request: Request) -> Headers:
    """The caller's headers with what CloudFront and API Gateway add: who asked, and how."""
    address = request.client.host if request.client else "127.0.0.1"
    before = request.headers.get("x-forwarded-for")
    replaced = {b"host", b"x-forwarded-for", b"x-forwarded-proto"}
    return [(name, value) for name, value in end_to_end(request.headers.raw) if name not in replaced] + [
        (b"x-forwarded-for", (f"{before}, {address}" if before else address).encode()),
        (b"x-forwarded-proto", request.url.scheme.encode()),
    ]


def target(request: Request) -> str:
    """Path and query exactly as they arrived, still percent-encoded."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope["query_string"]
    return (raw + (b"?" + query if query else b"")).decode("ascii")


async def forward(client: httpx.AsyncClient, request: Request, url: str, headers: Headers) -> Response:
    """Send the request to `url` and stream the answer back; raises ServiceDegraded when nobody answers."""
    has_body = "content-length" in request.headers or "transfer-encoding" in request.headers
    onward = httpx.Request(
        request.method,
        url,
        headers=[(b"host", httpx.URL(url).netloc), *headers],
        content=request.stream() if has_body else None,
    )
    try:
        answer = await client.send(onward, stream=True)
    except httpx.TransportError as problem:
        raise ServiceDegraded(reason="upstream_unavailable") from problem

    async def body() -> AsyncIterator[bytes]:
        try:
            async for chunk in answer.aiter_raw():
                yield chunk
        finally:
            await answer.aclose()

    response = StreamingResponse(body(), status_code=answer.status_code)
    response.raw_headers = end_to_end(answer.headers.raw)
    return response
