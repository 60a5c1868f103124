"""A small domain made for these tests: every kind of rule, a write, and an idempotent one."""

from typing import Annotated

from fastapi import APIRouter

from shared.caller import Caller
from shared.errors import NotFound
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import Context, Creator, Public, SignedIn, staff
from shared.http.envelope import Answer, In, Out, PathId, answer
from shared.http.idempotency import OnceOnly
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.sql.audit import admin_operation

router = APIRouter(prefix=BASE + "/things")


class Thing(Out):
    name: str


class ThingIn(In):
    name: str
    size: int = 1


@router.get("/{thing_id:int}", responses=problems(NotFound))
async def read(thing_id: PathId, viewer: Public) -> Answer[Thing]:
    return answer(Thing.model_construct(name=str(viewer and viewer.uid)))


@router.get("/{name}")
async def by_name(name: str, viewer: Public) -> Answer[Thing]:
    return answer(Thing.model_construct(name=f"named {name}"))


@router.post("/make", status_code=201)
async def make(body: ThingIn, caller: SignedIn, db: Write, once: OnceOnly) -> Answer[Thing]:
    once.claim(db, caller)
    db.execute("INSERT INTO platform.processed_events VALUES ('things', %s, now())", (body.name,))
    return once.keep(db, answer(Thing(name=body.name)), 201)


@router.post("/explode")
async def explode(viewer: Public) -> Answer[Thing]:
    raise RuntimeError("boom")


@router.get("/too/big")
async def too_big(viewer: Public, db: Read) -> Answer[Thing]:
    db.execute("SELECT %s::int", (2**40,))
    return answer(Thing(name="never"))


@router.post("/creators")
async def creators(caller: Creator) -> Answer[Thing]:
    return answer(Thing(name="creator"))


@router.post("/staff")
async def staffs(caller: Annotated[Caller, staff("payment:write")], context: Context, db: Write) -> Answer[Thing]:
    admin_operation(db, caller, context, "things.staff", ("thing", None))
    return answer(Thing(name="staff"))


handler = lambda_handler(create_app("things", router))
