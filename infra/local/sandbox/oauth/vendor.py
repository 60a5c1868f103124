"""Five providers of accounts, played: who signed in, which codes and tokens they hold, and how each provider behaves."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from sqlite3 import Connection
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from infra.local.sandbox.journal import Journal
from infra.local.sandbox.oauth.keys import Keys
from infra.local.sandbox.shelf import Shelf
from infra.local.sandbox.switches import Switches
from shared import clock

Provider = Literal["wechat", "qq", "weibo", "google", "apple"]
PROVIDERS: tuple[Provider, ...] = get_args(Provider)
CODE_LIFE = timedelta(minutes=5)
TOKEN_LIFE = timedelta(hours=2)


class Person(BaseModel):
    """Somebody with an account at a provider: whatever a test or a person at the page chose."""

    model_config = ConfigDict(extra="forbid")

    user_id: str = Field(min_length=1, max_length=100)
    email: str | None = None
    email_verified: bool = True
    name: str | None = None


class KnownAccount(BaseModel):
    """Somebody who agreed once: Apple tells a name only the first time."""

    provider: Provider
    person: Person


class OauthBehaviour(BaseModel):
    """How one provider behaves; the defaults are its good day. Each field matters where the provider has such a thing."""

    model_config = ConfigDict(extra="forbid")

    gateway: Literal["up", "down"] = "up"
    consent: Literal["ask", "denied"] = "ask"
    code: Literal["ok", "expired"] = "ok"
    proof: Literal[
        "ok", "wrong_aud", "wrong_iss", "wrong_nonce", "expired", "wrong_key", "unsigned", "hmac_with_public_key"
    ] = "ok"
    made_for: Literal["us", "other_app"] = "us"
    unionid: Literal["present", "absent"] = "present"
    answers: Literal["json", "jsonp"] = "json"
    email_verified_as: Literal["boolean", "word"] = "boolean"


@dataclass
class Grant:
    """What a code stands for."""

    person: Person
    redirect_uri: str
    nonce: str | None
    challenge: str | None
    expires_at: datetime
    used: bool = False


@dataclass(frozen=True)
class Token:
    """What an access token stands for; `client_id` is the app it was made for."""

    person: Person
    client_id: str
    expires_at: datetime


class Vendor:
    """One provider with one app registered."""

    def __init__(self, name: Provider, client_id: str, client_secret: str, known: Shelf[KnownAccount]) -> None:
        self.name, self.client_id, self.client_secret = name, client_id, client_secret
        self.switches = Switches(OauthBehaviour)
        self.journal = Journal()
        self._known = known
        self._grants: dict[str, Grant] = {}
        self._tokens: dict[str, Token] = {}

    @property
    def behaviour(self) -> OauthBehaviour:
        """How it behaves now."""
        return self.switches.of()

    def grant(self, person: Person, asked: dict[str, str]) -> tuple[str, bool]:
        """A code for a person who agreed, and whether it was for the first time."""
        code = secrets.token_urlsafe(24)
        life = -CODE_LIFE if self.behaviour.code == "expired" else CODE_LIFE
        self._grants[code] = Grant(
            person, asked["redirect_uri"], asked.get("nonce"), asked.get("code_challenge"), clock.now() + life
        )
        key = f"{self.name}/{person.user_id}"
        is_first = self._known.get(key) is None
        self._known.keep(key, KnownAccount(provider=self.name, person=person))
        return code, is_first

    def find(self, code: str) -> Grant | None:
        """What a code stands for, or stood for."""
        return self._grants.get(code)

    def is_live(self, grant: Grant) -> bool:
        """Whether a code may still be exchanged."""
        return not grant.used and clock.now() <= grant.expires_at

    def token(self, grant: Grant) -> str:
        """Use the code up; an access token for it."""
        grant.used = True
        made_for = self.client_id if self.behaviour.made_for == "us" else "another-app"
        access = secrets.token_urlsafe(24)
        self._tokens[access] = Token(grant.person, made_for, clock.now() + TOKEN_LIFE)
        return access

    def holder(self, access: str) -> Token | None:
        """Whose token this is, while it lives."""
        held = self._tokens.get(access)
        return held if held and clock.now() <= held.expires_at else None

    def pseudonym(self, person: Person) -> str:
        """The id of a person that is of this app alone, as WeChat and QQ give them out."""
        return "o" + sha256(f"{self.client_id} {person.user_id}".encode()).hexdigest()[:27]

    def note(self, what: str, asked: dict[str, str], said: object) -> None:
        """Write an exchange down, without secrets."""
        shown = {
            name: value for name, value in asked.items() if name not in {"client_secret", "secret", "code", "access_token"}
        }
        self.journal.note("received", what, [asked.get("state")], shown, said)

    def forget(self) -> None:
        """Start over: codes, tokens, switches and journal."""
        self._grants.clear()
        self._tokens.clear()
        self.journal.clear()
        self.switches.change({"reset": True})


class Oauth:
    """All five."""

    def __init__(self, folder: Path, database: Connection) -> None:
        self.keys = Keys(folder)
        self.people = Shelf(database, "oauth.people", KnownAccount)
        self.vendors: dict[str, Vendor] = {
            name: Vendor(name, self.keys.client_id(name), self.keys.client_secret(name), self.people) for name in PROVIDERS
        }

    def known(self) -> list[tuple[str, Person]]:
        """Everybody who ever agreed, with the provider."""
        return [(account.provider, account.person) for account in self.people]

    def forget(self) -> None:
        """Start over with the same keys."""
        self.people.clear()
        for vendor in self.vendors.values():
            vendor.forget()
