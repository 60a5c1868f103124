"""A staff mutation is told of whatever comes of it: done with its row or not done, refused and broken ones afterwards."""

from contextlib import suppress
from typing import Annotated, Any

import pytest
from fastapi import APIRouter

from shared.caller import Caller
from shared.errors import NotFound, PermissionDenied
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import Context, SignedIn, staff
from shared.http.envelope import Answer, In, Out, PathId, answer
from shared.http.idempotency import OnceOnly
from shared.http.sql import Read, Steps, Write
from shared.sql.audit import admin_operation, operator_action
from shared.sql.connection import transaction
from shared.sql.edge import unit_of_work
from tests.fixtures.api import Api, SignIn
from tests.fixtures.postgres import House

router = APIRouter(prefix=BASE + "/desk")
Admin = Annotated[Caller, staff("payment:write")]
Operator = Annotated[Caller, staff("user:ban", "operator")]


class Done(Out):
    what: str = "done"


class Order(In):
    how: str


def change(db: Any, what: str) -> None:
    """What a mutation does besides telling of itself."""
    db.execute("INSERT INTO platform.processed_events VALUES ('desk', %s, now())", (what,))


@router.post("/refunds/{refund_id:int}/decide")
async def decide(refund_id: PathId, body: Order, caller: Admin, context: Context, db: Write, once: OnceOnly) -> Answer[Done]:
    once.claim(db, caller)
    change(db, body.how)
    if body.how == "gone":
        raise NotFound
    if body.how == "untold":
        return answer(Done())
    if body.how == "told elsewhere":
        operator_action(db, caller, context, "refund", ("refund", refund_id))
        return answer(Done())
    admin_operation(db, caller, context, "refund.decide", ("refund", refund_id), how=body.how)
    if body.how == "broken":
        raise RuntimeError("boom")
    if body.how == "self":
        raise PermissionDenied
    return once.keep(db, answer(Done()))


@router.put("/bans/{uid:int}")
async def ban(uid: PathId, caller: Operator, context: Context, db: Write) -> Answer[Done]:
    if uid == 404:
        raise NotFound
    operator_action(db, caller, context, "ban_user", ("user", uid), before={"status": "active"}, after={"status": "banned"})
    return answer(Done())


@router.delete("/steps/{name}")
async def steps(name: str, caller: Admin, context: Context, _steps: Steps) -> Answer[Done]:
    with unit_of_work() as db:
        change(db, "first")
        if name == "told":
            admin_operation(db, caller, context, "steps", ("step", None))
    with unit_of_work() as db:
        change(db, "second")
        if name == "late":
            admin_operation(db, caller, context, "steps", ("step", None))
    return answer(Done())


@router.post("/undone/{how}")
async def undone(how: str, caller: Admin, context: Context, _steps: Steps) -> Answer[Done]:
    """Tells of something in a transaction that is rolled back, and goes on as if nothing were."""
    start = transaction if how == "outside" else unit_of_work
    with suppress(LookupError), start() as db:
        admin_operation(db, caller, context, "undone", ("step", None))
        raise LookupError
    if how != "alone":
        with unit_of_work() as db:
            change(db, "after all")
    return answer(Done())


@router.post("/elsewhere")
async def elsewhere(caller: Admin) -> Answer[Done]:
    """Changes something that is not in the database at all."""
    return answer(Done())


@router.post("/autocommit")
async def autocommit(caller: Admin, db: Read) -> Answer[Done]:
    change(db, "by itself")
    return answer(Done())


@router.get("/refunds/{refund_id:int}")
async def read(refund_id: PathId, caller: Admin) -> Answer[Done]:
    raise NotFound


@router.post("/users")
async def users(caller: SignedIn, db: Write) -> Answer[Done]:
    change(db, "user")
    return answer(Done())


handler = lambda_handler(create_app("desk", router))
STAFF = ("payment:write", "user:ban")


@pytest.fixture
def desk(api: Any) -> Api:
    made: Api = api(handler, "platform")
    return made


