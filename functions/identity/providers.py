"""Providers whose accounts open ours, in one vocabulary. Nothing here touches the outside."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

Provider = Literal["wechat", "qq", "weibo", "google", "apple"]
Scene = Literal["login", "bind"]
PROVIDERS: tuple[Provider, ...] = get_args(Provider)

NAME_MAX = 50
_ENTROPY_BYTES = 32


@dataclass(frozen=True, slots=True)
class LinkedAccount:
    """A provider's account that opens one of ours."""

    provider: Provider
    linked_at: datetime


@dataclass(frozen=True, slots=True)
class WaysIn:
    """How the owner of an account can prove it without any provider."""

    password: bool
    email: bool
    phone: bool


@dataclass(frozen=True, slots=True)
class Journey:
    """A sign-in that was sent to a provider: what must be the same when the person comes back.

    `uid` and `session_id` are of the account that is to be bound; `ip` is where the journey began.
    """

    state: str
    provider: Provider
    scene: Scene
    redirect_uri: str
    verifier: str
    nonce: str
    uid: int | None
    session_id: str | None
    ip: str

    @property
    def challenge(self) -> str:
        """The PKCE S256 challenge of the verifier (RFC 7636 §4.2)."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Return:
    """What the person's browser brought back. `user` is Apple's JSON, sent at the very first sign-in only."""

    state: str
    code: str | None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class ProviderAccount:
    """Who the provider says it is. `subject` is the key of the link; `former_subject` one an older link may have.

    `email` is given only when the provider says that it has verified it.
    """

    provider: Provider
    subject: str
    former_subject: str | None = None
    union_id: str | None = None
    email: str | None = None
    name: str | None = None
    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)


def random_word() -> str:
    """256 random bits, 43 characters of the URL alphabet: a state, a nonce, or a PKCE verifier."""
    return secrets.token_urlsafe(_ENTROPY_BYTES)


def shown_name(text: object) -> str | None:
    """A provider's nickname as our display name: one line of printable characters, 50 at most; None without any."""
    if not isinstance(text, str):
        return None
    printable = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return printable[:NAME_MAX].strip() or None
