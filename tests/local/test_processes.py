"""Processes end when they should, whatever ends first."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from infra.local.processes import Household, Service
from infra.local.settings import REPOSITORY, Unusable
from tests.local.waiting import eventually

SLEEPER = "import signal, sys, pathlib; pathlib.Path(sys.argv[1]).touch(); signal.pause()"
PARENT = (
    "import subprocess, sys, pathlib; child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'],"
    " start_new_session=True); pathlib.Path(sys.argv[1]).write_text(str(child.pid)); child.wait()"
)


def service(folder: Path, code: str = SLEEPER, *, name: str = "sleeper") -> Service:
    sign = folder / name
    return Service(name, (sys.executable, "-c", code, str(sign)), dict(os.environ), ready=lambda: _written(sign))


def _written(sign: Path) -> bool:
    return sign.exists()


def ended(pid: int) -> bool:
    """Gone, or dead and not yet noticed by its parent."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


_others: set[int] = set()
"""Children that this process had before the test: servers of other tests."""


@pytest.fixture(autouse=True)
def _know_the_others():
    _others.update(child.pid for child in psutil.Process().children())
    yield
    _others.clear()


def children() -> list[int]:
    alive = [child for child in psutil.Process().children() if child.pid not in _others and not ended(child.pid)]
    return [child.pid for child in alive if "infra.local.reaper" not in child.cmdline()]


@pytest.fixture(autouse=True)
def _own_signals():
    """Leaving a household makes a process deaf to Ctrl-C; a test run goes on."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_leaving_stops_every_process(tmp_path):
    with Household(tmp_path / "logs") as household:
        household.start(service(tmp_path, name="one"))
        household.start(service(tmp_path, name="two"))
        started = children()

    assert len(started) == 2
    assert all(ended(pid) for pid in started)


def test_a_grandchild_in_a_session_of_its_own_is_stopped_too(tmp_path):
    with Household(tmp_path / "logs") as household:
        household.start(service(tmp_path, PARENT))
        assert eventually((tmp_path / "sleeper").read_text)
        grandchild = int((tmp_path / "sleeper").read_text())

    assert eventually(lambda: ended(grandchild))


def test_everything_stops_when_the_supervisor_is_killed(tmp_path):
    script = f"""
import os, sys, signal
from pathlib import Path
from infra.local.processes import Household
with Household(Path({str(tmp_path)!r})) as household:
    process = household.launch("sleeper", (sys.executable, "-c", {SLEEPER!r}, {str(tmp_path / "ready")!r}), os.environ)
    Path({str(tmp_path / "pid")!r}).write_text(str(process.pid))
    signal.pause()
"""
    supervisor = subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY)
    assert eventually(lambda: (tmp_path / "ready").exists() and (tmp_path / "pid").exists())
    child = int((tmp_path / "pid").read_text())

    supervisor.kill()
    supervisor.wait()

    assert eventually(lambda: ended(child))


def test_a_service_that_died_is_started_again_and_named(tmp_path):
    with Household(tmp_path / "logs") as household:
        household.start(service(tmp_path))
        first = children()
        assert household.revive() == []

        os.kill(first[0], signal.SIGKILL)
        assert eventually(lambda: ended(first[0]))

        assert household.revive() == ["sleeper"]
        assert set(children()).isdisjoint(first)


def test_a_service_that_keeps_dying_is_given_up(tmp_path):
    with Household(tmp_path / "logs") as household:
        household.start(service(tmp_path))
        for _ in range(2):
            _kill_all()
            household.revive()
        _kill_all()
        with pytest.raises(Unusable, match="keeps dying"):
            household.revive()


def test_a_service_that_cannot_start_is_told_with_its_last_words(tmp_path):
    fails = Service("broken", (sys.executable, "-c", "raise SystemExit('no such table')"), dict(os.environ), lambda: False)
    with (
        Household(tmp_path / "logs") as household,
        pytest.raises(Unusable, match=r"broken ended with code 1(.|\n)*no such table"),
    ):
        household.start(fails)


def test_a_service_that_is_never_ready_is_told(tmp_path):
    with Household(tmp_path / "logs") as household, pytest.raises(Unusable, match="was not ready after 0 s"):
        household.start(
            Service("slow", (sys.executable, "-c", SLEEPER, str(tmp_path / "x")), dict(os.environ), lambda: False),
            within=0.3,
        )


def test_a_command_that_fails_shows_the_lines_that_say_why(tmp_path):
    noisy = "print('CREATE_FAILED bucket exists'); print('noise ' * 5); raise SystemExit(3)"
    with Household(tmp_path / "logs") as household, pytest.raises(Unusable) as told:
        household.finish("cdk", (sys.executable, "-c", noisy), dict(os.environ))

    assert "failed with code 3" in str(told.value)
    assert "CREATE_FAILED bucket exists" in str(told.value)
    assert "noise" not in str(told.value)


def _kill_all() -> None:
    for pid in children():
        os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not children())
