"""The operation log and its proof, as the back office reads them."""

from datetime import timedelta
from typing import Any

import pytest

from functions.admin import http
from functions.admin.http import audit as routes
from shared import clock
from shared.clock import rfc3339
from tests.admin.audit import AT, OPERATOR, Archive, Lasting
from tests.fixtures.api import Api, SignIn
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House

LOG = "/admin/auth/operation-logs"
ROW = {
    "operation": "thing.change",
    "resource_type": "thing",
    "resource_id": 0,
    "details": {"before": {"状态": "a"}, "after": {"状态": "b0"}},
    "ip_address": "203.0.113.7",
    "user_agent": "tests",
    "result": "success",
    "error_message": None,
}


@pytest.fixture
def desk(archive: Archive) -> Api:
    archive.at = clock.now() - timedelta(days=3)
    return Api(http.handler, Lasting(archive), "admin")


@pytest.fixture
def reader(sign_in: SignIn) -> str:
    return sign_in(9, permissions=("audit:read",))


def appoint(house: House, uid: int) -> int:
    make_user(house.sql, uid, f"user{uid}")
    return int(house.sql("INSERT INTO admin.admins (user_id, role) VALUES (%s, 'admin') RETURNING id", (uid,))[0][0])


def test_a_row_shows_its_hash_once_it_is_sealed(archive: Archive, desk: Api, reader: str) -> None:
    admin_id = appoint(Lasting(archive), OPERATOR.uid)
    archive.write()
    (row,) = desk.get(LOG, token=reader).data["items"]
    assert row == ROW | {"id": 1, "admin_id": admin_id, "created_at": rfc3339(archive.at), "hash": ""}
    archive.seal()
    (row,) = desk.get(LOG, token=reader).data["items"]
    assert row["hash"] == archive.sql("SELECT encode(hash, 'hex') FROM admin.admin_operation_seals")[0][0]


