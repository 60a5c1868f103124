import inspect

import pytest

from functions.identity import errors
from functions.identity.letters import _PURPOSES, code_letter
from functions.identity.schemas.fields import Purpose
from shared.errors import Refusal

REFUSALS = [
    value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Refusal) and value.error
]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_every_refusal_is_said_in_chinese_and_english(refusal: type[Refusal]) -> None:
    assert any("一" <= character <= "鿿" for character in refusal.zh)
    assert refusal.en
    assert refusal.en.isascii()
    assert refusal().sentence("zh-CN") == refusal.zh
    assert refusal().sentence("en") == refusal.en


@pytest.mark.parametrize("purpose", _PURPOSES)
def test_every_letter_is_written_in_both_languages_and_carries_its_code(purpose: Purpose) -> None:
    zh, en = code_letter(purpose, "012345", "zh-CN"), code_letter(purpose, "012345", "en")
    assert "012345" in zh.text
    assert "012345" in en.text
    assert "验证码" in zh.text
    assert en.text.isascii()
