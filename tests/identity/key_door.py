"""A small application with a route of every kind a key may or may not pass, and a holder of keys to try it with."""

from typing import Annotated, Any

from fastapi import APIRouter

from shared import api_keys as edge
from shared import caller
from shared.caller import Caller
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import Creator, Public, SignedIn, staff
from shared.http.envelope import Answer, Out, answer
from tests.fixtures.api import Api, Reply

router = APIRouter(prefix=BASE)


class Who(Out):
    """Who called."""

    uid: int | None
    kind: str | None


def _who(found: Caller | None) -> Answer[Who]:
    if found is None:
        return answer(Who.model_construct(uid=None, kind=None))
    return answer(Who.model_construct(uid=found.uid, kind=found.kind))


@router.get("/things")
async def read(found: SignedIn) -> Answer[Who]:
    """Scope read."""
    return _who(found)


@router.post("/things")
async def write(found: SignedIn) -> Answer[Who]:
    """Scope write."""
    return _who(found)


@router.get("/open")
async def public(found: Public) -> Answer[Who]:
    """Anybody may; a key with scope read is a viewer."""
    return _who(found)


@router.post("/creators")
async def creators(found: Creator) -> Answer[Who]:
    """Scope write, and the role."""
    return _who(found)


@router.post("/ai/messages")
async def ai(found: SignedIn) -> Answer[Who]:
    """Scope ai."""
    return _who(found)


@router.get("/trading/orders")
async def trade(found: SignedIn) -> Answer[Who]:
    """Scope trade."""
    return _who(found)


@router.post("/users/merge")
async def account(found: SignedIn) -> Answer[Who]:
    """No key."""
    return _who(found)


@router.get("/admin/things")
async def office(found: Annotated[Caller, staff("audit:read")]) -> Answer[Who]:
    """No key."""
    return _who(found)


handler = lambda_handler(create_app("door", router))


def elsewhere() -> None:
    """The next request reaches an environment that has seen nobody, or half a minute has passed."""
    caller.forget_sessions()
    edge.forget_keys()


class Holder:
    """Somebody with one key, at the door."""

    def __init__(self, door: Api, key: str) -> None:
        self._door, self.key = door, key

    def call(self, method: str, path: str, **headers: str) -> Reply:
        """One request with the key."""
        return self._door.call(method, path, headers={"x-api-key": self.key} | headers)

    def get(self, path: str = "/things", **headers: str) -> Reply:
        """GET."""
        return self.call("GET", path, **headers)

    def post(self, path: str = "/things") -> Reply:
        """POST."""
        return self.call("POST", path)


def body(*scopes: str, **fields: Any) -> dict[str, Any]:
    """What one sends to make a key."""
    return {"name": "ci", "scopes": list(scopes or ("read",))} | fields
