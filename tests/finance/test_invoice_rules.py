"""The rules of invoices that need no database: capitals, tax numbers, tax, and what comes next."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.finance.capitals import LARGEST, in_capitals
from functions.finance.invoice import Item, lines, own_number, tax_of_part, tax_within
from functions.finance.tax_no import is_tax_no, is_unified_code, normal

EXAMPLES = {
    0: "零元整",
    1: "壹分",
    50: "伍角整",
    105: "壹元零伍分",
    140_950: "壹仟肆佰零玖元伍角整",
    600_714: "陆仟零柒元壹角肆分",
    1_640_902: "壹万陆仟肆佰零玖元零贰分",
    32_504: "叁佰贰拾伍元零肆分",
    10_700_053: "壹拾万柒仟元伍角叁分",
    168_032: "壹仟陆佰捌拾元叁角贰分",
    100_000_500_000: "壹拾亿零伍仟元整",
    100_100_000_000: "壹拾亿零壹佰万元整",
    123_456_789_012_34: "壹仟贰佰叁拾肆亿伍仟陆佰柒拾捌万玖仟零壹拾贰元叁角肆分",
    10**12 * 100: "壹万亿元整",
    -100: "负壹元整",
}
_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_UNITS = {"拾": 10, "佰": 100, "仟": 1000}


def read(text: str) -> int:
    """Capitals back into fen, in a way of its own: units multiply what stands before them."""
    sign, text = (-1, text[1:]) if text.startswith("负") else (1, text)
    yuan, _, rest = text.rpartition("元")
    total, section, digit = 0, 0, 0
    for character in yuan:
        if character in _DIGITS:
            digit = _DIGITS.index(character)
        elif character in _UNITS:
            section, digit = section + digit * _UNITS[character], 0
        elif character == "万":
            section, digit = (section + digit) * 10_000, 0
        else:
            total, section, digit = (total + section + digit) * 10**8, 0, 0
    parts = {"角": 0, "分": 0}
    for figure, unit in re.findall(f"([{_DIGITS}])([角分])", rest):
        parts[unit] = _DIGITS.index(figure)
    return sign * ((total + section + digit) * 100 + parts["角"] * 10 + parts["分"])


@pytest.mark.parametrize(("fen", "text"), EXAMPLES.items())
def test_an_amount_is_written_as_the_rules_example_does(fen, text):
    assert in_capitals(fen) == text


@given(st.one_of(st.integers(-(10**14), 10**14), st.integers(0, 13).map(lambda n: 10**n), st.integers(0, 10**6)))
def test_capitals_say_the_amount_and_keep_the_rules_of_zeros(fen):
    text = in_capitals(fen)

    assert read(text) == fen
    assert "零零" not in text
    assert not re.search("零[拾佰仟万亿]", text)
    assert text.endswith("整") == (fen % 10 == 0)
    assert fen == 0 or not re.search("零元|^零", text)


def test_an_amount_beyond_all_reason_is_refused():
    assert read(in_capitals(LARGEST)) == LARGEST
    with pytest.raises(ValueError, match="too large"):
        in_capitals(LARGEST + 1)


REAL = ["914403001922038216", "91330100799655058B", "91350100M000100Y43", "91110108551385082Q", "91310000132260250X"]
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@pytest.mark.parametrize("code", REAL)
def test_a_real_unified_code_holds_and_no_character_of_it_may_change(code):
    assert is_unified_code(code)
    for place in range(18):
        others = [code[:place] + c + code[place + 1 :] for c in ALPHABET if c != code[place]]
        assert not any(map(is_unified_code, others)), place
    assert not is_unified_code(code[1] + code[0] + code[2:]) or code[0] == code[1]


@pytest.mark.parametrize(
    ("number", "good"),
    [
        ("440300192203821", True),
        ("11010519491231002X01", True),
        ("44030019220382", False),
        ("4403001922038216", False),
        ("914403001922038217", False),
        ("91440300192203821O", False),
        ("", False),
    ],
)
def test_older_numbers_are_known_by_their_form(number, good):
    assert is_tax_no(number) is good


def test_a_number_is_compared_without_blanks_and_in_capitals():
    assert normal(" 9144 0300 1922 038216 ") == "914403001922038216"
    assert is_tax_no(normal("91330100799655058b"))


AMOUNTS = st.lists(st.integers(1, 10**11), min_size=1, max_size=8)
RATES = st.sampled_from([0, 100, 300, 600, 900, 1300, 10_000])


@given(AMOUNTS, RATES)
def test_amount_tax_and_net_sum_exactly_line_by_line_and_in_all(amounts, rate):
    found = lines([Item(str(n), "x", amount) for n, amount in enumerate(amounts)], rate)

    assert all(line.net + line.tax == line.item.amount and 0 <= line.tax <= line.item.amount for line in found)
    assert sum(line.tax for line in found) == tax_within(sum(amounts), rate)


@given(AMOUNTS, RATES)
def test_red_invoices_in_any_parts_take_back_exactly_the_tax_of_the_original(parts, rate):
    before, tax, net = 0, 0, 0
    for part in parts:
        [line] = lines([Item("o", "x", -part)], rate, before)
        assert line.tax == -tax_of_part(before, part, rate) <= 0
        before, tax, net = before + part, tax + line.tax, net + line.net

    assert (tax, net) == (-tax_within(sum(parts), rate), tax_within(sum(parts), rate) - sum(parts))


def test_the_tax_in_106_yuan_at_six_percent_is_six():
    assert tax_within(10_600, 600) == 600
    assert tax_within(10_000, 600) == 566
    assert tax_within(1, 600) == 0


@given(st.integers(1, 10**12), st.sampled_from([100, 300, 600, 900, 1300]))
def test_no_rate_in_force_ever_meets_a_half(amount, rate):
    assert (2 * amount * rate) % (10_000 + rate) != 10_000 + rate
    assert abs(tax_within(amount, rate) * (10_000 + rate) - amount * rate) * 2 < 10_000 + rate


def test_a_number_says_series_year_and_place():
    assert own_number(datetime(2026, 1, 1, tzinfo=UTC).year, 7) == "FP202600000007"
