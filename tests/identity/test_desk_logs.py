"""A user's logs, the trail that writes them, and users who behave abnormally."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import APIRouter

from functions.identity import detect_anomalies, users_desk
from functions.identity.models import Client
from functions.identity.store import logins, operations
from functions.identity.trail import Trail
from shared import clock
from shared.errors import NotFound
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import Public, SignedIn
from shared.http.envelope import Answer, PathId, answer
from shared.sql import security
from tests.fixtures.api import Api, Handler, SignIn, open_session
from tests.fixtures.postgres import House
from tests.identity.conftest import CONTEXT
from tests.identity.desk import MANAGER, OPS, person

ANN, BOB = 200001, 200002
NOON = datetime(2026, 3, 2, 4, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    with clock.frozen(NOON):
        yield


@pytest.fixture
def desk(api: Callable[[Handler, str], Api]) -> Api:
    return api(users_desk.handler, "identity")


@pytest.fixture
def token(house: House, sign_in: SignIn) -> str:
    person(house.sql, OPS, "operator")
    person(house.sql, ANN, "ann")
    person(house.sql, BOB, "bob")
    return sign_in(OPS, permissions=MANAGER)


# Reading the logs


@pytest.fixture
def history(cloud: None) -> None:
    for hours in range(5):
        with clock.frozen(NOON - timedelta(hours=hours)):
            reason = "invalid_credentials" if hours == 3 else None
            logins.log(
                ANN, "password", Client(f"203.0.113.{hours}", "Browser", "phone"), reason=reason, flags=["new_device"]
            )
            operations.log(ANN, "change_password", str(hours), ip="203.0.113.9", user_agent="", request_id="r")
    logins.log(BOB, "code", Client("198.51.100.1", "Other"))


def test_sign_ins_are_shown_newest_first(desk, token, history) -> None:
    data = desk.get(f"/admin/users/{ANN}/logs", token=token).data
    assert data["total"] == 5
    assert [entry["ip"] for entry in data["items"]] == [f"203.0.113.{hours}" for hours in range(5)]
    assert data["items"][3] == {
        "at": "2026-03-02T01:00:00Z", "kind": "login", "action": "password", "ip": "203.0.113.3", "device_id": "phone",
        "user_agent": "Browser", "ok": False, "details": {"reason": "invalid_credentials", "flags": ["new_device"]},
    }  # fmt: skip


def test_the_trail_of_operations_is_shown_beside_them(desk, token, history) -> None:
    [first, *_] = desk.get(f"/admin/users/{ANN}/logs", token=token, query={"kind": "operation"}).data["items"]
    assert first == {
        "at": "2026-03-02T04:00:00Z", "kind": "operation", "action": "change_password", "ip": "203.0.113.9", "device_id": None,
        "user_agent": None, "ok": True, "details": {"target": "0", "request_id": "r"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"date_from": "2026-03-02T02:00:00Z"}, [0, 1, 2]),
        ({"date_to": "2026-03-02T02:00:00Z"}, [2, 3, 4]),
        ({"date_from": "2026-03-02T09:00:00+08:00", "date_to": "2026-03-02T03:00:00"}, [1, 2, 3]),
        ({"date_from": "2026-03-02T03:00:00Z", "date_to": "2026-03-02T01:00:00Z"}, []),
        ({"date_from": "0001-01-01T00:00:00Z", "date_to": "9999-12-31T00:00:00Z"}, [0, 1, 2, 3, 4]),
        ({"sort_order": "asc", "page_size": 2}, [4, 3]),
        ({"page": 2, "page_size": 2}, [2, 3]),
        ({"page": 9, "page_size": 2}, []),
    ],
)
def test_a_log_is_narrowed_by_dates_and_paged(desk, token, history, query, shown) -> None:
    items = desk.get(f"/admin/users/{ANN}/logs", token=token, query=query).data["items"]
    assert [entry["ip"] for entry in items] == [f"203.0.113.{hours}" for hours in shown]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_a_cursor_walks_a_log_once(desk, token, history, order: str) -> None:
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        data = desk.get(f"/admin/users/{ANN}/logs", token=token, query={"page_size": 2, "sort_order": order} | cursor).data
        seen += [entry["ip"] for entry in data["items"]]
        if not data["next_cursor"]:
            break
        cursor = {"cursor": data["next_cursor"]}
    assert sorted(seen, reverse=order == "asc") == seen
    assert len(set(seen)) == len(seen) == 5


def test_a_cursor_of_another_log_or_order_is_refused(desk, token, history) -> None:
    cursor = desk.get(f"/admin/users/{ANN}/logs", token=token, query={"page_size": 2}).data["next_cursor"]
    for query in ({"kind": "operation"}, {"sort_order": "asc"}, {"sort_by": "ip"}, {"cursor": "x"}):
        reply = desk.get(f"/admin/users/{ANN}/logs", token=token, query={"cursor": cursor} | query)
        assert reply.error == (422, "validation_error"), query
    others = desk.get(f"/admin/users/{BOB}/logs", token=token, query={"cursor": cursor}).data["items"]
    assert "203.0.113" not in str(others), "a cursor does not open somebody else's log"


# Writing the trail

router = APIRouter(prefix=BASE + "/things")


@router.post("/{thing_id:int}")
async def change_thing(thing_id: PathId, _caller: SignedIn) -> Answer[int]:
    if thing_id == 404:
        raise NotFound
    return answer(thing_id)


@router.post("/follow/{thing_id:int}")
async def follow(thing_id: PathId, _caller: SignedIn) -> Answer[int]:
    return answer(thing_id)


@router.get("/{thing_id:int}")
async def read_thing(thing_id: PathId, _caller: SignedIn) -> Answer[int]:
    return answer(thing_id)


@router.post("/open")
async def open_thing(_viewer: Public) -> Answer[int]:
    return answer(1)


@pytest.fixture
def things(api: Callable[[Handler, str], Api]) -> Api:
    app = create_app("identity", router)
    app.add_middleware(Trail)
    return api(lambda_handler(app), "identity")


def trail(uid: int) -> list[tuple[str, str | None]]:
    span = operations.Span(uid, "operation", None, None)
    found = operations.page(span, after=None, skip=0, size=50, newest_first=False)
    return [(item.action, item.target) for item in found]


def test_a_change_answered_well_leaves_a_trail_and_nothing_else_does(things, token, sign_in) -> None:
    ann = open_session(ANN)
    assert things.post("/things/7", token=ann).status == 200
    things.post("/things/404", token=ann)
    things.post("/things/7")
    things.get("/things/7", token=ann)
    things.post("/things/follow/7", token=ann)
    things.post("/things/open", token=ann)
    assert trail(ANN) == [("change_thing", "7")]
    assert trail(BOB) == []


def test_a_trail_that_cannot_be_written_costs_no_answer(things, token, monkeypatch) -> None:
    monkeypatch.setenv("TABLE_EVENTS", "nowhere")
    assert things.post("/things/7", token=open_session(ANN)).data == 7


# Anomalies


def fail_payment(house: House, uid: int, at: datetime, number: int) -> None:
    order, payment = f"O{uid}{number:05}", f"P{uid}{number:05}"
    house.sql(
        """
        INSERT INTO payments.payment_orders (order_no, user_id, kind, target_id, seller_id, title, amount, discount_amount,
            payable_amount, currency, price_lines, status, expires_at, created_at, updated_at)
        VALUES (%s, %s, 'content', 1, 1, 't', 100, 0, 100, 'CNY', '[]', 'pending', now(), now(), now())
        """,
        (order, uid),
    )
    house.sql(
        """
        INSERT INTO payments.payment_transactions (payment_no, order_no, channel, kind, amount, currency, status, finished_at,
            created_at, updated_at)
        VALUES (%s, %s, 'alipay', 'pay', 100, 'CNY', 'failed', %s, %s, %s)
        """,
        (payment, order, at, at, at),
    )


def detect(house: House) -> int:
    with house.acting("identity"):
        done = detect_anomalies.handler({}, CONTEXT)["done"]
    assert isinstance(done, int)
    return done


def found(house: House, uid: int = ANN) -> list[tuple[Any, ...]]:
    return house.sql(
        "SELECT rule, kind, evidence ->> 'count', window_start FROM identity.user_anomalies WHERE user_id = %s ORDER BY window_start",
        (uid,),
    )


@pytest.mark.parametrize(
    ("minutes", "anomalies"),
    [
        ([0, 30], 0),
        ([0, 30, 59], 1),
        ([0, 30, 60], 0),
        ([0, 50, 70], 0),
        ([0, 50, 70, 80], 1),
        ([0, 1, 2, 3, 4, 5], 1),
        ([0, 1, 2, 60, 61, 62], 2),
        ([0, 1, 2, 58, 60, 61], 1),
    ],
)
def test_three_failed_payments_within_an_hour_are_abnormal_once_per_hour(token, house: House, minutes, anomalies) -> None:
    for number, minute in enumerate(minutes):
        fail_payment(house, ANN, NOON + timedelta(minutes=minute - 100), number)
    assert detect(house) == anomalies
    assert detect(house) == 0
    assert len(found(house)) == anomalies


def test_the_hour_found_stays_found_however_often_and_late_one_looks(token, house: House) -> None:
    for number in range(8):
        at = NOON + timedelta(minutes=10 * number)
        fail_payment(house, ANN, at, number)
        with clock.frozen(at + timedelta(minutes=1)):
            detect(house)
    assert found(house) == [("failed_payments", "payment", "3", NOON)]
    with clock.frozen(NOON + timedelta(hours=3)):
        detect(house)
    assert len(found(house)) == 1


def test_a_failure_committed_late_does_not_open_the_hour_again(token, house: House) -> None:
    for number, minute in enumerate((30, 20, 10)):
        fail_payment(house, ANN, NOON - timedelta(minutes=minute), number)
    assert detect(house) == 1
    fail_payment(house, ANN, NOON - timedelta(minutes=31), 9)
    assert detect(house) == 0


def test_a_detector_that_was_away_for_a_day_catches_up(token, house: House) -> None:
    detect(house)
    for number in range(3):
        fail_payment(house, ANN, NOON + timedelta(minutes=30 + number), number)
    with clock.frozen(NOON + timedelta(days=1)):
        assert detect(house) == 1


def test_failures_of_two_people_are_not_added_up(token, house: House) -> None:
    for number, uid in enumerate((ANN, BOB, ANN, BOB)):
        fail_payment(house, uid, NOON - timedelta(minutes=number + 1), number)
    assert detect(house) == 0


def test_lock_outs_many_addresses_and_many_calls_come_from_security_events(token, house: House) -> None:
    with house.acting("identity") as db:
        security.record(db, "brute_force", severity="high", user_id=ANN, ip="203.0.113.1", detail={"why": "lock_out"})
        security.record(
            db, "abnormal_login", severity="medium", user_id=ANN, detail={"why": "impossible_frequency", "addresses": 3}
        )
        security.record(db, "abnormal_login", severity="medium", user_id=ANN, detail={"why": "new_address"})
        security.record(db, "api_abuse", severity="medium", user_id=BOB, detail={"why": "many_calls", "calls": 301})
        security.record(db, "brute_force", severity="high", detail={"why": "lock_out"})
    assert detect(house) == 3
    assert {rule for rule, *_ in found(house)} == {"lock_out", "many_addresses"}
    assert [rule for rule, *_ in found(house, BOB)] == ["many_calls"]


def test_a_detector_killed_before_its_commit_finds_everything_again(token, house: House, monkeypatch) -> None:
    from functions.identity.store import anomalies

    class KilledError(BaseException):
        pass

    def dying(*_: Any) -> None:
        raise KilledError

    for number in range(3):
        fail_payment(house, ANN, NOON - timedelta(minutes=number + 1), number)
    with monkeypatch.context() as dying_run:
        dying_run.setattr(anomalies, "mark_seen", dying)
        with pytest.raises(KilledError):
            detect(house)
    assert found(house) == []
    assert detect(house) == 1


def test_anomalies_are_listed_by_kind_and_severity(desk, token, house: House) -> None:
    for number in range(6):
        fail_payment(house, ANN, NOON - timedelta(minutes=number + 1), number)
    with house.acting("identity") as db:
        security.record(db, "brute_force", severity="high", user_id=BOB, ip="203.0.113.1", detail={"why": "lock_out"})
    detect(house)
    data = desk.get("/admin/users/anomalies", token=token, query={"kind": "payment"}).data
    [item] = data["items"]
    assert (item["user_id"], item["rule"], item["score"], item["evidence"]["count"]) == (ANN, "failed_payments", 2.0, 6)
    assert set(item) == {"user_id", "kind", "rule", "score", "evidence", "detected_at"}
    high = desk.get("/admin/users/anomalies", token=token, query={"severity": "high"}).data
    assert {one["user_id"] for one in high["items"]} == {ANN, BOB}
    assert desk.get("/admin/users/anomalies", token=token, query={"kind": "content"}).data["items"] == []
    assert desk.get("/admin/users/anomalies", token=token, query={"kind": "else"}).error == (422, "validation_error")
