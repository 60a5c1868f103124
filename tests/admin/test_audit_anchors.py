"""Anchors: put once, out of everybody's reach, made up for when late; and the night that looks at all of it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions.admin import anchor_audit, seal_audit, verify_audit
from functions.admin.service.audit import LOGS
from shared import aws, clock
from shared.sql import anchors, sealed
from shared.sql import connection as house_connection
from tests.admin.audit import AT, Archive
from tests.journey.mortality import Mortality

CONTEXT = SimpleNamespace(aws_request_id="run", function_name="admin", memory_limit_in_mb=512)
DAY = AT.date()


def names() -> list[str]:
    found = aws.client("s3").list_object_versions(Bucket=os.environ["BUCKET_AUDIT"])
    return sorted(version["Key"] for version in found.get("Versions", ()))


def test_an_anchor_says_where_the_chain_ended(archive: Archive) -> None:
    archive.write(3, log="admin")
    archive.seal()
    assert archive.anchor() == 1
    (name,) = names()
    seal = archive.sql("SELECT encode(hash, 'hex') FROM admin.audit_blocks")[0][0]
    assert name == f"heads/2026-05-04/admin_operation_logs/000000000001-000000000003-3-{seal}.json"
    body = json.loads(aws.client("s3").get_object(Bucket=os.environ["BUCKET_AUDIT"], Key=name)["Body"].read())
    assert body == {
        "kind": "heads",
        "day": "2026-05-04",
        "log": "admin_operation_logs",
        "block_no": 1,
        "seq": 3,
        "last_id": 3,
        "hash": seal,
        "sealed_at": clock.rfc3339(AT),
        "anchored_at": clock.rfc3339(AT),
    }
    (found,) = anchors.of("heads")
    assert found == anchors.Anchor("heads", DAY, "admin_operation_logs", 1, 3, 3, seal)


def test_a_chain_that_did_not_move_is_not_anchored_again(archive: Archive) -> None:
    assert archive.anchor() == 0, "nothing was ever sealed"
    archive.write()
    archive.seal()
    assert [archive.anchor() for _ in range(3)] == [2, 0, 0]
    assert len(names()) == 2
    archive.write(1, log="operator")
    archive.seal()
    assert archive.anchor() == 1


def test_a_day_that_ended_gets_its_digest_once_and_missed_days_are_made_up_for(archive: Archive) -> None:
    archive.write()
    archive.seal()
    archive.at += timedelta(days=1)
    archive.write()
    archive.seal()
    archive.anchor()
    archive.at += timedelta(days=3)
    assert archive.anchor() == 2 * 3
    days = [(anchor.day, anchor.block_no) for anchor in anchors.of("digests") if anchor.log == "operator_audit_logs"]
    assert days == [(DAY, 1), (DAY + timedelta(days=1), 2), (DAY + timedelta(days=2), 2), (DAY + timedelta(days=3), 2)]
    assert archive.anchor() == 0
    archive.at += timedelta(days=90)
    assert archive.anchor() == 2 * sealed.DIGEST_DAYS
    assert archive.verify().valid


def test_nobody_can_take_an_anchor_away_or_hide_it(archive: Archive) -> None:
    archive.write()
    archive.seal()
    archive.anchor()
    s3, bucket = aws.client("s3"), os.environ["BUCKET_AUDIT"]
    before = list(anchors.of("heads"))
    for version in s3.list_object_versions(Bucket=bucket)["Versions"]:
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
        s3.delete_object(Bucket=bucket, Key=version["Key"])
        s3.put_object(Bucket=bucket, Key=version["Key"], Body=b"other")
        s3.delete_object(Bucket=bucket, Key=version["Key"])
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket), "a plain listing is fooled"
    assert set(anchors.of("heads")) == set(before)
    archive.sql("DELETE FROM admin.admin_operation_logs")
    archive.forge()
    assert not archive.verify().valid


def test_what_else_lies_in_the_bucket_is_no_anchor(archive: Archive) -> None:
    aws.client("s3").put_object(Bucket=os.environ["BUCKET_AUDIT"], Key="heads/readme.txt", Body=b"")
    assert list(anchors.of("heads")) == []
    assert archive.verify().valid


def test_a_bucket_that_refuses_is_an_error_not_an_anchor(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.write()
    archive.seal()
    with archive.as_admin():
        monkeypatch.setenv("BUCKET_AUDIT", "nobodys")
        with pytest.raises(ClientError, match="NoSuchBucket"):
            LOGS.anchor()


@contextmanager
def mortal(archive: Archive, mortality: Mortality) -> Iterator[list[Any]]:
    """Domain admin's functions with a place to die before every statement and around every call of AWS."""
    lives: list[Any] = []

    def live() -> None:
        for dead in lives:
            dead.close()
        house_connection.use(None)
        lives.append(mortality.connect(archive.dsn("admin")))
        house_connection.use(lives[-1])

    live()
    mortality.watch_aws()
    with clock.frozen(archive.at):
        yield [live]
    house_connection.use(None)
    for dead in lives:
        dead.close()


