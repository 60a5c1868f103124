"""Signing keys follow each other without one honest token refused, killed wherever it may be."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.client import BaseClient
from jose import jwt

from functions.identity import rotate_keys, signing, signing_keys
from functions.identity.signing_keys import LIFE, SIGNERS_KEEP, VERIFIERS_KEEP
from shared import clock, tokens
from shared.dynamo.sessions import JwksItem
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.identity.conftest import CONTEXT, api_call_of_botocore, forget_keys, secret_keys

Register = Callable[..., dict[str, Any]]
BORN = datetime(2027, 1, 1, tzinfo=UTC)
TOKENS = timedelta(minutes=15)
DUE = BORN + LIFE
STEP = timedelta(minutes=15)


@pytest.fixture
def newborn(keys: None) -> None:
    """The keys as if they had been made at a known time."""
    with clock.frozen(BORN):
        stored = {"active": "first", "keys": [signing_keys._new_key(BORN) | {"kid": "first"}]}
        signing_keys._store(stored)
        signing_keys._publish(stored)
    forget_keys()
    tokens.forget_keys()


def rotate(at: datetime) -> int:
    with clock.frozen(at):
        return signing_keys.rotate(TOKENS)


def published() -> list[str]:
    return [key["kid"] for key in json.loads(JwksItem.get("JWKS", "JWKS").jwks)["keys"]]


def stored() -> tuple[str, list[str]]:
    secret = secret_keys()
    return secret["active"], [key["kid"] for key in secret["keys"]]


def run_until(end: datetime, start: datetime = DUE) -> list[tuple[str, list[str]]]:
    """The states that runs every quarter of an hour lead through."""
    states, at = [stored()], start
    while at <= end:
        rotate(at)
        if stored() != states[-1]:
            states.append(stored())
        assert published() == stored()[1]
        at += STEP
    return states


def test_for_ninety_days_nothing_happens(newborn: None) -> None:
    assert [rotate(BORN + days * timedelta(days=1)) for days in range(90)] == [0] * 90
    assert stored() == ("first", ["first"])


def test_a_next_key_is_published_then_signs_then_the_old_one_goes(newborn: None) -> None:
    second = f"{DUE:%Y%m%d%H%M%S}"
    assert run_until(DUE + timedelta(hours=3)) == [
        ("first", ["first"]),
        ("first", ["first", second]),
        (second, ["first", second]),
        (second, [second]),
    ]
    assert rotate(DUE + timedelta(days=1)) == 0


def test_two_keys_are_live_at_most_through_a_year(newborn: None) -> None:
    at, seen = BORN, set()
    while at < BORN + timedelta(days=380):
        rotate(at)
        seen.add(stored()[0])
        assert 1 <= len(stored()[1]) <= 2
        at += timedelta(hours=12)
    assert len(seen) == 5


def test_nobody_signs_with_a_key_before_every_verifier_has_had_time_to_fetch_it(newborn: None) -> None:
    rotate(DUE)
    rotate(DUE + STEP)  # now it is known to be published
    since = DUE + STEP
    assert rotate(since + VERIFIERS_KEEP - timedelta(seconds=1)) == 0
    assert stored()[0] == "first"
    assert rotate(since + VERIFIERS_KEEP) == 1
    assert stored()[0] != "first"
    assert timedelta(seconds=2 * tokens._FRESH_SECONDS) <= VERIFIERS_KEEP
    assert timedelta(seconds=2 * signing._FRESH_SECONDS) <= SIGNERS_KEEP


def test_the_old_key_stays_until_its_last_token_has_expired(newborn: None) -> None:
    rotate(DUE)
    rotate(DUE + STEP)
    rotate(retired := DUE + 2 * STEP)
    assert rotate(retired + SIGNERS_KEEP + TOKENS) == 0
    assert published() == stored()[1]
    assert rotate(retired + SIGNERS_KEEP + TOKENS + timedelta(minutes=2)) == 1
    assert len(stored()[1]) == 1


def test_a_longer_life_of_tokens_keeps_the_old_key_longer(newborn: None) -> None:
    for number in range(3):
        rotate(DUE + number * STEP)
    with clock.frozen(DUE + timedelta(hours=2)):
        assert signing_keys.rotate(timedelta(days=1)) == 0
    with clock.frozen(DUE + timedelta(hours=26)):
        assert signing_keys.rotate(timedelta(days=1)) == 1


def test_every_honest_token_is_believed_in_the_middle_of_a_rotation(
    newborn: None, api_of_self: Api, register: Register
) -> None:
    at = DUE - 2 * STEP
    issued: list[tuple[datetime, str]] = []
    kids = set()
    while at < DUE + timedelta(hours=2):
        rotate(at)
        with clock.frozen(at):
            issued.append((at, register(email=f"u{at:%H%M}@example.com")["access_token"]))
            for since, token in issued:
                if at - since < TOKENS:
                    assert api_of_self.get("/users/profile", token=token).status == 200, (at, since)
        kids.add(jwt.get_unverified_header(issued[-1][1])["kid"])
        # Environments of different age: signers and verifiers that looked up to five minutes ago, and such as look now.
        if at.minute % 30:
            signing.forget_key()
            tokens.forget_keys()
        at += timedelta(minutes=5)
    assert len(kids) == 2


class Crash(BaseException):
    """The environment is gone."""


@pytest.fixture(params=range(1, 9))
def killed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let the environment die at the n-th write of a rotation, before or after it took effect."""
    calls = 0
    make_api_call = api_call_of_botocore()

    def call(client: BaseClient, name: str, parameters: Any) -> Any:
        nonlocal calls
        if name not in {"PutSecretValue", "PutItem"}:
            return make_api_call(client, name, parameters)
        calls += 1
        if calls == (request.param + 1) // 2 and request.param % 2:
            raise Crash
        answer = make_api_call(client, name, parameters)
        if calls == request.param // 2 and request.param % 2 == 0:
            raise Crash
        return answer

    return lambda: monkeypatch.setattr(BaseClient, "_make_api_call", call)


