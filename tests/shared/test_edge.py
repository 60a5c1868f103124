"""The edge of every HTTP function: envelope, language, limits, headers, and errors that never leak."""

import asyncio

import pytest

from shared.dynamo.sessions import SessionItem, user_key
from shared.http.edge import MAX_BODY
from shared.ratelimit import BucketItem
from tests.fixtures.api import Api
from tests.shared.things import handler


@pytest.fixture
def things(api) -> Api:
    made: Api = api(handler, "platform")
    return made


def test_a_success_is_in_the_envelope(things: Api) -> None:
    assert things.get("/things/5").json == {"code": 0, "message": "success", "data": {"name": "None"}}


def test_integers_come_before_names_in_the_route_index(things: Api) -> None:
    assert things.get("/things/5").data == {"name": "None"}
    assert things.get("/things/five").data == {"name": "named five"}


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("zh-CN", "未找到"),
        ("en", "Not found"),
        ("fr, en;q=0.5", "Not found"),
        ("", "未找到"),
        ("en;q=0.1, zh;q=0.9", "未找到"),
    ],
)
def test_an_error_speaks_the_callers_language(things: Api, language: str, sentence: str) -> None:
    reply = things.get("/nowhere", headers={"accept-language": language})
    assert reply.json["message"] == sentence
    assert set(reply.json) == {"code", "error", "message", "details", "request_id"}


def test_a_request_id_is_echoed_or_the_gateways(things: Api) -> None:
    assert things.get("/things/1", headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
    assert things.get("/things/1", headers={"X-Request-Id": "bad id\n"}).headers["x-request-id"] == "from-the-gateway"


def test_security_headers_are_on_every_answer(things: Api) -> None:
    for reply in (things.get("/things/1"), things.get("/nowhere"), things.post("/things/explode")):
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["x-frame-options"] == "DENY"
        assert "max-age" in reply.headers["strict-transport-security"]


def test_an_exception_is_a_500_that_tells_nothing(things: Api) -> None:
    reply = things.post("/things/explode")
    assert reply.error == (500, "internal_error")
    assert "boom" not in reply.text


def test_a_body_over_the_limit_is_413(things: Api, sign_in) -> None:
    reply = things.post("/things/make", {"name": "x" * MAX_BODY}, token=sign_in(1))
    assert reply.error == (413, "payload_too_large")


def test_nul_characters_are_refused_before_any_query(things: Api, sign_in) -> None:
    assert things.post("/things/make", {"name": "a\x00b"}, token=sign_in(1)).error == (422, "validation_error")
    assert things.post("/things/make", {"name": "a\\u0000b"}, token=sign_in(1)).status == 201
    assert things.get("/things/5", query={"q": "\x00"}).error == (422, "validation_error")


def test_lone_surrogates_are_refused(things: Api, sign_in) -> None:
    reply = things.post("/things/make", {"name": "\ud800"}, token=sign_in(1))
    assert reply.error == (422, "validation_error")


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "body.name"), ({"name": "x", "nope": 1}, "body.nope"), ({"name": "x", "size": "many"}, "body.size"), ([], "body")],
)
def test_bad_fields_are_named(things: Api, sign_in, body, field) -> None:
    reply = things.post("/things/make", body, token=sign_in(1))
    assert reply.error == (422, "validation_error")
    assert reply.json["details"][0]["field"] == field
    assert reply.json["details"][0]["message"]


def test_broken_json_is_400_and_another_media_type_415(things: Api, sign_in) -> None:
    token = sign_in(1)
    broken = things.call("POST", "/things/make", form="{", token=token, headers={})
    assert broken.error == (415, "unsupported_media_type")
    reply = things._handler  # the client sends JSON only; a raw event sends what no client would
    from tests.fixtures.gateway import gateway_event

    event = gateway_event(
        "POST",
        "/api/v1/things/make",
        headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
        body=b"{",
    )
    with things._house.acting("platform"):
        answer = reply(event, None)
    assert answer["statusCode"] == 400


def test_the_wrong_method_is_405(things: Api) -> None:
    assert things.delete("/things/5").error == (405, "method_not_allowed")


def test_a_value_the_database_cannot_hold_is_422(things: Api) -> None:
    assert things.get("/things/too/big").error == (422, "validation_error")
    assert things.get(f"/things/{2**70}").error == (422, "validation_error")


def test_the_rules_refuse_in_order(things: Api, sign_in) -> None:
    assert things.post("/things/creators").error == (401, "unauthenticated")
    assert things.post("/things/creators", token=sign_in(1)).error == (403, "creator_required")
    assert things.post("/things/creators", token=sign_in(1, roles=("creator",))).status == 200
    assert things.post("/things/staff", token=sign_in(1)).error == (403, "permission_denied")
    assert things.post("/things/staff", token=sign_in(1, permissions=("payment:read",))).error == (403, "permission_denied")
    for held in ("payment:write", "payment:*", "*", "*:write"):
        assert things.post("/things/staff", token=sign_in(1, permissions=(held,))).status == 200


def test_rate_limit_headers_and_refusal(things: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.settings import Settings

    monkeypatch.setenv("IP_PER_MINUTE", "3")
    monkeypatch.setenv("RATE_LIMIT_FACTOR", "1")
    Settings.forget()
    left = [things.get("/things/1").headers["x-ratelimit-remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = things.get("/things/1")
    assert refused.error == (429, "rate_limited")
    assert 1 <= int(refused.headers["retry-after"]) <= 21


def test_a_dead_token_on_a_public_route_is_as_good_as_none_and_said_so(things: Api) -> None:
    reply = things.get("/things/5", token="not.a.token")
    assert reply.data == {"name": "None"}
    assert reply.headers["www-authenticate"] == 'Bearer error="unauthenticated"'
    assert things.post("/things/creators", token="not.a.token").error == (401, "unauthenticated")


def test_a_creator_certified_a_moment_ago_is_let_in(things: Api, sign_in) -> None:
    token = sign_in(7)
    assert things.post("/things/creators", token=token).error == (403, "creator_required")
    (session,) = SessionItem.query(user_key(7))
    session.update([SessionItem.roles.set(["creator"])])
    assert things.post("/things/creators", token=token).status == 200


@pytest.mark.parametrize(
    ("hops", "subject"), [("0", "203.0.113.7"), ("1", "198.51.100.2"), ("2", "192.0.2.1"), ("9", "203.0.113.7")]
)
def test_only_the_addresses_our_own_proxies_saw_are_believed(things: Api, monkeypatch, hops: str, subject: str) -> None:
    monkeypatch.setenv("FORWARDED_HOPS", hops)
    things.get("/things/1", headers={"X-Forwarded-For": "1.1.1.1, 192.0.2.1, 198.51.100.2"})
    assert BucketItem.get(f"RL#ip#{subject}", "TAT").tat > 0


def test_a_handler_serves_whatever_became_of_the_threads_event_loop(things: Api) -> None:
    asyncio.run(asyncio.sleep(0))  # leaves the thread without one
    assert things.get("/things/5").status == 200
