"""Playing a person against the running house: requests, checks, waiting for what happens in the background."""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import httpx

from shared.money import Money

T = TypeVar("T")
_PATIENCE_SECONDS = 60.0


class Failed(Exception):  # noqa: N818 - the outcome of a check
    """A check did not hold."""


@dataclass
class House:
    """The running system, by its one address."""

    base: str
    checks: int = 0
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.base, timeout=60, headers={"Accept-Language": "en"})

    def wait_until_ready(self) -> None:
        """Wait for the readiness probe."""
        self.until("the house to be ready", lambda: self.client.get("/api/v1/health/ready").status_code == httpx.codes.OK)

    def title(self, text: str) -> None:
        """Head a chapter."""
        print(f"\n{text}\n{'─' * len(text)}")

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        print(f"  {text}")

    def check(self, claim: str, *, holds: bool) -> None:
        """Hold a claim; the demo ends at the first that does not."""
        if not holds:
            raise Failed(claim)
        self.checks += 1
        print(f"  ✓ {claim}")

    def until(self, what: str, look: Callable[[], T], *, patience: float = _PATIENCE_SECONDS) -> T:
        """Look until something is there; background work is given a minute, or `patience` in seconds."""
        deadline = time.monotonic() + patience
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > deadline:
                raise Failed(f"waited in vain for {what}")
            time.sleep(0.25)

    def local(self, method: str, path: str, body: dict[str, Any] | None = None, **query: str) -> Any:
        """The laptop's own controls."""
        reply = self.client.request(method, f"/_local{path}", json=body, params=query)
        if reply.is_error:
            raise Failed(f"{method} /_local{path} answered {reply.status_code}: {reply.text[:300]}")
        return reply.json()

    def mail_code(self, address: str) -> str:
        """The six digits of the newest mail to an address."""

        def newest() -> str:
            items = self.local("GET", "/mail", to=address)["items"]
            digits = "".join(ch if ch.isdigit() else " " for ch in items[0]["text"]).split() if items else []
            return next((word for word in digits if len(word) == 6), "")  # noqa: PLR2004 - rules.md §3

        return self.until(f"a mail to {address}", newest)

    def move_clock(self, by: str) -> datetime:
        """Move the product's clock forward."""
        moved = self.local("POST", "/clock", {"advance": by})
        self.say(f"the clock moves by {by}: it is now {moved['now']}")
        return datetime.fromisoformat(moved["now"])


@dataclass
class Person:
    """Someone with a token."""

    house: House
    name: str
    token: str = ""
    uid: int = 0

    def call(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, key: str | None = None, **query: Any
    ) -> httpx.Response:
        """One request to the API; paths without `/api/v1`."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if key:
            headers["Idempotency-Key"] = key
        return self.house.client.request(method, f"/api/v1{path}", json=body, params=query or None, headers=headers)

    def ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, key: str | None = None, **query: Any
    ) -> Any:
        """The same, expecting success: its data."""
        reply = self.call(method, path, body, key=key, **query)
        if reply.is_error:
            raise Failed(f"{self.name}: {method} {path} answered {reply.status_code} {reply.text[:400]}")
        return reply.json()["data"]

    def get(self, path: str, **query: Any) -> Any:
        """GET, expecting success."""
        return self.ask("GET", path, **query)

    def post(self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None) -> Any:
        """POST, expecting success."""
        return self.ask("POST", path, body or {}, key=key)

    def post_anew(self, path: str, body: dict[str, Any]) -> Any:
        """POST without the token, which may be dead."""
        self.token = ""
        return self.post(path, body)


def yuan(fen: int) -> str:
    """An amount for people."""
    return f"¥{Money(fen).to_yuan()}"


def cover_png() -> bytes:
    """A cover picture, made here."""
    from PIL import Image

    picture = Image.linear_gradient("L").resize((1600, 900)).convert("RGB")
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