def test_killed_between_any_two_steps_the_next_run_goes_on_to_the_same_end(
    newborn: None, killed: Callable[[], None]
) -> None:
    killed()
    crashed, at = 0, DUE
    while at < DUE + timedelta(hours=4):
        try:
            rotate(at)
        except Crash:
            crashed += 1
        active, known = stored()
        assert active in known
        assert active in published(), "a token that is signed now could not be verified"
        at += STEP
    assert crashed == 1
    active, known = stored()
    assert known == [active] == published()
    assert active != "first"


def test_a_key_missing_from_what_is_published_waits_anew(newborn: None) -> None:
    rotate(DUE)
    rotate(DUE + STEP)
    old = secret_keys()
    old["keys"] = old["keys"][:1]
    signing_keys._publish(old)  # a deployment that had read the secret before
    assert rotate(DUE + 2 * STEP) == 1
    assert stored()[0] == "first"
    assert published() == stored()[1]
    assert rotate(DUE + 2 * STEP + VERIFIERS_KEEP - timedelta(seconds=1)) == 0
    assert rotate(DUE + 2 * STEP + VERIFIERS_KEEP) == 1


def test_before_the_first_deployment_there_is_nothing_to_rotate(cloud: None) -> None:
    assert signing_keys.rotate(TOKENS) == 0


def test_the_schedule_rotates_alone_and_reports(newborn: None, house: House) -> None:
    with house.acting("identity"), clock.frozen(DUE):
        assert rotate_keys.handler({}, CONTEXT) == {"done": 1, "skipped": False}
    with house.acting("identity"), clock.frozen(DUE + timedelta(minutes=1)):
        assert rotate_keys.handler({}, CONTEXT) == {"done": 1, "skipped": False}


def test_private_halves_are_never_published(newborn: None) -> None:
    rotate(DUE)
    for key in json.loads(JwksItem.get("JWKS", "JWKS").jwks)["keys"]:
        assert set(key) == {"kty", "use", "alg", "kid", "n", "e"}
