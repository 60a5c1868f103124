"""What every request pays: one read of DynamoDB at most, no SQL for its limits. And what a refused operator leaves behind."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.client import BaseClient
from psycopg import Connection

from functions.platform import http as platform
from shared import aws, caller, clock, ratelimit
from shared.addresses import is_allowed
from shared.dynamo import edge
from shared.dynamo.sessions import SessionItem, session_key, user_key
from tests.admin.conftest import ROOT, Staff
from tests.fixtures.api import Api, Handler, SignIn
from tests.fixtures.budget import statements
from tests.fixtures.postgres import House

READS = {"GetItem", "BatchGetItem", "Query", "TransactGetItems", "Scan"}
EVENTS = "SELECT kind, severity, user_id, admin_id, ip, detail FROM admin.security_events ORDER BY event_id"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The DynamoDB reads made so far, by operation."""
    seen: list[str] = []
    real = BaseClient._make_api_call  # type: ignore[attr-defined]  # botocore's own seam, missing in its stubs

    def noted(client: Any, operation: str, parameters: Any) -> Any:
        if operation in READS:
            seen.append(operation)
        return real(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", noted)
    return seen


def test_a_request_reads_dynamodb_once_at_most_whatever_is_remembered(admin_api: Api, root: str, reads: list[str]) -> None:
    admin_api.get("/admin/settings", token=root)  # the signing keys are read once per environment
    for remembers_session in (True, False):
        for remembers_settings in (True, False):
            if not remembers_session:
                caller.forget_sessions()
            if not remembers_settings:
                edge.forget()
            reads.clear()
            assert admin_api.get("/admin/settings", token=root).status == 200
            expected = {
                (True, True): [], (True, False): ["GetItem"], (False, True): ["GetItem"], (False, False): ["BatchGetItem"],
            }  # fmt: skip
            assert reads == expected[remembers_session, remembers_settings]


def test_a_stranger_costs_one_read_and_then_none(api: Callable[[Handler, str], Api], reads: list[str]) -> None:
    door = api(platform.handler, "platform")
    door.get("/health")
    assert reads == ["GetItem"]
    door.get("/health")
    assert reads == ["GetItem"]


def test_limits_and_the_network_list_cost_no_sql(house: House, admin_api: Api, root: str) -> None:
    assert statements(house, "admin", lambda: admin_api.get("/admin/settings", token=root)) == 1


def test_a_session_and_the_settings_come_together(sign_in: SignIn, cloud: None) -> None:
    edge.publish({"rate_limits.factor": 3})
    sign_in(ROOT)
    [session] = list(SessionItem.query(user_key(ROOT)))
    session_id = session.sk.removeprefix("S#")
    edge.forget()
    assert edge.find_session(user_key(ROOT), session_key(session_id)).uid == ROOT
    assert edge.in_force() == {"rate_limits.factor": 3}
    edge.forget()
    with pytest.raises(SessionItem.DoesNotExist):
        edge.find_session(user_key(ROOT), session_key("another"))
    assert edge.in_force() == {"rate_limits.factor": 3}


def test_without_dynamodb_the_last_settings_known_stay(cloud: None, reads: list[str]) -> None:
    edge.publish({"rate_limits.factor": 3})
    aws.client("dynamodb").delete_table(TableName="sharestack-test-identity")
    edge._read_at[:] = [edge._read_at[0] - 60]
    assert edge.in_force() == {"rate_limits.factor": 3}
    assert edge.in_force() == {"rate_limits.factor": 3}
    assert reads == ["GetItem"], "not asked again at once"


def test_a_user_outside_the_network_list_is_not_concerned(
    api: Callable[[Handler, str], Api], sign_in: SignIn, people: Staff
) -> None:
    edge.publish({"security.ip_allowlist": ["198.51.100.0/24"]})
    door = api(platform.handler, "platform")
    assert door.get("/jobs/none", token=sign_in(people.user(100050))).error == (404, "job_not_found")
    operator = sign_in(100050, permissions=("system:read",))
    assert door.get("/jobs/none", token=operator).error == (403, "ip_not_allowed"), "nor may staff rights be used elsewhere"
    reply = door.get("/health", token=operator)
    assert (reply.status, reply.headers["www-authenticate"]) == (200, 'Bearer error="ip_not_allowed"')


@pytest.mark.parametrize(
    ("ip", "networks", "allowed"),
    [
        ("203.0.113.7", [], True),
        ("203.0.113.7", ["203.0.113.0/24"], True),
        ("203.0.113.7", ["198.51.100.0/24", "203.0.113.7"], True),
        ("203.0.113.7", ["198.51.100.0/24"], False),
        ("2001:db8::5", ["2001:db8::/32"], True),
        ("", ["203.0.113.0/24"], False),
    ],
)
def test_an_address_is_allowed_when_a_network_has_it(ip: str, networks: list[str], allowed: bool) -> None:
    assert is_allowed(ip, networks) is allowed


def test_a_denied_staff_call_leaves_a_security_event(admin_api: Api, people: Staff, house: House, sign_in: SignIn) -> None:
    people.appoint(100005, "observer")
    body = {"role": "x", "permissions": []}
    assert admin_api.post("/admin/roles", body, token=people.token(100005)).error == (403, "permission_denied")
    assert house.sql(EVENTS) == [
        (
            "permission_violation", "medium", 100005, 100005, "203.0.113.7",
            {"method": "POST", "path": "/api/v1/admin/roles", "permission": "role:write", "session": "staff"},
        )
    ]  # fmt: skip
    assert admin_api.get("/admin/settings", token=sign_in(people.user(100006))).error == (403, "permission_denied")
    [_, (_, _, user_id, admin_id, _, detail)] = house.sql(EVENTS)
    assert (user_id, admin_id, detail["session"], detail["permission"]) == (100006, None, "user", "settings:read")


def test_knocking_again_within_the_minute_is_the_same_event(admin_api: Api, people: Staff, house: House) -> None:
    people.appoint(100005, "observer")
    minute = clock.now().replace(second=10)
    with clock.frozen(minute):
        token = people.token(100005)
        for _ in range(3):
            assert admin_api.delete("/admin/roles/x", token=token).status == 403
    assert len(house.sql(EVENTS)) == 1


def test_letting_someone_in_writes_no_event(admin_api: Api, root: str, house: House) -> None:
    assert admin_api.get("/admin/settings", token=root).status == 200
    assert house.sql(EVENTS) == []


def test_the_event_stays_though_the_call_is_refused(
    fresh_database: Callable[..., str], sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from functions.admin import http
    from shared.sql import connection
    from tests.fixtures.gateway import gateway_event

    monkeypatch.setenv("DATABASE_URL", fresh_database("admin"))
    connection.use(None)
    headers = {"authorization": f"Bearer {sign_in(100005, permissions=('user:read',))}"}
    answer = http.handler(gateway_event("DELETE", "/api/v1/admin/roles/x", headers=headers), None)
    assert answer["statusCode"] == 403
    with Connection.connect(fresh_database()) as owner:
        assert len(owner.execute(EVENTS).fetchall()) == 1


def test_without_a_database_the_refusal_stands(sign_in: SignIn, cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.admin import http
    from shared.sql import connection
    from tests.fixtures.gateway import gateway_event

    monkeypatch.setenv("DATABASE_URL", "host=127.0.0.1 port=1 dbname=none user=admin connect_timeout=1")
    connection.use(None)
    ratelimit.forget_leases()
    headers = {"authorization": f"Bearer {sign_in(100005, permissions=('user:read',))}"}
    answer = http.handler(gateway_event("DELETE", "/api/v1/admin/roles/x", headers=headers), None)
    assert answer["statusCode"] == 403