@pytest.fixture
def token(sign_in: SignIn) -> str:
    return sign_in(7, permissions=STAFF)


def told(house: House) -> list[tuple[Any, ...]]:
    return house.sql(
        "SELECT operation, resource_type, resource_id, result, error_message FROM admin.admin_operation_logs ORDER BY id"
    )


def done(house: House) -> list[str]:
    return [what for (what,) in house.sql("SELECT event_id FROM platform.processed_events WHERE consumer = 'desk'")]


def test_what_is_done_is_told_in_the_same_transaction(desk: Api, house: House, token: str) -> None:
    assert desk.post("/desk/refunds/5/decide", {"how": "well"}, token=token).status == 200
    assert told(house) == [("refund.decide", "refund", 5, "success", None)]
    assert done(house) == ["well"]
    ((xmin_told, xmin_done),) = house.sql(
        "SELECT a.tx, pg_current_xact_id() FROM admin.admin_operation_logs a, platform.processed_events e WHERE consumer = 'desk'"
    )
    assert xmin_told == xmin_done


@pytest.mark.parametrize("how", ["untold", "told elsewhere"])
def test_what_is_not_told_in_its_own_log_is_not_done(desk: Api, house: House, token: str, how: str) -> None:
    assert desk.post("/desk/refunds/5/decide", {"how": how}, token=token).error == (500, "internal_error")
    assert done(house) == []
    assert told(house) == [("decide", "refund", 5, "error", "internal_error")]
    assert house.sql("SELECT count(*) FROM admin.operator_audit_logs") == [(0,)]


def test_the_first_of_several_transactions_tells(desk: Api, house: House, token: str) -> None:
    assert desk.delete("/desk/steps/told", token=token).status == 200
    assert done(house) == ["first", "second"]
    house.sql("DELETE FROM platform.processed_events")
    for name in ("late", "never"):
        assert desk.delete(f"/desk/steps/{name}", token=token).error == (500, "internal_error")
    assert done(house) == []
    assert told(house)[1:] == [("steps", "name", None, "error", "internal_error")] * 2


@pytest.mark.parametrize("how", ["alone", "within", "outside"])
def test_a_row_that_was_rolled_back_tells_of_nothing(desk: Api, house: House, token: str, how: str) -> None:
    assert desk.post(f"/desk/undone/{how}", token=token).error == (500, "internal_error")
    assert done(house) == []
    assert told(house) == [("undone", "step", None, "error", "internal_error")]


@pytest.mark.parametrize("path", ["/desk/elsewhere", "/desk/autocommit"])
def test_a_mutation_that_no_transaction_tells_of_is_never_a_success(desk: Api, house: House, token: str, path: str) -> None:
    assert desk.post(path, token=token).error == (500, "internal_error")
    assert [row[3:] for row in told(house)] == [("error", "internal_error")]


@pytest.mark.parametrize(
    ("how", "row"),
    [
        ("gone", ("decide", "refund", 5, "failed", "not_found")),
        ("self", ("refund.decide", "refund", 5, "failed", "permission_denied")),
        ("broken", ("refund.decide", "refund", 5, "error", "internal_error")),
    ],
)
def test_what_was_refused_or_broke_is_told_though_it_was_undone(
    desk: Api, house: House, token: str, how: str, row: tuple[Any, ...]
) -> None:
    assert desk.post("/desk/refunds/5/decide", {"how": how}, token=token).status >= 400
    assert told(house) == [row]
    assert done(house) == []


def test_the_row_of_a_failure_says_who_what_whence_and_why(desk: Api, house: House, token: str) -> None:
    desk.post(
        "/desk/refunds/5/decide",
        {"how": "gone", "password": "x"},
        token=token,
        headers={"user-agent": "Console/1", "x-request-id": "r-1"},
    )
    assert house.sql("SELECT admin_uid, ip_address, user_agent, details FROM admin.admin_operation_logs") == [
        (
            7,
            "203.0.113.7",
            "Console/1",
            {
                "method": "POST",
                "path": "/api/v1/desk/refunds/5/decide",
                "permission": "payment:write",
                "error": "validation_error",
                "request_id": "r-1",
            },
        )
    ]


