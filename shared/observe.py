"""Logs and metrics: structured JSON with correlation ids, personal data masked, business metrics as EMF."""

import os
import re
import sys
from typing import Any

from aws_lambda_powertools import Logger, Metrics

_SECRET_KEYS = frozenset(
    {
        "password",
        "old_password",
        "new_password",
        "code",
        "totp_code",
        "refresh_token",
        "access_token",
        "authorization",
        "id_number",
        "real_name",
        "account",
        "sign",
        "secret",
        "api_key",
        "private_key",
        "token",
    }
)
_PHONE = re.compile(r"(?<!\d)(\+?\d{0,3})(1\d{2})\d{4}(\d{4})(?!\d)")
_EMAIL = re.compile(r"([A-Za-z0-9._%+-])[A-Za-z0-9._%+-]*(@[A-Za-z0-9.-]+\.[A-Za-z]{2,})")
_ID_NUMBER = re.compile(r"(?<!\d)(\d{3})\d{11}(\d{3}[\dXx])(?!\d)")


def mask_text(text: str) -> str:
    """Hide e-mail addresses, phone numbers and id numbers inside any text (rules.md §17)."""
    text = _EMAIL.sub(r"\1***\2", text)
    text = _ID_NUMBER.sub(r"\1***********\2", text)
    return _PHONE.sub(r"\1\2****\3", text)


def mask(value: Any) -> Any:
    """Hide secrets by key and personal data by shape, at any depth."""
    if isinstance(value, dict):
        return {k: "***" if str(k).lower() in _SECRET_KEYS else mask(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask(item) for item in value]
    if isinstance(value, str):
        return mask_text(value)
    return value


_SERVICE = os.environ.get("SERVICE", "sharestack")
_logger = Logger(service=_SERVICE, utc=True)
_metrics = Metrics(namespace="ShareStack", service=_SERVICE)


def bind(**keys: str | int | None) -> None:
    """Set the correlation ids of the event in hand; they replace those of the one before."""
    _logger.structure_logs(append=False)
    _logger.append_keys(**{key: value for key, value in keys.items() if value is not None})


def add(**keys: str | int) -> None:
    """Add correlation ids learned along the way, such as the user."""
    _logger.append_keys(**keys)


def info(message: str, **fields: Any) -> None:
    """One line about something that went as it should."""
    _logger.info(message, extra=mask(fields), stacklevel=3)


def warn(message: str, **fields: Any) -> None:
    """One line about something a person may want to know."""
    _logger.warning(message, extra=mask(fields), stacklevel=3)


def error(message: str, **fields: Any) -> None:
    """One line, with the traceback of the exception being handled, about something a person must know."""
    _logger.error(message, exc_info=sys.exc_info()[0] is not None, extra=mask(fields), stacklevel=3)


def count(name: str, value: float = 1) -> None:
    """Add to a business metric (EMF, flushed with the event)."""
    _metrics.add_metric(name=name, unit="Count", value=value)


def flush() -> None:
    """Write the metrics of the event in hand; nothing when there are none."""
    if _metrics.metric_set:
        _metrics.flush_metrics()
