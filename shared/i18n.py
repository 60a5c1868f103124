"""Which language to answer in, and the sentences that belong to no domain."""

from typing import Literal

Locale = Literal["zh-CN", "en"]
DEFAULT_LOCALE: Locale = "zh-CN"


def negotiate(accept_language: str | None, user_locale: str | None = None) -> Locale:
    """Pick the locale: Accept-Language by quality, then the user's own, then zh-CN (rules.md §1)."""
    for tag in _by_quality(accept_language or ""):
        if tag == "*":
            break
        if tag.startswith("zh"):
            return "zh-CN"
        if tag.startswith("en"):
            return "en"
    return "en" if user_locale == "en" else DEFAULT_LOCALE


def _by_quality(header: str) -> list[str]:
    weighted: list[tuple[float, int, str]] = []
    for position, item in enumerate(header[:500].split(",")):
        tag, _, parameters = item.strip().partition(";")
        quality = 1.0
        if parameters.strip().startswith("q="):
            try:
                quality = float(parameters.strip()[2:])
            except ValueError:
                quality = 0.0
        if tag and quality > 0:
            weighted.append((-quality, position, tag.strip().lower()))
    return [tag for _, _, tag in sorted(weighted)]


# Sentences for pydantic's validation error types; the placeholder values are the error's own context.
VALIDATION: dict[str, tuple[str, str]] = {
    "missing": ("此项必填", "this field is required"),
    "extra_forbidden": ("不支持此字段", "this field is not known"),
    "string_too_short": ("长度至少为 {min_length} 个字符", "must have at least {min_length} characters"),
    "string_too_long": ("长度最多为 {max_length} 个字符", "must have at most {max_length} characters"),
    "string_pattern_mismatch": ("格式不正确", "has the wrong format"),
    "greater_than": ("必须大于 {gt}", "must be greater than {gt}"),
    "greater_than_equal": ("不能小于 {ge}", "must be at least {ge}"),
    "less_than": ("必须小于 {lt}", "must be less than {lt}"),
    "less_than_equal": ("不能大于 {le}", "must be at most {le}"),
    "literal_error": ("只能是 {expected}", "must be one of {expected}"),
    "enum": ("只能是 {expected}", "must be one of {expected}"),
    "int_parsing": ("必须是整数", "must be a whole number"),
    "int_type": ("必须是整数", "must be a whole number"),
    "int_from_float": ("必须是整数", "must be a whole number"),
    "bool_parsing": ("必须是布尔值", "must be true or false"),
    "bool_type": ("必须是布尔值", "must be true or false"),
    "string_type": ("必须是字符串", "must be a string"),
    "list_type": ("必须是列表", "must be a list"),
    "dict_type": ("必须是对象", "must be an object"),
    "model_type": ("必须是对象", "must be an object"),
    "model_attributes_type": ("必须是对象", "must be an object"),
    "datetime_parsing": ("必须是 RFC 3339 时间", "must be an RFC 3339 time"),
    "datetime_from_date_parsing": ("必须是 RFC 3339 时间", "must be an RFC 3339 time"),
    "date_parsing": ("必须是 YYYY-MM-DD 日期", "must be a YYYY-MM-DD date"),
    "date_from_datetime_parsing": ("必须是 YYYY-MM-DD 日期", "must be a YYYY-MM-DD date"),
    "too_long": ("最多 {max_length} 项", "must have at most {max_length} items"),
    "too_short": ("至少 {min_length} 项", "must have at least {min_length} items"),
}
_FALLBACK = ("取值不正确", "has an invalid value")


def validation_sentence(kind: str, context: dict[str, object], locale: Locale) -> str:
    """The sentence for one pydantic error type, in the caller's language.

    A `value_error` raised by one of our own validators carries its sentence as `zh|en`.
    """
    if kind == "value_error" and isinstance(own := context.get("error"), ValueError):
        zh, _, en = str(own).partition("|")
        return en if en and locale == "en" else zh
    zh, en = VALIDATION.get(kind, _FALLBACK)
    sentence = en if locale == "en" else zh
    try:
        return sentence.format(**context)
    except KeyError:
        return _FALLBACK[1 if locale == "en" else 0]
