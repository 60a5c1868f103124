"""Who may call what, walked: every served route of every domain against the contract's own copy, role by role.

The matrix is computed here from rules.md §2 and the permission column of endpoints.csv; the decisions are those of the real
rules, for sessions that hold what the database says a role holds.
"""

import asyncio
import re
from functools import cache
from typing import Any

import pytest
from fastapi import Request
from fastapi.routing import APIRoute

from infra.openapi import apps, rule_of
from shared.dynamo import edge
from shared.errors import CreatorRequired, PermissionDenied, Refusal, Unauthenticated
from shared.http.auth import CreatorRule, PublicRule, Rule, SignatureRule, StaffRule, UserRule
from shared.http.context import RequestContext
from tests.boundaries.door import Door
from tests.contract.contract import DATA, Row, rows
from tests.fixtures.api import SignIn
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House

NOT_IN_THE_CONTRACT = {
    ("GET", "/api/v1/docs/{asset}"): "a file of Swagger UI, PLT-006",
    ("GET", "/api/v1/payments/unionpay/page"): "the pay_url of PAY-005: UnionPay takes a form, and an address is promised",
}
SECTION = (DATA / "rules.md").read_text().split("## 2. Roles and permissions")[1].split("## 3. ")[0]
PERSON, OPERATOR = 100001, 100002
INVALID: dict[str, Any] = {"nobody": ["expects", None], "this": {"field": -1}}
"""A body no route accepts: whoever is refused for what they are never learns what the body should have been."""

Served = tuple[str, str, APIRoute]
SERVED: list[Served] = [
    (method, route.path_format, route)
    for _, app in apps()
    for route in app.router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods or ())
]


def named(routes: list[Served]) -> list[Any]:
    return [pytest.param(served, id=f"{served[0]} {served[1]}") for served in routes]


def ruled_by(kind: type[Rule]) -> list[Served]:
    return [served for served in SERVED if type(rule_of(served[2])) is kind]


STAFF, CREATORS, USERS = ruled_by(StaffRule), ruled_by(CreatorRule), ruled_by(UserRule)


@cache
def promised() -> dict[tuple[str, str], Row]:
    return {(row.method, row.path): row for row in rows().values()}


@cache
def catalogue() -> frozenset[str]:
    """Every permission point of rules.md §2."""
    line = SECTION.split("Permission catalogue (category: points):\n")[1].split("\n", maxsplit=1)[0]
    entries = [entry.split(":") for entry in line.rstrip(".").split(" · ")]
    return frozenset(f"{category.strip()}:{point}" for category, names in entries for point in names.split())


@cache
def roles() -> dict[str, frozenset[str]]:
    """What each staff role of rules.md §2 may, point by point."""
    found: dict[str, frozenset[str]] = {}
    for name, text in re.findall(r"^\| `(\w+)`[^|]*\| (.+) \|$", SECTION, re.MULTILINE):
        points = frozenset(re.findall(r"`([^`]+)`", text))
        if name in {"user", "creator"}:
            continue
        if points == {"*"}:
            found[name] = catalogue()
        elif text.startswith("all except"):
            found[name] = catalogue() - points
        elif "*:read" in points:
            found[name] = frozenset(point for point in catalogue() if point.endswith(":read"))
        else:
            assert points <= catalogue(), (name, points - catalogue())
            found[name] = points
    return found


def decision(rule: Rule, method: str, path: str, token: str | None) -> type[Refusal] | None:
    """What the real rule says to a caller: None lets in."""
    context = RequestContext("r", "en", "203.0.113.7", "tests", method, path)
    context.authorization = f"Bearer {token}" if token else ""
    request = Request({"type": "http", "method": method, "path": path, "headers": [], "house": context})
    try:
        asyncio.run(_ask(rule, request))
    except Refusal as refusal:
        return type(refusal)
    return None


async def _ask(rule: Rule, request: Request) -> None:
    await rule(request)


@pytest.fixture
def callers(house: House, sign_in: SignIn) -> dict[str, str]:
    """A token of each kind of person, and one per staff role with what the database says the role holds."""
    edge.publish({"rate_limits.factor": 10_000})
    make_user(house.sql, PERSON, "person")
    make_user(house.sql, OPERATOR, "operator")
    held = dict(house.sql("SELECT role, permissions FROM admin.admin_roles WHERE builtin"))
    return {
        "user": sign_in(PERSON, roles=("user",)),
        "creator": sign_in(PERSON, roles=("user", "creator")),
        "staff without rights": sign_in(OPERATOR, permissions=("nothing:at_all",)),
        **{role: sign_in(OPERATOR, permissions=tuple(permissions)) for role, permissions in held.items()},
    }


def test_the_contracts_own_copy_is_read_as_it_was_written() -> None:
    assert len({point.partition(":")[0] for point in catalogue()}) == 38
    assert set(roles()) == {
        "super_admin", "admin", "user_manager", "ai_manager", "finance_manager", "data_manager", "strategy_manager",
        "content_manager", "support", "observer",
    }  # fmt: skip
    assert "admin:write" not in roles()["admin"]
    assert "admin:read" in roles()["admin"]
    assert roles()["support"] == {
        "support:read", "support:write", "user:read", "report:read", "cms:read", "monitoring:read"
    }  # fmt: skip


