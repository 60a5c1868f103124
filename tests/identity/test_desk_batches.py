"""Many accounts at once: an answer for each, and jobs that end as if nothing had happened to them on the way."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.identity import resume_bulk_updates, run_bulk_updates, users_desk
from functions.identity.service import bulk_updates
from functions.identity.service import sessions as session_service
from functions.identity.store import bulk_updates as bulk_store
from functions.identity.store import sessions
from shared import clock
from shared.dynamo.jobs import JobItem, find_job
from tests.fixtures.api import Api, Handler, SignIn, open_session
from tests.fixtures.postgres import House
from tests.identity.conftest import CONTEXT, PASSWORD, queued
from tests.identity.desk import MANAGER, OPS, audited, office, person


class _KilledError(BaseException):
    """The worker dies, as no `except Exception` will notice."""


@pytest.fixture
def desk(api: Callable[[Handler, str], Api]) -> Api:
    return api(users_desk.handler, "identity")


@pytest.fixture
def token(house: House, sign_in: SignIn) -> str:
    person(house.sql, OPS, "operator")
    return sign_in(OPS, permissions=MANAGER)


def crowd(house: House, count: int) -> list[int]:
    return [person(house.sql, 200000 + number, f"crowd{number:03}") for number in range(count)]


# Opening and deleting


def test_each_account_of_a_batch_is_opened_or_says_why_not(desk, token, house: House) -> None:
    person(house.sql, 200001, "ann", email="ann@example.com")
    items = [
        {"email": "one@example.com", "password": PASSWORD},
        {"email": "ANN@example.com"},
        {"username": "two", "password": "password1"},
        {"username": "three", "roles": ["super_admin"]},
        {"email": "one@example.com"},
        {"username": "four"},
    ]
    reply = desk.post("/admin/users/batch-create", {"items": items}, token=token)
    assert reply.status == 201
    data = reply.data
    assert (data["created"], data["failed"]) == (2, 4)
    assert [(item["index"], item["ok"], item["error"]) for item in data["items"]] == [
        (0, True, None),
        (1, False, "email_taken"),
        (2, False, "weak_password"),
        (3, False, "role_not_grantable"),
        (4, False, "email_taken"),
        (5, True, None),
    ]
    uids = [item["id"] for item in data["items"] if item["ok"]]
    assert house.sql("SELECT uid FROM identity.users WHERE uid = ANY(%s) ORDER BY uid", (uids,)) == [(uid,) for uid in uids]
    assert [fact["uid"] for fact in house.facts("identity.user_registered.v1")] == uids, "no fact of what was undone"
    [record] = audited(house, "user_batch_create")
    assert [one["user_id"] for one in record["after"]] == uids
    assert record["refused"] == {"1": "email_taken", "2": "weak_password", "3": "role_not_grantable", "4": "email_taken"}
    assert PASSWORD not in str(record)


def test_a_batch_has_at_most_a_hundred_items(desk, token) -> None:
    items = [{"username": f"many_{number}"} for number in range(101)]
    assert desk.post("/admin/users/batch-create", {"items": items}, token=token).error == (422, "batch_too_large")
    ids = list(range(1, 102))
    assert desk.post("/admin/users/batch-delete", {"ids": ids, "reason": "x"}, token=token).error == (422, "batch_too_large")
    assert desk.post("/admin/users/batch-create", {"items": items[:100]}, token=token).data["created"] == 100
    assert desk.post("/admin/users/batch-create", {"items": []}, token=token).error == (422, "validation_error")


def test_each_account_of_a_batch_is_deleted_or_says_why_not_and_deleting_again_is_fine(desk, token, house: House) -> None:
    crowd(house, 4)
    open_session(200000)
    office(house.sql, 200001, "support")
    house.sql(
        """
        INSERT INTO finance.ledger_accounts (name, kind, currency, may_go_negative, balance, created_at)
        VALUES ('creator:200002:available', 'owner', 'CNY', true, 5, now())
        """
    )
    body = {"ids": [200000, 200001, 200002, 200003, 999999, 200003], "reason": "spam"}
    first = desk.post("/admin/users/batch-delete", body, token=token).data
    assert (first["deleted"], first["failed"]) == (3, 3)
    assert [(item["id"], item["error"]) for item in first["items"]] == [
        (200000, None),
        (200001, "cannot_delete_staff"),
        (200002, "balance_not_zero"),
        (200003, None),
        (999999, "user_not_found"),
        (200003, None),
    ]
    assert house.sql("SELECT uid FROM identity.users WHERE status = 'deleted' ORDER BY uid") == [(200000,), (200003,)]
    assert sessions.all_of(200000) == []
    again = desk.post("/admin/users/batch-delete", body, token=token).data
    assert [item["error"] for item in again["items"]] == [item["error"] for item in first["items"]]
    assert house.sql("SELECT count(*) FROM identity.deletion_requests") == [(2,)]
    assert [len(record["before"]) for record in audited(house, "user_batch_delete")] == [2, 0]


def test_a_hundred_are_deleted_in_a_fixed_number_of_statements(desk, token, house: House) -> None:
    ids = crowd(house, 100)
    desk.post("/admin/users/batch-delete", {"ids": ids[:1], "reason": "warm"}, token=token)
    counts = []
    for some in (ids[1:3], ids[3:]):
        before = house.db.statements
        assert desk.post("/admin/users/batch-delete", {"ids": some, "reason": "x"}, token=token).data["failed"] == 0
        counts.append(house.db.statements - before)
    assert counts[0] == counts[1]


# Changing by a job


def ask(desk: Api, token: str, **body: Any) -> str:
    reply = desk.post("/admin/users/batch-update", body, token=token)
    assert reply.status == 202, reply.text
    job = reply.data
    assert (job["kind"], job["status"], job["status_url"]) == ("user_bulk_update", "queued", f"/api/v1/jobs/{job['job_id']}")
    return str(job["job_id"])


def work(house: House, records: list[dict[str, Any]] | None = None) -> None:
    """Let the worker work off the queue until it is empty."""
    records = queued("bulk") if records is None else records
    while records:
        with house.acting("identity"):
            assert run_bulk_updates.handler({"Records": records}, CONTEXT) == {"batchItemFailures": []}
        records = queued("bulk")


def finished(job_id: str) -> JobItem:
    job = find_job(job_id)
    assert job
    assert job.status == "succeeded"
    return job


@pytest.mark.parametrize(
    "body",
    [
        {"set": {"is_active": False}},
        {"ids": [], "set": {"is_active": False}},
        {"filter": {}, "set": {"is_active": False}},
        {"ids": [999999], "set": {"is_active": False}},
        {"filter": {"status": "banned"}, "set": {"is_active": False}},
    ],
)
def test_a_change_of_nobody_is_refused(desk, token, house: House, body) -> None:
    crowd(house, 2)
    assert desk.post("/admin/users/batch-update", body, token=token).error == (422, "nothing_selected")
    assert queued("bulk") == []


@pytest.mark.parametrize(
    "body",
    [
        {"ids": [1], "set": {}},
        {"ids": [1], "set": {"is_active": None}},
        {"ids": [1], "filter": {"status": "active"}, "set": {"is_active": True}},
        {"ids": [1], "set": {"email": "a@example.com"}},
        {"ids": [1], "set": {"membership_level": "gold"}},
        {"filter": {"status": "deleted"}, "set": {"is_active": True}},
    ],
)
def test_a_change_that_says_nothing_or_too_much_is_refused(desk, token, body) -> None:
    assert desk.post("/admin/users/batch-update", body, token=token).error == (422, "validation_error")


def test_named_accounts_are_changed_and_the_job_says_how_many(desk, token, house: House) -> None:
    ids = crowd(house, 5)
    office(house.sql, ids[4], "support")
    house.sql("UPDATE identity.users SET status = 'deleted' WHERE uid = %s", (ids[3],))
    job_id = ask(
        desk, token, ids=[*ids, 999999], set={"membership_level": "basic", "membership_expires_at": "2030-01-01T00:00:00Z"}
    )
    work(house)
    assert finished(job_id).result_json() == {"updated": 3, "failed": 3, "matched": 4}
    levels = house.sql("SELECT membership_level FROM identity.users WHERE uid = ANY(%s) ORDER BY uid", (ids,))
    assert [level for (level,) in levels] == ["basic", "basic", "basic", "free", "free"]
    [request] = audited(house, "user_bulk_update")
    assert (request["before"]["matched"], request["after"]["membership_level"]) == (4, "basic")
    [chunk] = audited(house, "user_bulk_update_chunk")
    assert [one["user_id"] for one in chunk["before"]] == ids[:3]
    assert {one["membership_level"] for one in chunk["before"]} == {"free"}


def test_accounts_found_by_a_filter_are_changed_and_signed_out(desk, token, house: House, monkeypatch) -> None:
    monkeypatch.setattr(bulk_updates, "CHUNK", 2)
    ids = crowd(house, 5)
    house.sql("UPDATE identity.users SET status = 'banned' WHERE uid = %s", (ids[0],))
    open_session(ids[1])
    job_id = ask(desk, token, filter={"search": "crowd", "membership_level": "free"}, set={"is_active": False})
    late = person(house.sql, 300000, "crowd_late")
    work(house)
    assert finished(job_id).result_json() == {"updated": 5, "failed": 0, "matched": 5}
    states = dict(house.sql("SELECT uid, status FROM identity.users WHERE username LIKE 'crowd%%'"))
    assert [states[uid] for uid in ids] == ["banned", "inactive", "inactive", "inactive", "inactive"]
    assert states[late] == "active", "who came after the question is not meant"
    assert sessions.all_of(ids[1]) == []


def test_a_super_admin_is_never_switched_off_among_many(desk, house: House, sign_in: SignIn) -> None:
    [uid] = crowd(house, 1)
    office(house.sql, uid, "super_admin")
    root = sign_in(person(house.sql, OPS, "operator"), permissions=("*",))
    ask(desk, root, ids=[uid, OPS], set={"is_active": False})
    work(house)
    assert house.sql("SELECT is_active FROM identity.users WHERE uid = %s", (uid,)) == [(True,)]


@pytest.mark.parametrize("step", ["void_tokens", "apply", "advance", "revoke_all", "finish"])
@pytest.mark.parametrize("survived", [0, 2])
def test_a_worker_killed_on_the_way_is_followed_by_one_that_goes_on_there(
    desk, token, house: House, monkeypatch, step: str, survived: int
) -> None:
    monkeypatch.setattr(bulk_updates, "CHUNK", 2)
    ids = crowd(house, 6)
    for uid in ids:
        open_session(uid)
    job_id = ask(desk, token, ids=ids, set={"is_active": False})
    records = queued("bulk")
    module = session_service if step == "revoke_all" else bulk_store
    done, calls = getattr(module, step), iter(range(100))

    def dying(*args: Any, **given: Any) -> Any:
        result = done(*args, **given)
        if next(calls) >= survived or step == "finish":
            raise _KilledError
        return result

    with monkeypatch.context() as dying_worker, house.acting("identity"):
        dying_worker.setattr(module, step, dying)
        with pytest.raises(_KilledError):
            run_bulk_updates.handler({"Records": records}, CONTEXT)
    work(house, records)
    assert finished(job_id).result_json() == {"updated": 6, "failed": 0, "matched": 6}
    assert house.sql("SELECT DISTINCT token_epoch FROM identity.user_auth WHERE uid = ANY(%s)", (ids,)) == [(2,)], (
        "each once"
    )
    assert [uid for uid in ids if sessions.all_of(uid)] == []
    told = [one["user_id"] for record in audited(house, "user_bulk_update_chunk") for one in record["before"]]
    assert told == ids


def test_a_message_delivered_again_after_the_end_changes_nothing(desk, token, house: House) -> None:
    ids = crowd(house, 2)
    job_id = ask(desk, token, ids=ids, set={"membership_level": "premium"})
    records = queued("bulk")
    work(house, records)
    house.sql("UPDATE identity.users SET membership_level = 'free'")
    work(house, records)
    assert finished(job_id).result_json() == {"updated": 2, "failed": 0, "matched": 2}
    assert house.sql("SELECT DISTINCT membership_level FROM identity.users") == [("free",)]


def test_a_change_whose_message_was_lost_is_queued_again_after_five_minutes(desk, token, house: House) -> None:
    job_id = ask(desk, token, ids=crowd(house, 1), set={"membership_level": "premium"})
    assert len(queued("bulk")) == 1
    with house.acting("identity"):
        assert resume_bulk_updates.handler({}, CONTEXT) == {"done": 0, "skipped": False}
    with clock.frozen(clock.now() + bulk_updates._STALLED_AFTER * 2), house.acting("identity"):
        assert resume_bulk_updates.handler({}, CONTEXT) == {"done": 1, "skipped": False}
    records = queued("bulk")
    assert [json.loads(record["body"]) for record in records] == [{"job_id": job_id}]
    work(house, records)
    finished(job_id)
    with clock.frozen(clock.now() + bulk_updates._STALLED_AFTER * 2), house.acting("identity"):
        assert resume_bulk_updates.handler({}, CONTEXT) == {"done": 0, "skipped": False}


def test_a_change_larger_than_one_message_is_handed_on(desk, token, house: House, monkeypatch) -> None:
    monkeypatch.setattr(bulk_updates, "CHUNK", 1)
    monkeypatch.setattr(bulk_updates, "_CHUNKS_PER_MESSAGE", 2)
    job_id = ask(desk, token, ids=crowd(house, 5), set={"membership_level": "premium"})
    records = queued("bulk")
    with house.acting("identity"):
        run_bulk_updates.handler({"Records": records}, CONTEXT)
    job = find_job(job_id)
    assert job
    assert (job.status, int(job.progress)) == ("running", 40)
    work(house)
    assert finished(job_id).result_json() == {"updated": 5, "failed": 0, "matched": 5}