def test_sealing_and_anchoring_killed_anywhere_end_as_if_undisturbed(archive: Archive) -> None:
    """Between any two statements, before and after every put: the next run finishes, and nothing stands twice."""
    mortality = Mortality()
    for day in range(2):
        archive.at = AT + timedelta(days=day)
        archive.write(4)
        with mortal(archive, mortality) as (bury,):
            mortality.survive(lambda: seal_audit.handler({}, CONTEXT), bury)
            sealing = mortality.deaths
            mortality.survive(lambda: anchor_audit.handler({}, CONTEXT), bury)
            anchoring = mortality.deaths - sealing
    assert sealing >= 12
    assert anchoring >= 12, "both heads, and the digests of the first day"
    assert archive.sql("SELECT log, block_no, row_count FROM admin.audit_blocks ORDER BY 1, 2") == [
        (log, block_no, 4) for log in ("admin_operation_logs", "operator_audit_logs") for block_no in (1, 2)
    ]
    assert [name.split("/")[:3] for name in names()] == [
        ["digests", "2026-05-04", "admin_operation_logs"],
        ["digests", "2026-05-04", "operator_audit_logs"],
        *[["heads", f"2026-05-0{day}", log] for day in (4, 5) for log in ("admin_operation_logs", "operator_audit_logs")],
    ]
    verdict = archive.verify()
    assert (verdict.valid, verdict.checked, verdict.anchors) == (True, 16, 6)


def test_a_night_that_finds_everything_in_place_says_nothing(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    archive.write(2)
    archive.seal()
    archive.anchor()
    with archive.as_admin():
        assert verify_audit.handler({}, CONTEXT) == {"done": 4, "skipped": False}
    assert "audit_broken" not in capsys.readouterr().out
    assert archive.sql("SELECT count(*) FROM admin.security_events") == [(0,)]


def test_a_night_that_finds_tampering_rings_and_leaves_one_event(
    archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    archive.write(2)
    archive.seal()
    archive.anchor()
    archive.sql("UPDATE admin.admin_operation_logs SET details = '{}' WHERE id = 2")
    for _ in range(2):
        with archive.as_admin():
            assert verify_audit.handler({}, CONTEXT)["done"] == 4
    assert '"audit_broken":[1.0]' in capsys.readouterr().out.replace(" ", "")
    ((kind, severity, detail),) = archive.sql("SELECT kind, severity, detail FROM admin.security_events")
    assert (kind, severity) == ("data_access", "critical")
    assert detail == {"what": "audit_broken", "faults": ["rows are as they were sealed: 1"], "first_broken_id": 2}


def test_a_night_also_holds_the_old_digests_against_the_logs(archive: Archive) -> None:
    archive.write(2)
    archive.seal()
    archive.at += timedelta(days=1)
    archive.anchor()
    archive.at += timedelta(days=60)
    archive.sql("UPDATE admin.admin_operation_logs SET admin_uid = 8")
    archive.forge()
    archive.anchor()
    with archive.as_admin():
        verify_audit.handler({}, CONTEXT)
    ((detail,),) = archive.sql("SELECT detail FROM admin.security_events")
    assert detail["faults"] == ["anchored blocks are still there: 2"]


def test_rows_that_wait_behind_a_transaction_without_end_are_counted(
    archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    with archive.owner.transaction():
        archive.owner.execute("SELECT pg_current_xact_id()")
        archive.write(2)
        archive.at += sealed.LATE - timedelta(seconds=1)
        assert archive.seal() == 0
        assert "audit rows wait" not in capsys.readouterr().out
        archive.at += timedelta(seconds=2)
        with archive.as_admin():
            assert seal_audit.handler({}, CONTEXT) == {"done": 0, "skipped": False}
        assert '"audit_seal_late":[4.0]' in capsys.readouterr().out.replace(" ", "")
    assert archive.seal() == 4


def test_the_clock_of_the_digests_is_the_houses(archive: Archive) -> None:
    archive.write(1, log="admin")
    archive.seal()
    archive.at += timedelta(days=1)
    archive.anchor()
    assert [anchor.day for anchor in anchors.of("digests")] == [date(2026, 5, 4)]
