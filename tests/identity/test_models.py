from datetime import UTC, date, datetime, timedelta

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.identity import id_numbers, totp
from functions.identity.models import account_name, ban_holds, email_of, phone_of, target_of

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def test_an_address_is_kept_in_lower_case() -> None:
    assert email_of("Ann.B+x@Example.COM") == "ann.b+x@example.com"


@pytest.mark.parametrize(
    "text",
    ["", "ann", "ann@", "@example.com", "ann@example", "a b@example.com", "ann@-x.com", "a@x..com", "a@x.com\n", "é@x.com"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    assert email_of(text) is None


@pytest.mark.parametrize(
    "text", ["13800138000", "+0138", "+86 138", "+8613800138000123", "8613800138000", "+86138001380００"]
)
def test_what_is_no_e164_number_is_refused(text: str) -> None:
    assert phone_of(text) is None


def test_a_code_goes_by_mail_to_addresses_and_by_sms_to_numbers_only() -> None:
    assert target_of("email", "ann@example.com") == "ann@example.com"
    assert target_of("sms", "+8613800138000") == "+8613800138000"
    assert target_of("sms", "ann@example.com") is None
    assert target_of("email", "+8613800138000") is None


def test_an_account_is_named_by_address_number_or_username() -> None:
    assert account_name("Ann@X.com") == ("email", "ann@x.com")
    assert account_name("+8613800138000") == ("phone", "+8613800138000")
    assert account_name("Ann_1") == ("username", "ann_1")


def test_a_ban_holds_until_its_end_and_without_one_for_good() -> None:
    assert ban_holds("banned", None, NOW)
    assert ban_holds("banned", NOW + timedelta(seconds=1), NOW)
    assert not ban_holds("banned", NOW, NOW)
    assert not ban_holds("active", None, NOW)


@pytest.mark.parametrize("number", ["11010519491231002X", "11010519491231002x", "440524188001010014"])
def test_the_standards_own_examples_are_cards(number: str) -> None:
    # GB 11643-1999 gives both; the second's owner was born in 1880, which no living person was.
    expected = None if number.startswith("4405") else number.upper()
    assert id_numbers.normalised("id_card", number, TODAY) == expected


@pytest.mark.parametrize(
    "number",
    [
        "110105194912310021",  # wrong check digit
        "01010519491231002X",  # no such province
        "110105194913310028",  # month 13
        "11010520491231002X",  # not born yet
        "1101051949123100X2",
        "110105491231002",  # the old form of 15 digits
        "１１010519491231002X",
        "",
    ],
)
def test_a_card_with_a_wrong_digit_date_or_province_is_refused(number: str) -> None:
    assert id_numbers.normalised("id_card", number, TODAY) is None


@given(st.integers(0, 16), st.integers(1, 9))
def test_every_single_wrong_digit_of_a_card_is_noticed(position: int, shift: int) -> None:
    number = "11010519491231002X"
    wrong = number[:position] + str((int(number[position]) + shift) % 10) + number[position + 1 :]
    assert id_numbers.normalised("id_card", wrong, TODAY) is None


def test_a_passport_is_letters_and_digits() -> None:
    assert id_numbers.normalised("passport", "e12345678", TODAY) == "E12345678"
    assert id_numbers.normalised("passport", "E-1", TODAY) is None


@given(st.binary(min_size=20, max_size=20), st.integers(0, 4_000_000_000))
def test_one_time_passwords_are_those_of_other_peoples_apps(raw: bytes, epoch: int) -> None:
    import base64

    secret = base64.b32encode(raw).decode()
    moment = datetime.fromtimestamp(epoch, UTC)
    assert totp.code_at(secret, totp.step_of(moment)) == pyotp.TOTP(secret).at(moment)


def test_the_one_time_password_of_the_step_before_and_after_counts_too_and_no_other() -> None:
    secret = totp.new_secret()
    step = totp.step_of(NOW)
    for skew, counts in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        expected = step + skew if counts else None
        assert totp.matched_step(secret, totp.code_at(secret, step + skew), NOW) == expected
    assert totp.matched_step(secret, "", NOW) is None
    assert totp.matched_step(secret, "１２３４５６", NOW) is None
