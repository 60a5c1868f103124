"""A copy of one's data: every domain's part, one file, masked and readable, once a day."""

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared import aws, clock
from shared.ids import new_ulid
from shared.personal_data import HOLDERS
from shared.uploads import PART_BYTES, Upload, bucket
from tests.fixtures.api import Reply, open_session
from tests.identity.conftest import forget_keys
from tests.identity.leaving import CARD, EMAIL, NAME, PHONE, World, objects


@pytest.fixture
def world(cloud: None, fresh_database: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    yield World(fresh_database, monkeypatch, tmp_path / "clock.json")
    forget_keys()


@pytest.fixture
def person(world: World) -> tuple[str, int]:
    """A token and a uid of somebody with something in every domain."""
    token = world.register()
    uid = world.uid_of()
    world.live(uid)
    return token, uid


def ask(world: World, token: str, **body: Any) -> Reply:
    return world.house.request("POST", "/users/export-data", body, token=token)


def job(world: World, token: str, asked: Reply) -> dict[str, Any]:
    found: dict[str, Any] = world.house.request("GET", f"/jobs/{asked.data['job_id']}", token=token).data
    return found


def test_every_domain_puts_its_part_into_one_archive(world: World, person: tuple[str, int]) -> None:
    token, uid = person
    asked = ask(world, token)
    assert asked.status == 202
    assert (asked.data["kind"], asked.data["status"], asked.data["progress"]) == ("export_data", "queued", 0)
    world.house.deliver()
    done = job(world, token, asked)
    assert (done["status"], done["progress"]) == ("succeeded", 100)
    lasts = datetime.fromisoformat(done["result"]["expires_at"]) - clock.now()
    assert timedelta(hours=23, minutes=59) < lasts <= timedelta(hours=24)
    assert "X-Amz-Expires=86400" in done["result"]["url"]
    archive = world.exported(done)
    assert archive.testzip() is None
    read = {name: json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")}
    assert {name.split("/")[0] for name in read} == set(HOLDERS) - {"admin"}
    assert [row["title"] for row in read["content/contents.json"]] == ["Zaphod edits this", "Zaphod's diary"]
    assert [row["filename"] for row in read["media/media_files.json"]] == ["zaphod.png", "zaphod.png"]
    assert [row["name"] for row in read["subscriptions/subscription_plans.json"]] == ["Zaphod Monthly"]
    assert [row["order_no"] for row in read["payments/payment_orders.json"]] == ["o1"]
    assert read["finance/ledger_accounts.json"][0]["balance"] == 500
    (account,) = read["identity/users.json"]
    assert (account["uid"], account["email"], account["phone_number"]) == (uid, EMAIL, "+86138****5678")
    assert read["identity/activity.json"][0]["user_agent"] == "Zaphod's phone"
    assert len(read["identity/following.json"]) == len(read["identity/followers.json"]) == 1
    assert "personal data requested" not in archive.read("README.txt").decode()


def test_nothing_secret_and_no_number_in_clear_is_in_it(world: World, person: tuple[str, int]) -> None:
    token, _ = person
    asked = ask(world, token)
    world.house.deliver()
    archive = world.exported(job(world, token, asked))
    text = " ".join(archive.read(name).decode() for name in archive.namelist())
    assert NAME in text, "their own name is theirs, in clear"
    assert CARD not in text
    assert "110***********002X" in text
    assert PHONE not in text
    hashes = [value for row in world.sql("SELECT password_hash FROM identity.user_auth") for value in row if value]
    assert hashes
    for secret in (*hashes, "refresh_hash", "password_hash", "totp_secret", "recovery_code", "v1:"):
        assert secret not in text


def test_the_readme_lists_every_file_in_the_persons_language(world: World, person: tuple[str, int]) -> None:
    token, uid = person
    for locale, words, other in (("zh-CN", "我的作品", "Your works"), ("en", "Your works", "我的作品")):
        world.sql("UPDATE identity.users SET locale = %s WHERE uid = %s", (locale, uid))
        asked = ask(world, token)
        world.house.deliver()
        archive = world.exported(job(world, token, asked))
        readme = archive.read("README.txt").decode()
        assert words in readme
        assert other not in readme
        for name in archive.namelist():
            assert name == "README.txt" or f"  {name}: " in readme
        world.sql("UPDATE identity.export_requests SET created_at = created_at - interval '2 days'")


def test_it_can_be_one_json_document(world: World, person: tuple[str, int]) -> None:
    token, _ = person
    asked = ask(world, token, format="json")
    world.house.deliver()
    done = job(world, token, asked)
    key = f"personal/{done['job_id']}/sharestack-{world.uid_of()}.json"
    whole = json.loads(objects("EXPORTS")[key])
    assert set(whole) == set(HOLDERS)
    assert whole["content"]["contents"][0]["content_id"] == 1
    assert ask(world, token, format="xml").status == 422


def test_the_parts_are_removed_once_they_are_packed(world: World, person: tuple[str, int]) -> None:
    token, uid = person
    asked = ask(world, token)
    world.house.deliver()
    assert set(objects("EXPORTS")) == {f"personal/{asked.data['job_id']}/sharestack-{uid}.zip"}


def test_once_in_24_hours_unless_it_failed(world: World, person: tuple[str, int]) -> None:
    token, _ = person
    assert ask(world, token).status == 202
    world.move(minutes=10)
    refused = ask(world, token)
    assert refused.error == (429, "export_too_frequent")
    assert 0 < int(refused.headers["retry-after"]) <= 86_400 - 590
    world.sql("UPDATE identity.export_requests SET status = 'failed', ended_at = now()")
    assert ask(world, token).status == 202
    world.sql("UPDATE identity.export_requests SET created_at = created_at - interval '24 hours'")
    assert ask(world, token).status == 202


def test_progress_is_how_many_domains_have_answered(world: World, person: tuple[str, int]) -> None:
    token, _ = person
    world.sql("REVOKE INSERT ON platform.personal_data_acks FROM media")
    asked = ask(world, token)
    given = {"request_id": asked.data["job_id"]}
    assert step(world, "gather_export", given)["next"] == "wait"
    assert job(world, token, asked)["progress"] == 0
    hear(world)
    assert step(world, "gather_export", given)["next"] == "wait"
    running = job(world, token, asked)
    assert (running["status"], running["progress"]) == ("running", 100 * (len(HOLDERS) - 1) // len(HOLDERS))
    world.sql("GRANT INSERT ON platform.personal_data_acks TO media")
    hear(world)
    assert step(world, "gather_export", given)["next"] == "pack"


def step(world: World, name: str, given: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = world.house._invoke("identity", name, given)
    return said


def hear(world: World, **other: str) -> None:
    """Every domain hears the request, as the queue delivers it; those that fail are left out."""
    for (payload,) in world.sql(
        "SELECT payload::text FROM platform.outbox_events WHERE topic = 'identity.personal_data_requested.v1' ORDER BY id"
    ):
        for domain in HOLDERS:
            record = {"messageId": new_ulid(), "body": json.dumps({"detail": json.loads(payload) | other})}
            world.house._invoke(domain, "on_personal_data_requested", {"Records": [record]})


def test_a_silent_domain_is_asked_three_times_more_and_then_the_job_says_who_it_was(
    world: World, person: tuple[str, int]
) -> None:
    token, uid = person
    world.sql("REVOKE INSERT ON platform.personal_data_acks FROM media")
    asked = ask(world, token)
    given = {"request_id": asked.data["job_id"]}
    counted = "SELECT count(*) FROM platform.outbox_events WHERE topic = 'identity.personal_data_requested.v1'"
    hear(world)
    for minutes, times in ((1, 1), (2, 2), (3, 2), (2, 3), (9, 4)):
        world.move(minutes=minutes)
        assert step(world, "gather_export", given)["next"] == "wait"
        assert world.sql(counted) == [(times,)]
    world.move(minutes=17)
    assert step(world, "gather_export", given)["next"] == "fail"
    step(world, "fail_export", given)
    token = open_session(uid)
    failed = job(world, token, asked)
    assert failed["status"] == "failed"
    assert failed["error"]["error"] == "export_failed"
    assert "media" in failed["error"]["message"]
    assert ask(world, token).status == 202, "what failed does not count"


def test_a_file_that_cannot_be_packed_fails_the_job_after_three_retries(world: World, person: tuple[str, int]) -> None:
    token, _ = person
    asked = ask(world, token)
    given = {"request_id": asked.data["job_id"]}
    hear(world)
    assert step(world, "gather_export", given)["next"] == "pack"
    aws.client("s3").delete_object(Bucket=bucket("exports"), Key=f"personal/{asked.data['job_id']}/content/contents.json")
    with pytest.raises(ClientError):
        step(world, "pack_export", given)
    world.house.deliver()
    assert job(world, token, asked)["error"]["message"].startswith("the parts could not be packed")


def test_what_is_done_twice_ends_as_done_once(world: World, person: tuple[str, int]) -> None:
    token, _ = person
    asked = ask(world, token)
    given = {"request_id": asked.data["job_id"]}
    hear(world)
    before = objects("EXPORTS")
    hear(world)
    assert objects("EXPORTS") == before
    step(world, "pack_export", given)
    first = job(world, token, asked)
    packed = objects("EXPORTS")
    for name in ("pack_export", "gather_export", "fail_export"):
        assert step(world, name, given)["next"] == "end"
    hear(world)
    hear(world, event_id=new_ulid())  # asked once more, by an execution that did not know
    assert job(world, token, asked) == first
    assert objects("EXPORTS") == packed


def test_someone_elses_export_is_not_there(world: World, person: tuple[str, int]) -> None:
    token, _ = person
    asked = ask(world, token)
    stranger = world.register("ford@example.com")
    assert world.house.request("GET", f"/jobs/{asked.data['job_id']}", token=stranger).error == (404, "job_not_found")


def test_a_lost_workflow_is_found_by_the_daily_sweep(world: World, person: tuple[str, int]) -> None:
    token, uid = person
    ask(world, token)
    world.house._carry_facts()
    world.house.machines.executions.clear()
    world.move(minutes=59)
    world.sweep()
    assert world.house.machines.executions == {}, "the workflow has its hour"
    world.move(minutes=2)
    world.sweep()
    assert world.sql("SELECT status FROM identity.export_requests WHERE uid = %s", (uid,)) == [("done",)]


def test_a_long_export_leaves_in_parts(cloud: None) -> None:
    with Upload(bucket("exports"), "long", "text/plain") as out:
        for number in range(5):
            out.write(str(number).encode() * (PART_BYTES // 2))
            assert len(out._buffer) < PART_BYTES
    (body,) = objects("EXPORTS").values()
    assert body == b"".join(str(number).encode() * (PART_BYTES // 2) for number in range(5))


def test_an_upload_that_broke_leaves_nothing(cloud: None) -> None:
    def breaking() -> None:
        with Upload(bucket("exports"), "broken", "text/plain") as out:
            out.write(b"x" * PART_BYTES)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        breaking()
    assert objects("EXPORTS") == {}
    assert not aws.client("s3").list_multipart_uploads(Bucket=os.environ["BUCKET_EXPORTS"]).get("Uploads")
