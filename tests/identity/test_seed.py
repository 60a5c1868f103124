import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from functions.identity import auth
from functions.identity.totp import code_at, step_of
from infra.local import seed
from shared import clock
from shared.sql import connection as house_connection
from shared.sql.connection import connect
from tests.fixtures.gateway import gateway_event
from tests.identity.conftest import CONTEXT

pytestmark = pytest.mark.usefixtures("keys")


@pytest.fixture
def seeded(fresh_database: Callable[..., str]) -> dict[str, Any]:
    """A database with the demo people in it, seeded twice."""
    first = seed.seed(fresh_database())
    assert seed.seed(fresh_database()) == first
    return first


def sign_in(dsn: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    event = gateway_event("POST", path, headers={"content-type": "application/json"}, body=json.dumps(body).encode())
    with connect(dsn) as db:
        house_connection.use(db)
        reply = auth.handler(event, CONTEXT)
    return reply["statusCode"], json.loads(reply["body"])["data"]


def test_every_demo_operator_signs_in_with_password_and_one_time_password(
    seeded: dict[str, Any], fresh_database: Callable[..., str]
) -> None:
    operators = [login for login in seeded["logins"] if login["totp_secret"]]
    assert [login["role"] for login in operators] == [
        "super_admin", "user_manager", "finance_manager", "finance_manager"
    ]  # fmt: skip
    for login in operators:
        body = {
            "email": login["email"],
            "password": login["password"],
            "totp_code": code_at(login["totp_secret"], step_of(clock.now())),
        }
        status, data = sign_in(fresh_database("identity"), "/api/v1/admin/auth/login", body)
        assert (status, data["admin"]["role"], data["admin"]["user_id"]) == (200, login["role"], login["uid"])


def test_the_demo_creator_and_reader_sign_in(seeded: dict[str, Any], fresh_database: Callable[..., str]) -> None:
    for name, roles in (("creator", ["creator", "user"]), ("reader", ["user"])):
        (login,) = [login for login in seeded["logins"] if login["role"] == name]
        body = {"account": login["email"], "password": login["password"]}
        status, data = sign_in(fresh_database("identity"), "/api/v1/auth/login", body)
        assert (status, data["user"]["roles"], data["user"]["user_id"]) == (200, roles, seeded["ids"][name])


def test_the_seeded_creator_is_announced_once(seeded: dict[str, Any], fresh_database: Callable[..., str]) -> None:
    with connect(fresh_database()) as db:
        rows = db.execute(
            "SELECT topic, payload ->> 'uid' FROM platform.outbox_events WHERE topic LIKE 'identity.creator%'"
        ).fetchall()
    assert rows == [("identity.creator_approved.v1", str(seeded["ids"]["creator"]))]


def test_the_logins_are_written_where_the_front_door_looks(
    fresh_database: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    seed.main({"DATABASE_URL": fresh_database()})
    written = json.loads((tmp_path / "seed.json").read_text())
    assert {login["email"].split("@")[0] for login in written["logins"]} == {
        "root", "ops", "finance", "finance2", "creator", "reader"
    }  # fmt: skip