@pytest.mark.parametrize("served", named(SERVED))
def test_a_route_names_the_contracts_rule_and_asks_it_first(served: Served) -> None:
    method, path, route = served
    rule = rule_of(route)
    assert rule is not None
    asked_first = id(route.dependant.dependencies[0].call)
    assert asked_first == id(rule), "what runs before the rule runs for everybody"
    if (method, path) in NOT_IN_THE_CONTRACT:
        assert isinstance(rule, PublicRule)
        return
    row = promised()[method, path]
    assert (rule.name, rule.permission or "") == (row.auth, row.permission)
    kinds: dict[str, type[Rule]] = {
        "public": PublicRule, "signature": SignatureRule, "user": UserRule, "creator": CreatorRule
    }  # fmt: skip
    assert type(rule) is kinds.get(row.auth, StaffRule)
    assert row.permission == "" or row.permission in catalogue()


def test_every_role_and_every_staff_route_agree_with_the_matrix(house: House, callers: dict[str, str]) -> None:
    wrong = []
    with house.acting("admin"):
        for method, path, route in STAFF:
            rule, row = rule_of(route), promised()[method, path]
            assert rule
            for role, may in roles().items():
                expected = None if row.permission == "" or row.permission in may else PermissionDenied
                if (found := decision(rule, method, path, callers[role])) is not expected:
                    wrong.append((role, method, path, found))
    assert wrong == []


def test_every_point_of_the_catalogue_is_decided_alike_served_or_not(house: House, callers: dict[str, str]) -> None:
    wrong = []
    with house.acting("admin"):
        for point in sorted(catalogue()):
            for role, may in roles().items():
                found = decision(StaffRule(point, "admin"), "GET", "/api/v1/admin/x", callers[role])
                if (found is None) is not (point in may):
                    wrong.append((role, point, found))
    assert wrong == []


def test_no_token_but_an_operators_opens_a_staff_route(house: House, callers: dict[str, str]) -> None:
    wrong = []
    with house.acting("admin"):
        for method, path, route in STAFF:
            rule = rule_of(route)
            assert rule
            expected = {None: Unauthenticated, "user": PermissionDenied, "creator": PermissionDenied}
            for caller, refusal in expected.items():
                found = decision(rule, method, path, callers[caller] if caller else None)
                if found is not refusal:
                    wrong.append((caller, method, path, found))
    assert wrong == []


def test_an_operators_token_is_a_users_token_but_makes_no_creator(house: House, callers: dict[str, str]) -> None:
    for method, path, route in USERS:
        rule = rule_of(route)
        assert rule
        assert decision(rule, method, path, callers["support"]) is None, path
        assert decision(rule, method, path, None) is Unauthenticated, path
    for method, path, route in CREATORS:
        rule = rule_of(route)
        assert rule
        assert decision(rule, method, path, callers["super_admin"]) is CreatorRequired, path
        assert decision(rule, method, path, callers["creator"]) is None, path


def _filled(route: APIRoute) -> str:
    """The path with something in every place, without the base."""
    path = re.sub(r"\{\w+:int\}", "1", route.path)
    return re.sub(r"\{[^}]+\}", "x", path).removeprefix("/api/v1")


def _refused(door: Door, served: Served, token: str | None) -> tuple[int, str]:
    method, _, route = served
    body = INVALID if method in {"POST", "PUT", "PATCH"} else None
    reply = door.call(method, _filled(route), token=token, json_body=body, query={"page": "nonsense", "page_size": "0"})
    return reply.error


def _differing(door: Door, routes: list[Served], expected: dict[str | None, tuple[int, str]]) -> list[Any]:
    """Every call of these routes, by token, that is answered otherwise than expected."""
    asked = ((served, token, refusal) for served in routes for token, refusal in expected.items())
    return [
        (served[0], served[1], refusal, found)
        for served, token, refusal in asked
        if (found := _refused(door, served, token)) != refusal
    ]


def test_a_staff_route_refuses_strangers_before_it_looks_at_what_they_sent(house: House, callers: dict[str, str]) -> None:
    refusals: dict[str | None, tuple[int, str]] = {
        None: (401, "unauthenticated"),
        callers["user"]: (403, "permission_denied"),
        callers["creator"]: (403, "permission_denied"),
    }
    assert _differing(Door(house), STAFF, refusals) == []
    some = [served for served in STAFF if promised()[served[0], served[1]].permission]
    assert _differing(Door(house), some, {callers["staff without rights"]: (403, "permission_denied")}) == []


def test_a_creators_route_refuses_a_plain_user_before_it_looks_at_what_they_sent(
    house: House, callers: dict[str, str]
) -> None:
    refusals: dict[str | None, tuple[int, str]] = {
        None: (401, "unauthenticated"),
        callers["user"]: (403, "creator_required"),
    }
    assert _differing(Door(house), CREATORS, refusals) == []


def test_a_users_route_refuses_strangers_before_it_looks_at_what_they_sent(house: House, callers: dict[str, str]) -> None:
    assert _differing(Door(house), USERS, {None: (401, "unauthenticated")}) == []
