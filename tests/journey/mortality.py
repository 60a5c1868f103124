"""Killing an operation at every point at which a process can die, one after the other, until it gets through.

A mortal point lies before every SQL statement, before and after every AWS call and every vendor call: all the places
between which something outside of the process has changed. The operation is then repeated as its caller would repeat it
(a client with its key, a queue with its message, a schedule with its next run), and dies one point further on.

What runs again and again, as a schedule does, teaches nothing by dying where it died before: it may be told to die once
per place, a place being all that was said to the outside until then.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar, cast

import httpx
import pytest

from shared import aws
from shared.sql.connection import Connection, _CountingCursor, connect

T = TypeVar("T")


class Killed(BaseException):
    """The process is gone; nothing of ours may catch this."""


class Mortality:
    """Counts mortal points and kills at the one it was armed for."""

    def __init__(self) -> None:
        self.deaths = 0
        self._armed_for: int | None = None
        self._passed = 0
        self._said = 0
        self._known: set[int] | None = None
        self._places: dict[str, set[int]] = defaultdict(set)

    def point(self, said: Hashable) -> None:
        """A place to die: before or after `said`."""
        if self._armed_for is None:
            return
        self._passed += 1
        self._said = hash((self._said, said))
        if self._passed < self._armed_for or (self._known is not None and self._said in self._known):
            return
        if self._known is not None:
            self._known.add(self._said)
        self._armed_for = None
        self.deaths += 1
        raise Killed

    def survive(self, operation: Callable[[], T], bury: Callable[[], None], *, once_as: str | None = None) -> T:
        """Run an operation until it gets through, killed at its first point, then its second, and so on; under a name
        `once_as`, only where none of that name was killed before.
        """
        at = 1
        self._known = self._places[once_as] if once_as else None
        while True:
            self._armed_for, self._passed, self._said = at, 0, 0
            deaths, done = self.deaths, None
            with suppress(Killed):
                done = operation()
            # An HTTP adapter turns anything into a 500: what it answered for the dead is not to be believed.
            if self.deaths == deaths:
                self._armed_for = None
                return cast("T", done)
            at = self._passed + 1
            bury()

    @contextmanager
    def watching(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Put mortal points around vendor calls; `connect` and `watch_aws` put the others."""
        send = httpx.Client.send

        def mortal_send(client: httpx.Client, request: httpx.Request, **options: Any) -> httpx.Response:
            self.point(("vendor", request.method, request.url.path))
            reply = send(client, request, **options)
            self.point(reply.status_code)
            return reply

        monkeypatch.setattr(httpx.Client, "send", mortal_send)
        yield
        monkeypatch.undo()

    def watch_aws(self) -> None:
        """Put mortal points around the AWS calls of the current session."""
        aws.session().register("before-call.*", lambda **call: self.point(call["model"].name))
        aws.session().register("after-call.*", lambda **call: self.point((call["model"].name, "done")))

    def connect(self, dsn: str) -> Connection:
        """A connection with a mortal point before every statement."""
        mortality = self

        class MortalCursor(_CountingCursor):
            def execute(self, *args: Any, **kwargs: Any) -> Any:
                mortality.point(str(args[0]))
                return super().execute(*args, **kwargs)

        connection = connect(dsn)
        connection.cursor_factory = MortalCursor
        return connection
