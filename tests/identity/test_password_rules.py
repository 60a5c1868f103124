"""Which passwords may be chosen, and that every way of setting one asks."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import password_rules
from shared.password_rules import WeakPassword, check, is_common, weaknesses
from tests.fixtures.api import Api
from tests.identity.conftest import PASSWORD, registration


@pytest.mark.parametrize("password", [PASSWORD, "密码密码密码密1", "a1" * 64, "Demo-2026", " spaced 1 "])
def test_eight_characters_with_a_letter_and_a_digit_that_nobody_guesses_first_are_enough(password: str) -> None:
    check(password, "ann@example.com")


@pytest.mark.parametrize(
    ("password", "reasons"),
    [
        ("", ["too_short", "no_letter", "no_digit"]),
        ("xk1q9zv", ["too_short"]),
        ("a1" * 64 + "b", ["too_long"]),
        ("qvxkzjwm", ["no_digit"]),
        ("90417358", ["no_letter"]),
        ("password1", ["too_common"]),
        ("PassWord1", ["too_common"]),
        ("1qaz2wsx", ["too_common"]),
        ("Dragon2026", ["too_common"]),
        ("sunshine99!", ["too_common"]),
    ],
)
def test_a_weak_password_is_refused_for_each_rule_it_breaks(password: str, reasons: list[str]) -> None:
    assert list(weaknesses(password)) == reasons


@pytest.mark.parametrize("password", ["annabelle7", "ANNABELLE.77", "7+annabelle"])
def test_ones_own_name_with_a_little_behind_it_is_no_password(password: str) -> None:
    assert "too_personal" in weaknesses(password, "annabelle@example.com", None)
    assert "too_personal" not in weaknesses(password, "bob@example.com", None)
    assert "too_personal" not in weaknesses("annabelle and 6 others", "annabelle@example.com")


def test_a_common_word_with_five_characters_behind_it_is_not_looked_up() -> None:
    assert is_common("dragon1234")
    assert not is_common("dragon83649")


@given(st.text(alphabet="abcdefghjkmnpqrstuvwxyz23456789", min_size=12, max_size=20))
def test_random_passwords_are_rarely_taken_for_common_ones(password: str) -> None:
    wrong = sum(is_common(secrets.token_hex(8) + password) for _ in range(20))
    assert wrong <= 1


def test_one_in_a_thousand_strangers_at_most_is_taken_for_common() -> None:
    assert sum(is_common(secrets.token_hex(8)) for _ in range(20_000)) <= 20


def test_the_list_is_small_enough_for_every_bundle() -> None:
    assert Path(password_rules.__file__).with_name("common_passwords.bin").stat().st_size < 300_000


def test_the_reason_is_said_in_both_languages() -> None:
    for reason, (zh, en) in password_rules._SENTENCES.items():
        refusal = WeakPassword(reason)
        assert refusal.sentence("zh-CN") == zh
        assert refusal.sentence("en") == en
        assert en.isascii()
        assert any("一" <= character <= "鿿" for character in zh)


@pytest.mark.parametrize(("language", "words"), [("en", "attackers try first"), ("zh-CN", "过于常见")])
def test_registering_with_a_common_password_says_why(auth_api: Api, language: str, words: str) -> None:
    reply = auth_api.post("/auth/register", registration(password="password1"), headers={"accept-language": language})
    assert reply.error == (422, "weak_password")
    assert reply.json["details"] == {"reasons": ["too_common"]}
    assert words in reply.json["message"]


def test_registering_with_ones_own_name_is_refused(auth_api: Api) -> None:
    body = registration(email="annabelle@example.com", password="annabelle77")
    assert auth_api.post("/auth/register", body).json["details"] == {"reasons": ["too_personal"]}


def test_resetting_and_changing_ask_the_same_and_leave_the_code_usable(
    auth_api: Api, register: Callable[..., dict[str, Any]], code_for: Callable[..., str]
) -> None:
    token = register()["access_token"]
    code = code_for("ann@example.com", "reset_password")
    reset = {"account": "ann@example.com", "code": code, "new_password": "password1"}
    assert auth_api.post("/auth/reset-password", reset).json["details"] == {"reasons": ["too_common"]}
    change = {"old_password": PASSWORD, "new_password": "1qaz2wsx"}
    assert auth_api.post("/auth/change-password", change, token=token).json["details"] == {"reasons": ["too_common"]}
    assert auth_api.post("/auth/reset-password", reset | {"new_password": "battery staple 2"}).data == {"reset": True}
