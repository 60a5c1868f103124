"""One's own jobs as a list."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.platform.http import handler
from shared import clock
from shared.dynamo.jobs import JobItem, open_job
from tests.fixtures.api import Api, SignIn

NOW = datetime(2027, 1, 1, tzinfo=UTC)
ANN, BOB = 100001, 100002


@pytest.fixture
def platform(api: Any) -> Iterator[Api]:
    with clock.frozen(NOW + timedelta(minutes=10)):
        yield api(handler, "platform")


def jobs(count: int, *, uid: int = ANN, kind: str = "export", since: datetime = NOW) -> list[JobItem]:
    """Opened a second apart, oldest first."""
    made = []
    for number in range(count):
        with clock.frozen(since + timedelta(seconds=number)):
            made.append(open_job(uid, kind, {"number": number}))
    return made


def ids(data: dict[str, Any]) -> list[str]:
    return [item["job_id"] for item in data["items"]]


def test_own_jobs_are_listed_newest_first_and_nobody_elses(platform: Api, sign_in: SignIn) -> None:
    mine, others = jobs(3), jobs(2, uid=BOB)
    found = platform.get("/jobs", token=sign_in(ANN)).data
    assert ids(found) == [job.job_id for job in reversed(mine)]
    assert (found["total"], found["total_is_capped"], found["next_cursor"]) == (3, False, None)
    assert found["items"][0]["status_url"] == f"/api/v1/jobs/{mine[-1].job_id}"
    assert ids(platform.get("/jobs", token=sign_in(BOB)).data) == [job.job_id for job in reversed(others)]
    assert platform.get("/jobs", token=sign_in(100003, permissions=("*",))).data["items"] == []


def test_nobody_has_no_jobs(platform: Api) -> None:
    assert platform.get("/jobs").error == (401, "unauthenticated")


def test_kind_and_status_narrow_the_list_and_its_total(platform: Api, sign_in: SignIn) -> None:
    token = sign_in(ANN)
    exports, settlements = jobs(3), jobs(2, kind="settlement")
    exports[1].succeed({})
    assert ids(platform.get("/jobs", token=token, query={"kind": "settlement"}).data) == [
        settlements[1].job_id, settlements[0].job_id,
    ]  # fmt: skip
    done = platform.get("/jobs", token=token, query={"kind": "export", "status": "succeeded", "page_size": 1}).data
    assert (ids(done), done["total"], done["next_cursor"]) == ([exports[1].job_id], 1, None)
    assert platform.get("/jobs", token=token, query={"kind": "export", "status": "failed"}).data["total"] == 0
    assert platform.get("/jobs", token=token, query={"status": "lost"}).error == (422, "validation_error")


@pytest.mark.parametrize("order", ["desc", "asc"])
def test_pages_and_cursors_show_every_job_once(platform: Api, sign_in: SignIn, order: str) -> None:
    token = sign_in(ANN)
    expected = [job.job_id for job in jobs(7)]
    if order == "desc":
        expected.reverse()
    query = {"page_size": 3, "sort_order": order}
    pages = [platform.get("/jobs", token=token, query=query | {"page": page}).data for page in (1, 2, 3, 4)]
    assert [job for page in pages for job in ids(page)] == expected
    assert {page["total"] for page in pages} == {7}
    walked, cursor = ids(pages[0]), pages[0]["next_cursor"]
    while cursor:
        page = platform.get("/jobs", token=token, query=query | {"cursor": cursor}).data
        walked, cursor = walked + ids(page), page["next_cursor"]
    assert walked == expected


def test_a_job_opened_while_somebody_pages_does_not_move_what_follows(platform: Api, sign_in: SignIn) -> None:
    token = sign_in(ANN)
    expected = [job.job_id for job in reversed(jobs(4))]
    first = platform.get("/jobs", token=token, query={"page_size": 2}).data
    jobs(1, since=NOW + timedelta(minutes=1))
    second = platform.get("/jobs", token=token, query={"page_size": 2, "cursor": first["next_cursor"]}).data
    assert ids(first) + ids(second) == expected


def test_jobs_of_one_moment_are_all_shown(platform: Api, sign_in: SignIn) -> None:
    token = sign_in(ANN)
    with clock.frozen(NOW):
        expected = {open_job(ANN, "export", {}).job_id for _ in range(4)}
    first = platform.get("/jobs", token=token, query={"page_size": 2}).data
    second = platform.get("/jobs", token=token, query={"page_size": 2, "cursor": first["next_cursor"]}).data
    assert {*ids(first), *ids(second)} == expected


def test_a_job_past_its_month_is_gone_even_before_dynamodb_deletes_it(platform: Api, sign_in: SignIn) -> None:
    token = sign_in(ANN)
    jobs(1, since=NOW - timedelta(days=30))
    (kept,) = jobs(1)
    assert ids(platform.get("/jobs", token=token).data) == [kept.job_id]


@pytest.mark.parametrize(
    "query",
    [{"cursor": "nonsense"}, {"cursor": "WzEsMl0"}, {"sort_by": "kind"}, {"kind": "x" * 51}, {"page_size": 101}],
)
def test_what_no_list_has_is_refused(platform: Api, sign_in: SignIn, query: dict[str, Any]) -> None:
    assert platform.get("/jobs", token=sign_in(ANN), query=query).error == (422, "validation_error")
