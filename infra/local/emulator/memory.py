"""Lets the emulator remember across restarts what ministack forgets, and take snapshots while it runs.

ministack writes its state when it is stopped politely. Here a forked child (a consistent copy that costs the server
milliseconds) also writes what holds data every few seconds, so that `kill -9` loses at most that much, and everything
when it is sent SIGUSR1, as the supervisor does after a deployment.
"""

# Replacing what is private to ministack is the purpose of this file; the version is pinned.
# ruff: noqa: SLF001

import hashlib
import logging
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from infra.local.emulator import Emulated

EVERY_SECONDS = 5
PATIENCE_SECONDS = 60
LARGE_BYTES = 1_000_000
LARGE = "__in_a_file_of_its_own__"
HOLDS_DATA = frozenset(
    {
        "dynamodb",
        "kms",
        "s3",
        "scheduler",
        "secretsmanager",
        "ses",
        "sqs",
        "ssm",
        "stepfunctions",
    }
)
"""Services whose state is the product's data. Functions, logs and stacks change with a deployment and are far larger."""

log = logging.getLogger("memory")

State = dict[str, Any]
Asgi = Callable[..., Awaitable[None]]


def remember_mail(ses: Emulated) -> None:
    """Keep the mailbox."""
    _remember(ses, "sent", lambda: ses._sent_emails, ses._sent_emails.update)


def remember_fired_schedules(scheduler: Emulated) -> None:
    """Keep when each schedule last fired, or a one-off that has fired would fire again."""
    fired: dict[tuple[str, ...], float] = scheduler._schedule_last_fired
    _remember(
        scheduler,
        "last_fired",
        lambda: [[*key, at] for key, at in fired.items()],
        lambda rows: fired.update({tuple(key): at for *key, at in rows}),
    )


def remember_changes(dynamodb: Emulated) -> None:
    """Keep the streams of tables. What reads them remembers how far it came, and would wait there for ever."""
    _remember_streams(dynamodb, "changes", dynamodb._stream_records)
    _remember_streams(dynamodb, "trimmed", dynamodb._stream_trimmed)


def _remember_streams(dynamodb: Emulated, name: str, streams: Any) -> None:
    def restore(rows: list[list[Any]]) -> None:
        for row in rows:
            streams.set_scoped(*row)

    _remember(dynamodb, name, lambda: [[*key, value] for key, value in streams.all_items()], restore)


def keep_large_bytes_apart(persistence: Emulated) -> None:
    """Write layers once, in files named by their hash, instead of as text into the state at every save."""
    encode, decode = persistence._json_default, persistence._json_object_hook
    folder = Path(persistence.STATE_DIR) / "large"

    def encode_apart(value: object) -> Any:
        if not isinstance(value, bytes) or len(value) < LARGE_BYTES:
            return encode(value)
        name = hashlib.sha256(value).hexdigest()
        if not (folder / name).exists():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.part").write_bytes(value)
            (folder / f"{name}.part").rename(folder / name)
        return {LARGE: name}

    def decode_apart(value: State) -> Any:
        return (folder / value[LARGE]).read_bytes() if value.keys() == {LARGE} else decode(value)

    persistence._json_default, persistence._json_object_hook = encode_apart, decode_apart


def _remember(service: Emulated, name: str, saved: Callable[[], Any], restore: Callable[[Any], None]) -> None:
    get_state, load_state = service.get_state, service.load_persisted_state

    def get_more() -> State:
        return {**get_state(), name: saved()}

    def load_more(state: State) -> None:
        load_state(state)
        if name in state:
            restore(state[name])

    service.get_state, service.load_persisted_state = get_more, load_more


class Snapshots:
    """Writes the emulator's state from a forked child whenever something may have changed."""

    def __init__(self, app: Emulated, persistence: Emulated) -> None:
        self._app, self._persistence = app, persistence
        self._wanted = threading.Event()
        self._deployed = (Path(persistence.STATE_DIR) / "cloudformation.json").exists()
        self._everything = False

    def start(self) -> None:
        """Begin taking snapshots; SIGUSR1 asks for one of everything."""
        served: Asgi = self._app.app

        async def noticing(scope: State, receive: Asgi, send: Asgi) -> None:
            await served(scope, receive, send)
            if scope.get("method") not in {"GET", "HEAD", None}:
                self._wanted.set()

        self._app.app = noticing
        signal.signal(signal.SIGUSR1, lambda *_: self._all_of_it())
        threading.Thread(target=self._loop, name="snapshots", daemon=True).start()

    def _all_of_it(self) -> None:
        self._everything = self._deployed = True
        self._wanted.set()

    def _loop(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            # Data alone, without the stacks that own it, would be in the way of the next deployment.
            if self._deployed:
                whole, self._everything = self._everything, False
                self._take(whole=whole)
            time.sleep(EVERY_SECONDS)

    def _take(self, *, whole: bool) -> None:
        getters = self._app._build_persistence_save_dict()
        chosen = {name: get for name, get in getters.items() if whole or name in HOLDS_DATA}
        child = os.fork()
        if child == 0:
            self._write_and_leave(chosen)
        _, status = os.waitpid(child, 0)
        if status:
            log.warning("a snapshot failed with status %s; the next one is tried in %s s", status, EVERY_SECONDS)
            self._wanted.set()

    def _write_and_leave(self, chosen: dict[str, Callable[[], State]]) -> None:
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(PATIENCE_SECONDS)  # another thread's lock, copied while held, would wait for ever
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            self._persistence.save_all(chosen)
        finally:
            os._exit(0)
