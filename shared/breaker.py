"""A circuit breaker per outside party (rules.md §1): after 5 failures in a row nobody waits for it for 30 s, then one tries.

State is of the environment: each finds out for itself, and nothing shared can fail with the party.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock

from shared import clock, observe
from shared.errors import ServiceDegraded

FAILURES = 5
REST = timedelta(seconds=30)
_breakers: dict[str, "Breaker"] = {}


class Breaker:
    """Guards the calls to one party."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = Lock()
        self._failed = 0
        self._resting_until: datetime | None = None

    @contextmanager
    def guard(self, *failures: type[Exception]) -> Iterator[None]:
        """Make a call inside. An exception of `failures` is the party's fault and counts; any other end shows it alive.

        Raises ServiceDegraded, without calling, while the party rests.
        """
        self._admit()
        try:
            yield
        except failures:
            self._count()
            raise
        except Exception:
            self._forgive()
            raise
        self._forgive()

    def _admit(self) -> None:
        """Let the call pass, or refuse it. Of many after the rest one passes, and the others rest on until it is back."""
        with self._lock:
            if self._resting_until is None:
                return
            now = clock.now()
            if now < self._resting_until:
                seconds = int((self._resting_until - now).total_seconds()) + 1
                raise ServiceDegraded(retry_after=seconds, dependency=self._name)
            self._resting_until = now + REST

    def _count(self) -> None:
        with self._lock:
            self._failed += 1
            if self._failed < FAILURES:
                return
            if self._failed == FAILURES:
                observe.warn("circuit opened", dependency=self._name)
                observe.count("circuit_opened")
            self._resting_until = clock.now() + REST

    def _forgive(self) -> None:
        with self._lock:
            self._failed, self._resting_until = 0, None


def breaker(name: str) -> Breaker:
    """The breaker of one party in this environment."""
    return _breakers.setdefault(name, Breaker(name))


def forget_breakers() -> None:
    """Every party is believed well again (tests)."""
    _breakers.clear()
