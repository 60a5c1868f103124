"""Every attempt is written down with what was unusual about it; what is alarming is told."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.identity.models import Guesses
from functions.identity.store import logins
from functions.identity.store.logins import LoginItem
from shared import clock
from shared.dynamo.sessions import user_key
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.identity.conftest import Post, log_in, queued

Register = Callable[..., dict[str, Any]]
NOW = datetime(2027, 1, 1, 4, tzinfo=UTC)
ANN, NOBODY = "ann@example.com", "nobody@example.com"
EVENTS = "SELECT kind, severity, user_id, admin_id, ip, detail ->> 'why' FROM admin.security_events ORDER BY event_id"


@pytest.fixture
def from_address(auth_api: Api, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Sign in as from another address: the last hop's word is believed."""
    monkeypatch.setenv("FORWARDED_HOPS", "1")

    def signed_in(ip: str, **fields: Any) -> Any:
        body = {"account": ANN, "password": "correct horse 1"} | fields
        return auth_api.post("/auth/login", body, headers={"x-forwarded-for": ip})

    return signed_in


def entries(uid: int) -> list[LoginItem]:
    return list(LoginItem.query(user_key(uid), LoginItem.sk.startswith("L#")))


def test_every_attempt_has_its_line_even_when_they_come_at_once(auth_api: Api, register: Register) -> None:
    with clock.frozen(NOW):
        uid = register()["user"]["user_id"]
        for _ in range(7):
            log_in(auth_api, password="wrong horse 1")
    reasons = [item.reason for item in entries(uid)]
    assert sorted(map(str, reasons)) == ["None"] + ["account_locked"] * 2 + ["invalid_credentials"] * 5


def test_a_line_says_who_from_where_with_what_and_how_it_went(auth_api: Api, register: Register) -> None:
    with clock.frozen(NOW):
        uid = register(device_id="phone-1", device_type="iOS")["user"]["user_id"]
        log_in(auth_api, password="wrong horse 1", device_id="phone-2", device_type="Android")
    wrong = next(item for item in entries(uid) if not item.ok)
    assert (wrong.method, wrong.reason, wrong.ip) == ("password", "invalid_credentials", "203.0.113.7")
    assert (wrong.device_id, wrong.device_type, wrong.at) == ("phone-2", "Android", NOW)
    assert int(wrong.ttl or 0) == int((NOW + timedelta(days=180)).timestamp())


def test_a_device_never_seen_is_flagged_once_it_is_not_the_first(auth_api: Api, register: Register) -> None:
    uid = register(device_id="phone-1")["user"]["user_id"]
    for device in ("phone-1", "phone-2", "phone-2"):
        log_in(auth_api, device_id=device)
    log_in(auth_api)
    assert [list(item.flags) for item in entries(uid)] == [[], [], ["new_device"], [], []]


def test_an_account_without_devices_has_no_new_one(auth_api: Api, register: Register) -> None:
    uid = register()["user"]["user_id"]
    log_in(auth_api, device_id="phone-1")
    assert [list(item.flags) for item in entries(uid)] == [[], []]


def test_three_addresses_within_an_hour_are_too_many_and_told_once_each(
    register: Register, from_address: Callable[..., Any], house: House, post: Post
) -> None:
    with clock.frozen(NOW):
        uid = register()["user"]["user_id"]
        for ip in ("198.51.100.1", "198.51.100.2", "198.51.100.2", "198.51.100.3", "198.51.100.1", "198.51.100.4"):
            assert from_address(ip).status == 200
    flags = [list(item.flags) for item in entries(uid)]
    assert flags == [[], [], [], [], *[["impossible_frequency"]] * 3]
    assert house.sql(EVENTS) == [
        ("abnormal_login", "medium", uid, None, "198.51.100.3", "impossible_frequency"),
        ("abnormal_login", "medium", uid, None, "198.51.100.4", "impossible_frequency"),
    ]
    post.deliver()
    assert ["三个或更多网络地址" in letter.body for letter in post.letters] == [True, True]


