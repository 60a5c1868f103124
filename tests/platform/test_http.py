"""Health, readiness and jobs."""

import pytest

from functions.platform.http import handler
from shared import aws
from shared.dynamo.jobs import JobItem, open_job
from tests.fixtures.api import Api


@pytest.fixture
def platform(api) -> Api:
    made: Api = api(handler, "platform")
    return made


def test_alive_says_where_and_when(platform: Api) -> None:
    assert set(platform.get("/health").data) == {"status", "version", "region", "time"}


def test_ready_when_everything_answers(platform: Api) -> None:
    found = platform.get("/health/ready").data
    assert found["status"] == "ok"
    assert {check["status"] for check in found["checks"].values()} == {"ok"}


def test_degraded_without_files(platform: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKET_EXPORTS", "gone")
    found = platform.get("/health/ready").data
    assert (found["status"], found["checks"]["s3"]["status"]) == ("degraded", "down")


def test_not_ready_without_the_database(platform: Api, house) -> None:
    house.sql("REVOKE SELECT ON platform.outbox_events FROM platform")
    reply = platform.get("/health/ready")
    assert reply.error == (503, "not_ready")
    assert reply.json["details"]["checks"]["aurora"]["status"] == "down"


def test_a_job_is_seen_by_its_owner_and_by_operators_only(platform: Api, sign_in) -> None:
    job = open_job(100001, "settlement", {"period": "2026-10"})
    path = f"/jobs/{job.job_id}"
    assert platform.get(path).error == (401, "unauthenticated")
    assert platform.get(path, token=sign_in(100002)).error == (404, "job_not_found")
    assert platform.get(path, token=sign_in(100003, permissions=("finance:read",))).error == (404, "job_not_found")
    assert platform.get(path, token=sign_in(100003, permissions=("system:read",))).data["job_id"] == job.job_id
    found = platform.get(path, token=sign_in(100001)).data
    assert (found["status"], found["progress"], found["result"]) == ("queued", 0, None)
    assert found["status_url"] == f"/api/v1{path}"


def test_a_job_tells_how_it_ended(platform: Api, sign_in) -> None:
    token = sign_in(1)
    good, bad = open_job(1, "export", {}), open_job(1, "export", {})
    good.begin()
    good.advance(40)
    assert platform.get(f"/jobs/{good.job_id}", token=token).data["progress"] == 40
    good.succeed({"url": "https://example.com/a.zip"})
    bad.begin()
    bad.fail("range_invalid", "no such month")
    done, failed = (platform.get(f"/jobs/{job.job_id}", token=token).data for job in (good, bad))
    assert (done["status"], done["progress"], done["attempts"]) == ("succeeded", 100, 1)
    assert done["result"] == {"url": "https://example.com/a.zip"}
    assert (failed["status"], failed["error"]["error"]) == ("failed", "range_invalid")
    assert failed["finished_at"] is not None


@pytest.mark.parametrize("job_id", ["", "x" * 3000, "JOB%23", "01ARZ3NDEKTSV4RRFFQ69G5FAV"])
def test_an_unknown_job_is_not_found(platform: Api, sign_in, job_id: str) -> None:
    assert platform.get(f"/jobs/{job_id}", token=sign_in(1)).status == 404


def test_jobs_are_kept_a_month(cloud) -> None:
    job = open_job(1, "export", {})
    stored = aws.client("dynamodb").describe_table(TableName=JobItem.Meta.table_name)["Table"]
    assert stored["ItemCount"] == 1
    assert job.ttl is not None
    assert job.ttl - job.created_at.timestamp() == pytest.approx(30 * 86_400, abs=1)
