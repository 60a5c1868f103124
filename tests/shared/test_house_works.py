from typing import Annotated

import pytest
from fastapi import APIRouter

from shared.errors import NotFound
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import Caller, Creator, Public, SignedIn, staff
from shared.http.envelope import Answer, In, Out, answer
from shared.http.idempotency import OnceOnly
from shared.http.sql import Write
from shared.http.problems import problems

router = APIRouter(prefix=BASE + "/things")


class Thing(Out):
    name: str


class ThingIn(In):
    name: str


@router.get("/{thing_id:int}", responses=problems(NotFound))
async def read(thing_id: int, viewer: Public) -> Answer[Thing]:
    return answer(Thing.model_construct(name=str(viewer and viewer.uid)))


@router.post("/make", status_code=201)
async def make(body: ThingIn, caller: SignedIn, db: Write, once: OnceOnly) -> Answer[Thing]:
    once.claim(db, caller)
    db.execute("INSERT INTO platform.processed_events VALUES ('t', %s, now())", (body.name,))
    return once.keep(db, answer(Thing(name=body.name)), 201)


@router.post("/creators")
async def creators(caller: Creator) -> Answer[Thing]:
    return answer(Thing(name="c"))


@router.post("/staff")
async def staffs(caller: Annotated[Caller, staff("payment:write")]) -> Answer[Thing]:
    return answer(Thing(name="s"))


handler = lambda_handler(create_app("things", router))


@pytest.fixture
def things(api):
    return api(handler, "platform")


def test_smoke(things, sign_in, house):
    assert things.get("/things/5").data == {"name": "None"}
    token = sign_in(100001)
    assert things.get("/things/5", token=token).data == {"name": "100001"}
    assert things.post("/things/make", {"name": "x"}).error == (401, "unauthenticated")
    first = things.post("/things/make", {"name": "x"}, token=token, headers={"Idempotency-Key": "k"})
    assert first.status == 201, first.text
    again = things.post("/things/make", {"name": "x"}, token=token, headers={"Idempotency-Key": "k"})
    assert (again.status, again.text, again.headers["idempotent-replay"]) == (201, first.text, "true")
    assert things.post("/things/make", {"name": "y"}, token=token, headers={"Idempotency-Key": "k"}).error == (
        409,
        "idempotency_conflict",
    )
    assert things.post("/things/make", {"nam": "y"}, token=token).error == (422, "validation_error")
    assert things.post("/things/creators", token=token).error == (403, "creator_required")
    assert things.post("/things/staff", token=token).error == (403, "permission_denied")
    assert things.post("/things/staff", token=sign_in(2, permissions=("*",))).status == 200
    assert things.get("/things/make").error == (405, "method_not_allowed")
    assert things.get("/nope").error == (404, "not_found")
    assert things.call("POST", "/things/make", form="a=1", token=token).error == (415, "unsupported_media_type")
    print(things.get("/things/5").headers)
