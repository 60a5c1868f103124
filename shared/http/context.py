"""What is known about the request in hand, carried in the ASGI scope: its id, language, address, and rate headers."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any, cast

from shared.i18n import Locale
from shared.sql.duty import Duty


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
    accept_language: str = ""
    api_key: str = ""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    rule: str = ""
    status: int = 0
    uid: int = 0
    """Whoever the token names, known before anything is allowed; 0 for nobody."""
    session: str = ""
    """The kind of that session: `user` or `staff`."""
    duty: Duty | None = None
    """What a staff mutation owes the audit log."""
    error: str = ""
    """The stable name of the refusal that was answered."""


def of_scope(scope: MutableMapping[str, Any]) -> RequestContext:
    """The context that the edge middleware put into the scope."""
    return cast("RequestContext", scope["house"])
