"""What is known about the request in hand, carried in the ASGI scope: its id, language, address, and rate headers."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any, cast

from shared.i18n import Locale


@dataclass(slots=True)
class RequestContext:
    """One per request. `ip` is the caller as the gateway saw it; `headers` are added to the answer."""

    request_id: str
    locale: Locale
    ip: str
    user_agent: str
    method: str
    path: str
    content_length: bytes = b""
    media_type: str = ""
    authorization: str = ""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    rule: str = ""
    status: int = 0


def of_scope(scope: MutableMapping[str, Any]) -> RequestContext:
    """The context that the edge middleware put into the scope."""
    return cast("RequestContext", scope["house"])
