"""Conditional GET (RFC 9110 §13): an answer with a validator, or 304 without a body when the client has it already."""

from collections.abc import Callable, Mapping

from pydantic import BaseModel
from starlette.responses import Response


def conditional(
    if_none_match: str | None, etag: str, build: Callable[[], BaseModel], headers: Mapping[str, str] | None = None
) -> Response:
    """304 when one of the client's tags is `etag` (quoted, as it is sent), else 200 with what `build` makes.

    Tags are compared weakly: a proxy that compresses an answer weakens its tag. The client asks every time (`no-cache`),
    so what changed is seen at once and what did not costs no body.
    """
    sent = {"etag": etag, "cache-control": "no-cache", **(headers or {})}
    known = {tag.strip().removeprefix("W/") for tag in (if_none_match or "").split(",")}
    if etag in known or "*" in known:
        return Response(status_code=304, headers=sent)
    return Response(build().model_dump_json(), media_type="application/json", headers=sent)
