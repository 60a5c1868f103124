"""Every staff mutation of every domain: held to its audit row by the rule it names, and known to write one.

That none succeeds without is the edge's doing (tests/admin/test_audit_attempts.py); this walks the routes and follows
what each calls, so that one which would never succeed does not wait for its first operator to be found.
"""

import inspect
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType

import pytest
from fastapi.routing import APIRoute

from infra.openapi import apps, rule_of
from shared.http.auth import StaffRule
from shared.sql.audit import admin_operation, operator_action

WRITES: dict[str, object] = {"admin": admin_operation, "operator": operator_action}

MUTATIONS = [
    pytest.param(route, id=f"{name} {method} {route.path}")
    for name, app in apps()
    for route in app.router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods or ())
    if method not in {"GET", "HEAD"} and isinstance(rule_of(route), StaffRule)
]


def called(function: Callable[..., object]) -> Iterator[FunctionType]:
    """Every function of ours that one may call, however deep: by the names in its code, found in its module."""
    seen: set[FunctionType] = set()
    waiting = [inspect.unwrap(function)]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, FunctionType) or one in seen or not one.__module__.startswith(("functions.", "shared.sql")):
            continue
        seen.add(one)
        yield one
        names = {name for code in _codes(one.__code__) for name in code.co_names}
        held = [one.__globals__[name] for name in names if name in one.__globals__]
        held += [
            getattr(module, name)
            for module in held
            if isinstance(module, ModuleType)
            for name in names
            if hasattr(module, name)
        ]
        waiting += [thing for thing in held if isinstance(thing, FunctionType)]


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def test_there_are_staff_mutations_in_several_domains() -> None:
    domains = {str(case.id).split(".")[0] for case in MUTATIONS}
    assert {"admin", "finance", "identity", "payments"} <= domains


@pytest.mark.parametrize("route", MUTATIONS)
def test_a_staff_mutation_writes_into_the_log_of_its_label(route: APIRoute) -> None:
    rule = rule_of(route)
    assert isinstance(rule, StaffRule)
    assert rule.name in WRITES, "a label without a log"
    assert WRITES[rule.name] in set(called(route.endpoint)), f"{route.endpoint.__name__} never tells of itself"


def test_the_walk_sees_through_services_and_finds_what_is_missing() -> None:
    def neither() -> None:
        """Nothing."""

    assert set(WRITES.values()).isdisjoint(called(neither))
    assert set(WRITES.values()).isdisjoint(called(len))
