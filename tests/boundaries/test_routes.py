"""Every route of every domain: async all the way, a rule by name, a model by annotation, ids that are bounded."""

import inspect
from typing import get_type_hints

import pytest
from fastapi.routing import APIRoute
from starlette.responses import Response

from infra.openapi import apps, rule_of
from shared.errors import EVERYWHERE, Refusal
from shared.http.envelope import Answer

ROUTES = [
    pytest.param(route, id=f"{name} {'/'.join(route.methods or ())} {route.path}")
    for name, app in apps()
    for route in app.router.routes
    if isinstance(route, APIRoute)
]


@pytest.mark.parametrize("route", ROUTES)
def test_nothing_on_the_way_of_a_request_is_synchronous(route: APIRoute) -> None:
    waiting = [route.dependant]
    while waiting:
        dependant = waiting.pop()
        call = dependant.call
        assert call is not None
        target = call if inspect.isroutine(call) or inspect.isclass(call) else type(call).__call__
        assert inspect.iscoroutinefunction(target) or inspect.isasyncgenfunction(target), f"{call} would use the thread pool"
        waiting += dependant.dependencies


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_names_its_rule(route: APIRoute) -> None:
    assert rule_of(route) is not None, f"{route.path} lets anyone in without saying so"


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_answers_a_model_or_a_plain_response(route: APIRoute) -> None:
    answer = get_type_hints(route.endpoint)["return"]
    is_model = inspect.isclass(answer) and issubclass(answer, (Answer, Response))
    assert (
        is_model
        or getattr(answer, "__pydantic_generic_metadata__", {}).get("origin") is Answer
        or route.path.endswith(("jwks.json", "openid-configuration"))
    )


def _refusals(base: type[Refusal]) -> list[type[Refusal]]:
    return [refusal for child in base.__subclasses__() for refusal in (child, *_refusals(child))]


def test_every_refusal_speaks_both_languages_and_has_one_name() -> None:
    found = {refusal for refusal in _refusals(Refusal) if refusal.__module__.startswith(("shared", "functions"))}
    assert found >= set(EVERYWHERE)
    for refusal in found:
        assert refusal.en, refusal
        assert any("\u4e00" <= character <= "\u9fff" for character in refusal.zh), refusal
    by_name: dict[str, set[tuple[str, str]]] = {}
    for refusal in found:
        by_name.setdefault(refusal.error, set()).add((refusal.zh, refusal.en))
    unlike = {name: sentences for name, sentences in by_name.items() if len(sentences) > 1}
    assert not unlike, "one name, one sentence"


def test_codes_are_unique_and_tell_their_status() -> None:
    from shared.errors import CODES

    assert len(set(CODES.values())) == len(CODES)
