import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from functions.content import on_content_scheduled, publish_content, publish_due
from functions.content.errors import VersionConflict
from functions.content.models import Draft
from functions.content.schemas import ContentChange
from functions.content.service import drafts, publishing
from functions.content.store import changes, states
from shared import aws, clock
from shared.caller import Caller
from shared.sql import connection as house_connection
from shared.sql.connection import connect
from tests.content import build
from tests.content.build import AUTHOR

NOON = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
"""Tomorrow, whatever the hour: requests are made today, with tokens of today."""
SETTINGS = {
    "SCHEDULE_GROUP": "sharestack-test-schedules",
    "SCHEDULE_ROLE": "arn:aws:iam::000000000000:role/scheduler",
    "SCHEDULE_TARGET": "arn:aws:lambda:us-east-1:000000000000:function:sharestack-test-content-publish_content",
}


@pytest.fixture
def schedules(cloud, monkeypatch):
    """EventBridge Scheduler with the house's group."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    aws.client("scheduler").create_schedule_group(Name=SETTINGS["SCHEDULE_GROUP"])
    return lambda: aws.client("scheduler").list_schedules(GroupName=SETTINGS["SCHEDULE_GROUP"])["Schedules"]


@pytest.fixture
def scheduled(content, author, create):
    """Schedule a new work for noon; its id."""

    def at_noon(**fields):
        content_id = create(**fields)["content_id"]
        body = {"publish_at": NOON.isoformat()}
        assert content.post(f"/contents/schedule/{content_id}", body, token=author).data["status"] == "scheduled"
        return content_id

    return at_noon


@pytest.fixture
def fire(house):
    """Run the Scheduler entry's function for a work."""

    def run(content_id):
        with house.acting("content"):
            return publish_content.handler({"content_id": content_id}, None)["published"]

    return run


@pytest.fixture
def sweep(house):
    def run():
        with house.acting("content"):
            return publish_due.handler({}, None)["done"]

    return run


def published(house):
    return [(fact["content_id"], fact["title"]) for fact in house.facts("content.published.v1")]


def status(house, content_id):
    return house.sql("SELECT status FROM content.contents WHERE content_id = %s", (content_id,))[0][0]


def test_an_article_is_published_at_once_and_said_once(content, author, create, house):
    content_id = create(title="Hello", access_level="paid", price=500)["content_id"]

    reply = content.post(f"/contents/publish/{content_id}", token=author).data

    assert (reply["status"], reply["published_version"]) == ("published", 1)
    assert reply["published_at"].endswith("Z")
    (fact,) = house.facts("content.published.v1")
    assert (fact["content_id"], fact["author_id"], fact["kind"], fact["title"], fact["access_level"]) == (
        content_id,
        AUTHOR,
        "article",
        "Hello",
        "paid",
    )
    assert content.post(f"/contents/publish/{content_id}", token=author).error == (409, "invalid_state")
    assert len(house.facts("content.published.v1")) == 1


@pytest.mark.parametrize(
    ("fields", "missing"),
    [({"body": None}, "body"), ({"body": " \n"}, "body"), ({"kind": "audio"}, "audio"), ({"kind": "video"}, "video")],
)
def test_what_is_incomplete_is_not_published(*, content, author, create, house, fields, missing):
    content_id = create(**fields)["content_id"]

    reply = content.post(f"/contents/publish/{content_id}", token=author)

    assert reply.error == (422, "content_incomplete")
    assert reply.json["details"] == {"missing": missing}
    assert (status(house, content_id), house.facts()) == ("draft", [])


@pytest.mark.parametrize("state", ["uploading", "scanning", "processing", "rejected", "deleted"])
def test_files_must_have_passed_their_checks(content, author, create, house, state):
    audio = build.file(house, kind="audio")
    content_id = create(kind="audio", body=None, media_ids=[audio])["content_id"]
    house.sql("UPDATE media.media_files SET status = %s", (state,))

    reply = content.post(f"/contents/publish/{content_id}", token=author)
    assert reply.error == (409, "media_not_ready")
    assert reply.json["details"] == {"media_ids": [audio]}

    house.sql("UPDATE media.media_files SET status = 'ready'")
    assert content.post(f"/contents/publish/{content_id}", token=author).status == 200


