"""What every provider can do for us, and what may come of asking: one vocabulary for all five, and the one that is not there."""

import json
import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel, ConfigDict

from functions.identity.errors import ProviderNotConfigured
from functions.identity.providers import Journey, Provider, ProviderAccount, Return

if TYPE_CHECKING:
    import httpx

_CONNECT_SECONDS, _READ_SECONDS = 2.0, 5.0
"""A person waits behind at most four calls, and a request has 30 s for all of them."""
_SUBJECT_MAX = 255
_VENDOR_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TOO_MANY = 429
_SERVER_ERROR = 500


class Away(Exception):  # noqa: N818 - what became of the call
    """The provider could not be reached, or answered what nobody can read; the argument says which, without secrets."""


class Declined(Exception):  # noqa: N818 - likewise
    """The provider answered, and the answer proves nobody. `reason` is one of ours, `vendor_code` the provider's own."""

    def __init__(self, reason: str, vendor_code: object = None) -> None:
        super().__init__(reason)
        self.reason = reason
        text = "" if vendor_code is None else str(vendor_code)
        self.vendor_code = text if _VENDOR_CODE.fullmatch(text) else None


class ProviderConfig(BaseModel):
    """What the console of every provider gives. `redirect_uris` are those registered there beside the API's own."""

    model_config = ConfigDict(hide_input_in_errors=True)

    client_id: str
    client_secret: str
    redirect_uris: frozenset[str] = frozenset()


class OauthGateway(Protocol):
    """One provider; `redirect_uris` are where a person may be sent back to, beside the API's own callback."""

    redirect_uris: frozenset[str]

    def authorize_url(self, journey: Journey) -> str:
        """Where to send the person. Raises ProviderNotConfigured."""

    def identify(self, journey: Journey, back: Return) -> ProviderAccount:
        """Who came back with this code. Raises Away, Declined or ProviderNotConfigured."""


class NullOauth:
    """A provider nobody configured."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.redirect_uris: frozenset[str] = frozenset()

    def authorize_url(self, journey: Journey) -> str:  # noqa: ARG002 - the protocol's
        """Refuse."""
        raise ProviderNotConfigured(provider=self._provider)

    def identify(self, journey: Journey, back: Return) -> ProviderAccount:  # noqa: ARG002 - likewise
        """Refuse."""
        raise ProviderNotConfigured(provider=self._provider)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider answered."""

    status: int
    text: str

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object. Raises Away when it is none."""
        try:
            said = json.loads(self.text)
        except ValueError as error:
            raise Away("unreadable answer") from error
        if not isinstance(said, dict):
            raise Away("unreadable answer")
        return said


class Wire:
    """HTTP to one provider, over one kept connection."""

    def __init__(self) -> None:
        self._http: httpx.Client | None = None

    def get(self, url: str, query: dict[str, str] | None = None) -> Reply:
        """GET. Raises Away when nothing useful came back."""
        return self._send("GET", url, params=query)

    def post(self, url: str, form: dict[str, str]) -> Reply:
        """POST a form. Raises Away when nothing useful came back."""
        return self._send("POST", url, data=form)

    def _send(self, method: str, url: str, **content: Any) -> Reply:
        import httpx  # 60 ms that a function pays only when it calls

        try:
            answer = self._client().request(method, url, headers={"accept": "application/json"}, **content)
            text = answer.content.decode()
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeDecodeError) as error:
            # Not chained: the message of the original holds the address, and that the secret.
            raise Away(type(error).__name__) from None
        if answer.status_code >= _SERVER_ERROR or answer.status_code == _TOO_MANY:
            raise Away(f"HTTP {answer.status_code}")
        return Reply(answer.status_code, text)

    def _client(self) -> "httpx.Client":
        if self._http is None:
            import httpx

            logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO lines hold whole addresses
            timeout = httpx.Timeout(_READ_SECONDS, connect=_CONNECT_SECONDS)
            self._http = httpx.Client(timeout=timeout, trust_env=False, follow_redirects=False)
        return self._http


def word(said: dict[str, Any], name: str) -> str:
    """A member the answer must have, as text of one to 255 characters. Raises Away without it."""
    value = said.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= _SUBJECT_MAX or "\x00" in value:
        raise Away(f"answer without {name}")
    return value


def token(said: dict[str, Any], name: str = "access_token") -> str:
    """A token the answer must have. Raises Away without it."""
    value = said.get(name)
    if not isinstance(value, str) or not value:
        raise Away(f"answer without {name}")
    return value


def optional(said: dict[str, Any], name: str) -> str | None:
    """A member the answer may have."""
    value = said.get(name)
    return value if isinstance(value, str) and value else None