def test_addresses_of_more_than_an_hour_ago_do_not_count(
    register: Register, from_address: Callable[..., Any], house: House
) -> None:
    with clock.frozen(NOW):
        register()
        from_address("198.51.100.1")
        from_address("198.51.100.3")
    with clock.frozen(NOW + timedelta(hours=1, seconds=1)):
        from_address("198.51.100.2")
        from_address("198.51.100.1")
    assert house.sql(EVENTS) == []


def test_twenty_addresses_are_remembered_and_none_longer_than_an_hour() -> None:
    guesses = Guesses()
    for number in range(30):
        guesses = guesses.after_attempt_from(f"198.51.100.{number}", NOW + timedelta(seconds=number))
    assert list(guesses.recent_addresses) == [f"198.51.100.{number}" for number in range(10, 30)]
    later = guesses.after_attempt_from("203.0.113.7", NOW + timedelta(hours=2))
    assert list(later.recent_addresses) == ["203.0.113.7"]


def test_a_name_nobody_has_is_watched_the_same_way(from_address: Callable[..., Any], house: House, post: Post) -> None:
    for number in range(1, 4):
        assert from_address(f"198.51.100.{number}", account=NOBODY).error == (401, "invalid_credentials")
    assert house.sql(EVENTS) == [("abnormal_login", "medium", None, None, "198.51.100.3", "impossible_frequency")]
    post.deliver()
    assert post.letters == []


def test_a_lock_is_flagged_recorded_and_told_to_the_owner(
    auth_api: Api, register: Register, house: House, post: Post
) -> None:
    with clock.frozen(NOW):
        uid = register(locale="en")["user"]["user_id"]
        for _ in range(6):
            log_in(auth_api, password="wrong horse 1")
    assert [list(item.flags) for item in entries(uid)].count(["lock_out"]) == 2
    assert house.sql(EVENTS) == [("brute_force", "high", uid, None, "203.0.113.7", "lock_out")]
    post.deliver()
    (letter,) = post.letters
    assert "On 2027-01-01 12:00:00 (Beijing time), your account was locked" in letter.body
    assert "203.0.113.7" in letter.body


def test_who_does_not_want_alarms_gets_none_but_the_event_stays(
    auth_api: Api, register: Register, house: House, post: Post
) -> None:
    register()
    house.sql("UPDATE identity.user_auth SET login_alerts = false")
    for _ in range(5):
        log_in(auth_api, password="wrong horse 1")
    post.deliver()
    assert post.letters == []
    assert len(house.sql(EVENTS)) == 1


def test_a_queue_that_does_not_answer_costs_the_letter_and_not_the_lock(
    auth_api: Api, register: Register, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    register()
    monkeypatch.setenv("QUEUE_EMAIL", "https://sqs.us-east-1.amazonaws.com/123456789012/gone")
    for _ in range(5):
        assert log_in(auth_api, password="wrong horse 1").error == (401, "invalid_credentials")
    assert log_in(auth_api).error == (423, "account_locked")
    assert len(house.sql(EVENTS)) == 1


def test_the_order_of_the_lines_is_that_of_time_even_at_whole_seconds(auth_api: Api, register: Register) -> None:
    with clock.frozen(NOW):
        uid = register()["user"]["user_id"]
    for micros in (1, 999_999):
        with clock.frozen(NOW + timedelta(microseconds=micros)):
            log_in(auth_api)
    assert [item.at.microsecond for item in logins.latest(uid, 10)] == [999_999, 1, 0]


def test_nothing_of_a_letter_without_an_owner_leaves_the_house(auth_api: Api) -> None:
    for _ in range(5):
        log_in(auth_api, account=NOBODY, password="wrong horse 1")
    (record,) = queued("email")
    assert NOBODY not in record["body"]