def test_a_cover_that_is_not_ready_holds_a_work_back(content, author, create, house):
    content_id = create(cover_media_id=build.file(house, status="scanning"))["content_id"]

    assert content.post(f"/contents/publish/{content_id}", token=author).error == (409, "media_not_ready")


def test_an_earlier_version_can_be_the_published_one(content, author, create, reader, house):
    content_id = create(title="One", body="first")["content_id"]
    content.put(f"/contents/update/{content_id}", {"title": "Two", "body": "second"}, token=author)

    assert content.post(f"/contents/publish/{content_id}", {"version": 3}, token=author).error == (404, "content_not_found")
    content.post(f"/contents/publish/{content_id}", {"version": 1}, token=author)

    seen = content.get(f"/contents/detail/{content_id}", token=reader).data
    assert (seen["title"], seen["body"], seen["version"]) == ("One", "first", 1)
    assert content.get("/contents/list").data["items"][0]["title"] == "One"
    content.post(f"/contents/publish/{content_id}", token=author)
    assert content.get(f"/contents/detail/{content_id}", token=reader).data["title"] == "Two"
    assert published(house) == [(content_id, "One")]


def test_an_earlier_version_with_other_files_is_checked_by_those(content, author, create, house):
    old, new = build.file(house, kind="audio"), build.file(house, kind="audio", status="scanning")
    content_id = create(kind="audio", body=None, media_ids=[old])["content_id"]
    content.put(f"/contents/update/{content_id}", {"media_ids": [new]}, token=author)

    assert content.post(f"/contents/publish/{content_id}", token=author).error == (409, "media_not_ready")
    assert content.post(f"/contents/publish/{content_id}", {"version": 1}, token=author).status == 200


def test_readers_see_an_edit_at_once_unless_it_cannot_be_published(content, author, publish, reader, house):
    content_id = publish(body="old")
    path = f"/contents/update/{content_id}"

    def seen():
        return content.get(f"/contents/detail/{content_id}", token=reader).data["body"]

    content.put(path, {"body": "new"}, token=author)
    assert seen() == "new"
    content.put(path, {"body": ""}, token=author)
    assert seen() == "new"
    assert content.get(f"/contents/detail/{content_id}", token=author).data["body"] == ""
    scanning = build.file(house, status="scanning")
    content.put(path, {"body": "newer", "media_ids": [scanning]}, token=author)
    assert seen() == "new"
    assert content.put(path, {"kind": "video"}, token=author).error == (422, "validation_error")
    assert len(house.facts("content.published.v1")) == 1


def test_a_work_taken_back_is_a_draft_and_may_be_published_again(content, author, publish, reader, house):
    content_id = publish()

    assert content.post(f"/contents/draft/{content_id}", token=author).data["status"] == "draft"
    assert content.get(f"/contents/detail/{content_id}", token=reader).error == (404, "content_not_found")
    assert content.post(f"/contents/draft/{content_id}", token=author).error == (409, "invalid_state")
    assert content.post(f"/contents/publish/{content_id}", token=author).data["status"] == "published"
    assert len(published(house)) == 2


@pytest.mark.parametrize("state", ["pending_review", "taken_down", "rejected"])
def test_states_of_moderation_are_not_left_by_publishing(content, author, create, house, state):
    content_id = create()["content_id"]
    house.sql("UPDATE content.contents SET status = %s", (state,))

    assert content.post(f"/contents/publish/{content_id}", token=author).error == (409, "invalid_state")
    body = {"publish_at": NOON.isoformat()}
    assert content.post(f"/contents/schedule/{content_id}", body, token=author).error == (409, "invalid_state")
    back = content.post(f"/contents/draft/{content_id}", token=author)
    assert back.status == (200 if state == "rejected" else 409)


