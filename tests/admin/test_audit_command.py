"""`python -m infra.local.verify_audit`: a table for people, an exit code for scripts."""

import os
from pathlib import Path

import pytest

from infra.local.command import exit_code
from infra.local.verify_audit import main
from tests.admin.audit import Archive


def verify_audit(*arguments: str) -> int:
    return exit_code(lambda: main(list(arguments)))


def test_logs_that_hold_pass_and_logs_that_do_not_fail(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    archive.write(3)
    archive.seal()
    archive.anchor()
    told = ("--dsn", archive.dsn(), "--bucket", os.environ["BUCKET_AUDIT"])
    assert verify_audit(*told) == 0
    shown = capsys.readouterr().out
    assert "6 sealed rows" in shown
    assert "anchored up to 1" in shown
    archive.sql("DELETE FROM admin.operator_audit_logs WHERE id = 2")
    assert verify_audit(*told) == 1
    said = capsys.readouterr()
    assert "operator_audit_logs: not so that rows are as they were sealed: 1 places" in said.out
    assert said.err == "sharestack: the audit log was tampered with\n"
    for table in ("operator_audit_logs", "operator_audit_seals", "audit_blocks"):
        archive.sql(f"DELETE FROM admin.{table}")
    assert verify_audit(*told) == 1
    assert "not so that anchored blocks are still there: the first of a row with id 3" in capsys.readouterr().out


def test_a_database_without_a_bucket_is_half_a_question(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--dsn", archive.dsn()])
    assert "--dsn and --bucket go together" in capsys.readouterr().err


def test_without_a_laptop_cloud_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    assert verify_audit() == 1
    assert "start it with `make run`" in capsys.readouterr().err
