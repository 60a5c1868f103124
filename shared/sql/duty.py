"""What a staff mutation owes: an audit row that commits with its first change. Deny by default: without one, no commit.

The rule of the route begins the duty, `shared.sql.audit` fulfils it, the unit of work and the edge hold the request to it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

Target = tuple[str, int | None]


class Unaudited(Exception):  # noqa: N818 - a mistake of ours, answered as a 500
    """A staff mutation is about to take effect, and no audit row says so."""


@dataclass(slots=True)
class Duty:
    """The duty of one request. `log` is the label of its rule: `operator` or `admin`, which is also the log it goes to."""

    log: str
    permission: str | None
    due: bool = False
    """Set once the caller is let in; before that nothing is changed, only refused."""
    fulfilled: bool = False
    written: bool = False
    """A row stands in the running transaction."""
    intended: tuple[str, Target] | None = None
    """What the last row says was done to what: should the transaction fail, that is what was attempted."""

    def check(self) -> None:
        """Raise Unaudited when nothing that is committed, or about to be, tells of the mutation."""
        if self.due and not (self.fulfilled or self.written):
            raise Unaudited(self.permission or self.log)


_in_hand: ContextVar[Duty | None] = ContextVar("duty", default=None)


def begin(log: str, permission: str | None) -> Duty:
    """The request in hand is a staff mutation."""
    duty = Duty(log, permission)
    _in_hand.set(duty)
    return duty


def recorded(log: str, action: str, target: Target) -> None:
    """An audit row was written in the running transaction; it counts when it is in the log of the route's label."""
    duty = _in_hand.get()
    if duty is not None and duty.log == log:
        duty.written, duty.intended = True, (action, target)


@contextmanager
def held() -> Iterator[Callable[[], None]]:
    """Around one transaction. What it yields is called before the commit and raises Unaudited when nothing would tell of it."""
    duty = _in_hand.get()
    if duty is None:
        yield _nothing
        return
    duty.written = False
    try:
        yield duty.check
        duty.fulfilled = duty.fulfilled or duty.written
    finally:
        duty.written = False


def _nothing() -> None:
    """Nothing is owed."""