def test_categories_count_what_is_published_in_them(content, author, create, house):
    def count():
        return {
            one["slug"]: one["content_count"] for one in content.get("/categories/list", query={"flat": True}).data["items"]
        }

    ids = {one["slug"]: one["category_id"] for one in content.get("/categories/list", query={"flat": True}).data["items"]}
    content_id = create(category_ids=[ids["finance"], ids["exams"]])["content_id"]
    assert count()["finance"] == 0
    content.post(f"/contents/publish/{content_id}", token=author)
    assert (count()["finance"], count()["exams"], count()["career"]) == (1, 1, 0)
    content.put(f"/contents/update/{content_id}", {"category_ids": [ids["career"], ids["exams"]]}, token=author)
    assert (count()["finance"], count()["exams"], count()["career"]) == (0, 1, 1)
    content.delete(f"/contents/delete/{content_id}", token=author)
    assert sum(count().values()) == 0


def test_a_schedule_is_made_an_entry_of_the_scheduler_once(scheduled, house, schedules):
    content_id = scheduled()
    (fact,) = house.facts("content.scheduled.v1")
    for message in ("m1", "m2"):
        again = fact | {"event_id": f"{fact['event_id']}{message}"}
        record = {"messageId": message, "body": json.dumps({"detail": again})}
        with house.acting("content"):
            assert on_content_scheduled.handler({"Records": [record]}, None) == {"batchItemFailures": []}

    (entry,) = schedules()
    assert entry["Name"] == f"content-publish-{content_id}-{int(NOON.timestamp())}"
    made = aws.client("scheduler").get_schedule(GroupName=SETTINGS["SCHEDULE_GROUP"], Name=entry["Name"])
    assert made["ScheduleExpression"] == f"at({NOON:%Y-%m-%dT%H:%M:%S})"
    assert made["ActionAfterCompletion"] == "DELETE"
    assert made["Target"]["Arn"] == SETTINGS["SCHEDULE_TARGET"]
    assert made["Target"]["Input"] == json.dumps({"content_id": content_id})


def test_an_entry_that_would_lie_in_the_past_is_left_to_the_sweeper(scheduled, house, schedules):
    scheduled()
    (fact,) = house.facts("content.scheduled.v1")
    record = {"messageId": "m", "body": json.dumps({"detail": fact})}
    with clock.frozen(NOON + timedelta(seconds=1)), house.acting("content"):
        assert on_content_scheduled.handler({"Records": [record]}, None) == {"batchItemFailures": []}

    assert schedules() == []


def test_a_time_that_has_passed_cannot_be_scheduled(content, sign_in, create):
    content_id = create()["content_id"]
    path = f"/contents/schedule/{content_id}"
    with clock.frozen(datetime(2031, 5, 1, 12, tzinfo=UTC)):
        token = sign_in(AUTHOR, roles=("creator",))
        for moment in ("2031-05-01T12:00:00Z", "2031-05-01T12:00:00", "2031-05-01T19:59:59+08:00"):
            assert content.post(path, {"publish_at": moment}, token=token).error == (422, "publish_at_in_past")
        reply = content.post(path, {"publish_at": "2031-05-01T20:00:01+08:00"}, token=token)
        assert reply.data["scheduled_at"] == "2031-05-01T12:00:01Z"
        assert content.post(path, {"publish_at": "soon"}, token=token).error == (422, "validation_error")


def test_entry_and_sweeper_both_fire_and_the_work_is_published_once(scheduled, house, fire, sweep):
    content_id = scheduled()
    assert (fire(content_id), sweep()) == (False, 0)
    assert status(house, content_id) == "scheduled"
    with clock.frozen(NOON):
        assert [fire(content_id), sweep(), fire(content_id), sweep()] == [True, 0, False, 0]

    assert published(house) == [(content_id, "A title")]
    assert house.sql("SELECT status, scheduled_at, published_at FROM content.contents") == [("published", None, NOON)]


def test_a_missed_entry_is_made_good_by_the_sweeper(scheduled, house, sweep):
    ids = [scheduled(title=f"T{number}") for number in range(3)]
    with clock.frozen(NOON + timedelta(hours=5)):
        assert sweep() == 3

    assert [content_id for content_id, _ in published(house)] == ids