def test_a_refusal_before_the_body_is_looked_at_is_told(desk: Api, house: House, token: str, sign_in: SignIn) -> None:
    reader = sign_in(8, permissions=("payment:read",))
    assert desk.post("/desk/refunds/5/decide", {"how": "well"}, token=reader).error == (403, "permission_denied")
    assert desk.post("/desk/refunds/5/decide", {}, token=token).error == (422, "validation_error")
    assert told(house) == [
        ("decide", "refund", 5, "failed", "permission_denied"),
        ("decide", "refund", 5, "failed", "validation_error"),
    ]


def test_an_operators_rows_carry_their_result(desk: Api, house: House, token: str) -> None:
    assert desk.put("/desk/bans/5", {}, token=token).status == 200
    assert desk.put("/desk/bans/404", {}, token=token).error == (404, "not_found")
    rows = house.sql(
        "SELECT operator_id, action_type, target_type, target_id, action_details FROM admin.operator_audit_logs ORDER BY id"
    )
    assert [row[:4] for row in rows] == [(7, "ban_user", "user", 5), (7, "ban", "user", 404)]
    assert rows[0][4] == {"before": {"status": "active"}, "after": {"status": "banned"}, "result": "success"}
    assert (rows[1][4]["result"], rows[1][4]["error"]) == ("failed", "not_found")
    assert told(house) == []


def test_a_key_used_again_does_nothing_and_tells_nothing(desk: Api, house: House, token: str) -> None:
    key = {"Idempotency-Key": "k"}
    first = desk.post("/desk/refunds/5/decide", {"how": "well"}, token=token, headers=key)
    again = desk.post("/desk/refunds/5/decide", {"how": "well"}, token=token, headers=key)
    assert (again.status, again.text) == (first.status, first.text)
    assert len(told(house)) == 1


def test_reads_strangers_and_users_leave_no_row(desk: Api, house: House, token: str, sign_in: SignIn) -> None:
    """A row is kept for three years and names an operator: nobody else may fill the log."""
    path = "/desk/refunds/5/decide"
    assert desk.get("/desk/refunds/5", token=token).error == (404, "not_found")
    assert desk.post(path, {"how": "well"}).error == (401, "unauthenticated")
    assert desk.post(path, {"how": "well"}, token="not.a.token").error == (401, "unauthenticated")
    assert desk.post(path, {"how": "well"}, token=sign_in(5)).error == (403, "permission_denied")
    assert desk.post("/desk/users", token=sign_in(5)).status == 200
    assert told(house) == []


def test_too_many_requests_are_not_written_down_one_by_one(
    desk: Api, house: House, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.settings import Settings

    monkeypatch.setenv("STAFF_MUTATIONS_PER_MINUTE", "1")
    monkeypatch.setenv("RATE_LIMIT_FACTOR", "1")
    Settings.forget()
    replies = [desk.post("/desk/refunds/5/decide", {"how": "well"}, token=token).status for _ in range(3)]
    assert replies == [200, 429, 429]
    assert len(told(house)) == 1


def test_secrets_and_people_are_masked_in_what_is_kept(desk: Api, house: House, token: str) -> None:
    desk.post("/desk/refunds/5/decide", {"how": "ann@example.com"}, token=token)
    assert house.sql("SELECT details FROM admin.admin_operation_logs") == [({"how": "a***@example.com"},)]


def test_a_database_that_is_gone_costs_the_record_and_not_the_refusal(
    desk: Api, house: House, token: str, capsys: pytest.CaptureFixture[str]
) -> None:
    house.sql("ALTER TABLE admin.admin_operation_logs RENAME TO elsewhere")
    assert desk.post("/desk/refunds/5/decide", {"how": "gone"}, token=token).error == (404, "not_found")
    assert '"audit_attempt_lost":[1.0]' in capsys.readouterr().out.replace(" ", "")
