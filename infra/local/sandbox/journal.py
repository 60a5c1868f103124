"""What a simulator received and sent, newest first, for tests and for people who wonder."""

from collections import deque
from collections.abc import Iterable
from typing import Any, Literal

from shared import clock

_KEPT = 2000
_SECRETS = frozenset({"sign", "signature", "authorization", "secret", "key"})
_SHOWN = 8


class Journal:
    """The last exchanges of one vendor, in memory."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def note(
        self,
        direction: Literal["received", "sent"],
        what: str,
        numbers: Iterable[str | None],
        request: dict[str, Any],
        response: object,
    ) -> None:
        """Remember one exchange; `numbers` are what it can be found by."""
        self._entries.appendleft(
            {
                "at": clock.rfc3339(clock.now()),
                "direction": direction,
                "what": what,
                "numbers": [number for number in dict.fromkeys(numbers) if number],
                "request": _redacted(request),
                "response": response,
            }
        )

    def items(self, number: str | None = None) -> list[dict[str, Any]]:
        """The exchanges, newest first; with `number` those that touch it."""
        return [entry for entry in self._entries if number is None or number in entry["numbers"]]

    def clear(self) -> None:
        """Forget them."""
        self._entries.clear()


def _redacted(request: dict[str, Any]) -> dict[str, Any]:
    return {
        name: f"{value[:_SHOWN]}…" if name.lower() in _SECRETS and isinstance(value, str) else value
        for name, value in request.items()
    }
