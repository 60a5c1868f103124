"""Facts onto the EventBridge bus; every entry's own result is read, for PutEvents fails in parts."""

import os
from collections.abc import Sequence
from typing import Any

from shared import aws, observe

_ENTRIES_PER_CALL = 10


def put(entries: Sequence[tuple[str, str, str]]) -> list[bool]:
    """Publish `(source, detail_type, detail_json)` entries in order; True for each one the bus took.

    Never raises: what was not taken stays in the outbox, and the sweeper sends it.
    """
    taken: list[bool] = []
    for start in range(0, len(entries), _ENTRIES_PER_CALL):
        taken += _put_some(entries[start : start + _ENTRIES_PER_CALL])
    return taken


def _put_some(entries: Sequence[tuple[str, str, str]]) -> list[bool]:
    bus = os.environ["BUS"]
    request: list[dict[str, Any]] = [
        {"EventBusName": bus, "Source": source, "DetailType": name, "Detail": detail} for source, name, detail in entries
    ]
    try:
        results = aws.client("events").put_events(Entries=request)["Entries"]
    except Exception:  # noqa: BLE001 - whatever went wrong, the outbox still holds the facts
        observe.error("bus did not answer", entries=len(entries))
        return [False] * len(entries)
    for result, (_, name, _detail) in zip(results, entries, strict=True):
        if "ErrorCode" in result:
            observe.warn("bus refused a fact", fact=name, reason=result["ErrorCode"])
    return ["ErrorCode" not in result for result in results]
