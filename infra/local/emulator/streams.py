"""Lets a reader of a table's stream report what failed, as Lambda does; ministack goes on as if all had gone well."""

# Replacing what is private to ministack is the purpose of this file; the version is pinned.
# ruff: noqa: SLF001

import json
from typing import Any

from infra.local.emulator import Emulated

Invocation = dict[str, Any]


def repeat_what_failed(lambda_svc: Emulated) -> None:
    """Take a batch with failures as a batch that failed: it comes again whole, which readers must bear anyway."""
    execute = lambda_svc._execute_function

    def executed(function: Invocation, event: Invocation) -> Invocation:
        result: Invocation = execute(function, event)
        return result | {"error": True} if _is_stream(event) and _failures(result.get("body")) else result

    lambda_svc._execute_function = executed


def _is_stream(event: Invocation) -> bool:
    records = (event.get("Records") if isinstance(event, dict) else None) or [{}]
    return bool(records[0].get("eventSource") == "aws:dynamodb")


def _failures(body: Any) -> list[Any]:
    try:
        told = json.loads(body) if isinstance(body, (str, bytes)) else body
    except ValueError:
        return []
    return told.get("batchItemFailures") or [] if isinstance(told, dict) else []