def test_the_log_is_read_from_its_end_and_by_every_filter(house: House, api: Any, sign_in: SignIn) -> None:
    first, second = appoint(house, 100001), appoint(house, 100002)
    rows = [
        (100001, "role.update", "role", None, "success", 0),
        (100001, "refund.approve", "refund", 5, "failed", 1),
        (100002, "refund.approve", "refund", 6, "error", 2),
        (100003, "logout", "session", 100003, "success", 3),
    ]
    for uid, operation, resource, number, result, minutes in rows:
        house.sql(
            """
            INSERT INTO admin.admin_operation_logs (admin_uid, operation, resource_type, resource_id, result, created_at)
            VALUES (%s, %s, %s, %s, %s, %s)
            """,
            (uid, operation, resource, number, result, AT + timedelta(minutes=minutes)),
        )
    desk: Api = api(http.handler, "admin")
    token = sign_in(9, permissions=("*:read",))

    def found(**query: Any) -> list[str]:
        return [row["result"] + " " + row["operation"] for row in desk.get(LOG, token=token, query=query).data["items"]]

    everything = ["success logout", "error refund.approve", "failed refund.approve", "success role.update"]
    assert found() == everything
    assert found(sort_order="asc") == everything[::-1]
    assert found(admin_id=first) == everything[2:]
    assert found(admin_id=second) == everything[1:2]
    assert found(operation="logout") == everything[:1]
    assert found(resource_type="refund", resource_id=6) == everything[1:2]
    assert found(result="failed") == everything[2:3]
    at = [rfc3339(AT + timedelta(minutes=minutes)) for minutes in range(4)]
    assert found(date_from=at[1], date_to=at[2]) == everything[1:3]
    assert found(date_from=at[3].removesuffix("Z")) == everything[:1], "an instant without a zone is UTC"
    assert found(date_from="2026-05-04T11:05:01.000007+08:00") == everything[:1]
    page = desk.get(LOG, token=token, query={"page_size": 3}).data
    assert (len(page["items"]), page["total"]) == (3, 4)
    rest = desk.get(LOG, token=token, query={"page_size": 3, "cursor": page["next_cursor"]}).data
    assert [row["operation"] for row in rest["items"]] == ["role.update"]
    assert page["items"][0]["admin_id"] == 0, "whose staff account is gone has no number any more"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"admin_id": "x"}, "query.admin_id"),
        ({"admin_id": str(2**63)}, "query.admin_id"),
        ({"resource_id": "-1"}, "query.resource_id"),
        ({"result": "maybe"}, "query.result"),
        ({"date_from": "yesterday"}, "query.date_from"),
        ({"sort_by": "hash"}, "query.sort_by"),
        ({"operation": "x" * 101}, "query.operation"),
        ({"date_from": "2026-02-01T00:00:00Z", "date_to": "2026-01-01T00:00:00Z"}, "query.date_to"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(api: Any, sign_in: SignIn, query: dict[str, str], field: str) -> None:
    reply = api(http.handler, "admin").get(LOG, token=sign_in(9, permissions=("audit:read",)), query=query)
    assert reply.error == (422, "validation_error")
    assert reply.json["details"][0]["field"] == field


@pytest.mark.parametrize("path", [LOG, LOG + "/verify"])
def test_only_who_may_read_audits_reads_them(api: Any, sign_in: SignIn, path: str) -> None:
    desk: Api = api(http.handler, "admin")
    assert desk.get(path).error == (401, "unauthenticated")
    assert desk.get(path, token=sign_in(5)).error == (403, "permission_denied")
    assert desk.get(path, token=sign_in(6, permissions=("user:write", "role:read"))).error == (403, "permission_denied")
    assert desk.get(path, token=sign_in(7, permissions=("audit:read",))).status == 200


def test_a_proof_counts_what_it_looked_at_in_both_logs(archive: Archive, desk: Api, reader: str) -> None:
    path, start = LOG + "/verify", archive.at
    assert desk.get(path, token=reader).data == {"valid": True, "checked": 0, "first_broken_id": None}
    for _ in range(3):
        archive.write(2)
        archive.seal()
        archive.at += timedelta(days=1)
    archive.anchor()
    assert desk.get(path, token=reader).data == {"valid": True, "checked": 12, "first_broken_id": None}
    day = {"date_from": rfc3339(start + timedelta(days=1)), "date_to": rfc3339(start + timedelta(days=1, hours=1))}
    assert desk.get(path, token=reader, query=day).data == {"valid": True, "checked": 4, "first_broken_id": None}
    archive.sql("UPDATE admin.operator_audit_logs SET operator_id = 8 WHERE id = 3")
    broken = {"valid": False, "checked": 12, "first_broken_id": 3}
    assert desk.get(path, token=reader).data == broken
    assert desk.get(path, token=reader, query=day).data == broken | {"checked": 4}
    assert desk.get(path, token=reader, query={"date_to": rfc3339(start)}).data["valid"], "not that day's"


def test_the_newest_rows_cut_off_are_told_of_whatever_the_days(archive: Archive, desk: Api, reader: str) -> None:
    archive.at = clock.now()
    archive.write(3, log="admin")
    archive.seal()
    archive.anchor()
    for table in ("admin_operation_logs", "admin_operation_seals", "audit_blocks"):
        archive.sql(f"DELETE FROM admin.{table}")
    for query in ({}, {"date_to": "2020-01-01T00:00:00Z"}):
        assert desk.get(LOG + "/verify", token=reader, query=query).data == {
            "valid": False,
            "checked": 0,
            "first_broken_id": 3,
        }


def test_a_proof_that_would_take_too_long_is_refused_in_words(
    archive: Archive, desk: Api, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.write(3)
    archive.seal()
    monkeypatch.setattr(routes, "MOST_ROWS", 5)
    path = LOG + "/verify"
    refused = desk.get(path, token=reader)
    assert refused.error == (422, "validation_error")
    assert refused.json["details"][0]["message"] == "more than 5 rows; narrow the range"
    zh = desk.get(path, token=reader, headers={"accept-language": "zh-CN"})
    assert "请缩小范围" in zh.json["details"][0]["message"]
    assert desk.get(path, token=reader, query={"date_to": "2020-01-01T00:00:00Z"}).data["checked"] == 0


def test_reading_the_log_and_proving_it_leaves_no_row(archive: Archive, desk: Api, reader: str) -> None:
    desk.get(LOG, token=reader)
    desk.get(LOG + "/verify", token=reader)
    desk.get(LOG, token=reader, query={"result": "maybe"})
    assert archive.sql("SELECT count(*) FROM admin.admin_operation_logs") == [(0,)]
