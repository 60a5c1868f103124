"""What a person reads when the laptop cloud cannot start."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.checks import only_one, require_free_ports
from infra.local.command import exit_code
from infra.local.settings import REPOSITORY, Local, Unusable


def test_a_taken_port_is_named_with_the_variable_that_moves_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        local = Local(port=taken, emulator_port=taken, sandbox_port=taken, state=tmp_path)
        with pytest.raises(Unusable, match=rf"port {taken} .* PORT="):
            require_free_ports(local)


def test_a_port_that_was_just_let_go_may_be_used(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

    require_free_ports(Local(port=port, emulator_port=port, sandbox_port=port, state=tmp_path))


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "http", "8000.5"])
def test_a_port_that_is_none_is_refused(monkeypatch, text):
    monkeypatch.setenv("EMULATOR_PORT", text)

    with pytest.raises(Unusable, match="EMULATOR_PORT"):
        Local.from_environment()


def test_one_folder_of_state_serves_one_laptop_cloud(tmp_path):
    with only_one(tmp_path):
        second = subprocess.run(
            [sys.executable, "-m", "infra.local.run"], cwd=REPOSITORY, env={"STATE_DIR": str(tmp_path), "PATH": ""},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert "already running" in second.stderr


def test_a_folder_whose_holder_is_gone_is_free(tmp_path):
    with only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def test_what_stands_in_the_way_is_one_line_and_a_failure(capsys):
    def refuse() -> None:
        message = "port 8000 is taken"
        raise Unusable(message)

    assert exit_code(refuse) == 1
    assert capsys.readouterr().err == "sharestack: port 8000 is taken\n"


def test_ctrl_c_is_no_failure():
    def interrupt() -> None:
        raise KeyboardInterrupt

    assert exit_code(interrupt) == 0


def test_a_python_that_is_too_old_is_one_line_and_a_failure(tmp_path: Path):
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\ncase $1 in --version) echo Python 3.9.2;; *) exit 1;; esac\n")
    old.chmod(0o755)

    setup = subprocess.run(
        ["tools/bootstrap"], cwd=REPOSITORY, env={"PYTHON": str(old), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert setup.returncode == 1
    assert setup.stderr.startswith("sharestack: Python 3.11 or newer is needed, but found Python 3.9.2")
    assert setup.stderr.count("\n") == 1


def test_help_explains_every_command():
    makefile = (REPOSITORY / "Makefile").read_text()
    commands = next(line for line in makefile.splitlines() if line.startswith(".PHONY")).split()[1:]

    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    listed = subprocess.run(["make", "help"], cwd=REPOSITORY, env=alone, capture_output=True, text=True, check=True).stdout

    assert [line.split()[0] for line in listed.splitlines()] == commands