def test_an_entry_of_an_earlier_plan_publishes_nothing(content, author, scheduled, house, fire):
    moved, cancelled = scheduled(), scheduled()
    later = {"publish_at": (NOON + timedelta(days=1)).isoformat()}
    content.post(f"/contents/schedule/{moved}", later, token=author)
    content.post(f"/contents/draft/{cancelled}", token=author)

    with clock.frozen(NOON):
        assert (fire(moved), fire(cancelled)) == (False, False)
    assert (status(house, moved), status(house, cancelled), published(house)) == ("scheduled", "draft", [])
    with clock.frozen(NOON + timedelta(days=1)):
        assert (fire(moved), fire(cancelled)) == (True, False)


def test_a_work_that_cannot_be_published_at_its_time_becomes_a_draft_that_says_why(scheduled, house, sweep):
    content_id, good = scheduled(body=None), scheduled()
    with clock.frozen(NOON):
        assert sweep() == 1

    reasons = house.sql("SELECT content_id, status, rejected_reason FROM content.contents ORDER BY content_id")
    assert reasons == [(content_id, "draft", "content_incomplete"), (good, "published", None)]


def test_a_work_whose_file_is_still_being_inspected_waits_for_it(scheduled, house, sweep):
    content_id = scheduled(cover_media_id=build.file(house, status="scanning"))
    with clock.frozen(NOON):
        assert (sweep(), status(house, content_id)) == (0, "scheduled")
        house.sql("UPDATE media.media_files SET status = 'ready'")
        assert (sweep(), status(house, content_id)) == (1, "published")


def test_a_deleted_or_unknown_work_is_published_by_no_entry(content, author, scheduled, fire, sweep):
    content_id = scheduled()
    content.delete(f"/contents/delete/{content_id}", token=author)
    with clock.frozen(NOON):
        assert (fire(content_id), fire(424_242), sweep()) == (False, False, 0)


DRAFT = Draft("article", "T", None, "text", "markdown", None, (), "free", (), None, 10, None, is_original=True)


def test_of_eight_runs_at_once_one_publishes(fresh_database):
    before = NOON - timedelta(days=1)
    with connect(fresh_database("content")) as db:
        content_id = changes.insert(db, AUTHOR, DRAFT, [], [], words=1, at=before)
        states.schedule(db, content_id, NOON, before)

    def run(_):
        with connect(fresh_database("content")) as db, db.transaction():
            return publishing.publish_scheduled(db, content_id, NOON)

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(run, range(8))) == [False] * 7 + [True]


def test_a_crash_before_the_commit_leaves_the_work_to_the_sweeper(fresh_database, cloud):
    with connect(fresh_database("content")) as db:
        content_id = changes.insert(db, AUTHOR, DRAFT, [], [], words=1, at=NOON)
        states.schedule(db, content_id, NOON, NOON)
    with connect(fresh_database("content")) as db:
        dying = db.transaction()
        dying.__enter__()
        assert publishing.publish_scheduled(db, content_id, NOON)
        db.close()

    house_connection.use(connect(fresh_database("content")))
    with clock.frozen(NOON + timedelta(minutes=1)):
        assert publish_due.handler({}, None)["done"] == 1
        assert publish_due.handler({}, None)["done"] == 0

    with psycopg.connect(fresh_database()) as db:
        assert db.execute("SELECT count(*) FROM platform.outbox_events").fetchone() == (1,)


def test_of_eight_edits_of_one_version_one_wins_and_the_others_hear_of_it(fresh_database):
    caller = Caller(AUTHOR, "s", "user", ("creator",), (), "en")
    with connect(fresh_database("content")) as db:
        content_id = changes.insert(db, AUTHOR, DRAFT, [], [], words=1, at=NOON)

    def edit(number):
        with connect(fresh_database("content")) as db, db.transaction():
            try:
                drafts.update(db, caller, content_id, ContentChange(title=f"T{number}", base_version=1, tags=["b", "a"]))
            except VersionConflict as conflict:
                return conflict.details
            return "won"

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(edit, range(8)))

    assert answers.count("won") == 1
    assert answers.count({"current_version": 2}) == 7
