from datetime import timedelta

import pytest

from functions.content.viewing import ViewItem
from shared import clock
from shared.views import entitlements
from shared.views.entitlements import EntitlementItem
from tests.content import build
from tests.content.build import AUTHOR, OTHER, READER
from tests.fixtures.budget import statements

BODY = "\n\n".join(f"P{number} " + "word " * 19 for number in range(10))


def right(scope, **fields):
    """Give the reader a right, as subscriptions would."""
    base = {"source": "purchase" if scope.startswith("CONTENT") else "subscription", "version": 1}
    assert entitlements.put(EntitlementItem(f"U#{READER}", scope, **base | fields))


def detail(content, content_id, token=None, **query):
    return content.get(f"/contents/detail/{content_id}", token=token, query=query)


def test_the_journey_of_a_reader_preview_then_what_to_buy_then_everything(content, publish, reader, house):
    picture = build.file(house)
    content_id = publish(body=BODY, access_level="paid", price=990, media_ids=[picture])

    before = detail(content, content_id, reader).data
    assert (before["is_preview"], before["viewer"]["has_access"], before["media"]) == (True, False, [])
    assert before["body"].split()[0] == "P0"
    assert "P1" not in before["body"] + before["body_html"]
    assert before["price"] == 990

    offer = content.get(f"/contents/{content_id}/trial", token=reader).data
    assert offer == {
        "content_id": content_id,
        "kind": "article",
        "trial_body": before["body"],
        "trial_url": None,
        "trial_seconds": None,
        "preview_percent": 10,
        "required_plan_ids": [],
        "price": 990,
    }

    right(f"CONTENT#{content_id}")
    after = detail(content, content_id, reader).data
    assert (after["is_preview"], after["viewer"]["has_access"]) == (False, True)
    assert after["body"] == BODY
    assert after["body_html"].count("<p>") == 10
    assert [one["media_id"] for one in after["media"]] == [picture]


def test_without_a_token_a_paid_work_is_its_trial_and_a_free_one_is_whole(content, publish):
    paid, free = publish(body=BODY, access_level="paid", price=1), publish(body=BODY)

    hidden, open_ = detail(content, paid).data, detail(content, free).data

    assert (hidden["is_preview"], hidden["viewer"]) == (True, None)
    assert (open_["is_preview"], open_["viewer"], open_["body"]) == (False, None, BODY)


@pytest.mark.parametrize(
    ("fields", "opens"),
    [
        ({}, True),
        ({"source": "trial"}, True),
        ({"revoked": 1}, False),
        ({"valid_until": 1}, False),
    ],
)
def test_a_subscription_in_force_opens_what_is_for_subscribers(*, content, publish, reader, house, fields, opens):
    content_id = publish(body=BODY, access_level="subscribers")
    right(f"CREATOR#{AUTHOR}", plan_id=build.plan(house), tier=1, **fields)

    assert detail(content, content_id, reader).data["viewer"]["has_access"] is opens


def test_a_plan_opens_its_works_and_those_of_lower_tiers(content, publish, reader, house):
    low, mid, high = (build.plan(house, tier=tier) for tier in (1, 2, 3))
    content_id = publish(body=BODY, access_level="subscribers", plan_ids=[mid])

    seen = []
    for version, (plan_id, tier) in enumerate([(low, 1), (mid, 2), (high, 3)], 1):
        right(f"CREATOR#{AUTHOR}", plan_id=plan_id, tier=tier, version=version)
        seen.append(detail(content, content_id, reader).data["viewer"]["has_access"])

    assert seen == [False, True, True]


def test_a_subscription_does_not_open_what_is_sold_singly_nor_another_creators(content, publish, reader, house):
    paid = publish(body=BODY, access_level="paid", price=5)
    for_subscribers = publish(body=BODY, access_level="subscribers")
    right(f"CREATOR#{AUTHOR}", plan_id=build.plan(house), tier=1)
    house.sql("UPDATE content.contents SET author_id = %s WHERE content_id = %s", (OTHER, for_subscribers))

    assert not detail(content, paid, reader).data["viewer"]["has_access"]
    assert not detail(content, for_subscribers, reader).data["viewer"]["has_access"]


def test_author_collaborators_granted_people_and_staff_read_all(*, content, author, other, publish, sign_in, reader, house):
    content_id = publish(body=BODY, access_level="paid", price=5)
    staff = sign_in(7, permissions=("content:read",))
    observer, clerk = sign_in(8, permissions=("*:read",)), sign_in(9, permissions=("user:read",))

    def access(token):
        return detail(content, content_id, token).data["viewer"]["has_access"]

    assert [access(token) for token in (author, staff, observer, clerk, other, reader)] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    house.sql("INSERT INTO content.content_collaborators VALUES (%s, %s, 'viewer', now(), now())", (content_id, OTHER))
    house.sql("UPDATE content.contents SET granted_user_ids = %s", ([READER],))
    assert [access(other), access(reader)] == [True, True]


def test_a_work_is_open_in_its_window_only(content, author, publish, reader):
    content_id = publish(body=BODY)
    now = clock.now()
    window = {
        "available_from": (now + timedelta(hours=1)).isoformat(),
        "available_to": (now + timedelta(hours=2)).isoformat(),
    }
    content.put(f"/contents/access-control/{content_id}", window, token=author)

    def whole(hours):
        with clock.frozen(now + timedelta(hours=hours)):
            return not detail(content, content_id).data["is_preview"]

    assert [whole(0.9), whole(1), whole(1.9), whole(2)] == [False, True, True, False]
    assert not detail(content, content_id, author).data["is_preview"]


@pytest.mark.parametrize(
    ("state", "stranger", "insider"),
    [
        ("draft", 404, 200),
        ("pending_review", 404, 200),
        ("rejected", 404, 200),
        ("taken_down", 410, 200),
        ("deleted", 410, 410),
    ],
)
def test_what_is_not_published_is_seen_by_insiders_only(
    *, content, author, publish, sign_in, reader, house, state, stranger, insider
):
    content_id = publish()
    house.sql("UPDATE content.contents SET status = %s", (state,))

    assert [detail(content, content_id, token).status for token in (None, reader)] == [stranger] * 2
    assert detail(content, content_id, author).status == insider
    assert detail(content, content_id, sign_in(7, permissions=("content:read",))).status == insider


def test_old_versions_are_the_authors(content, author, publish, reader):
    content_id = publish(title="One")
    content.put(f"/contents/update/{content_id}", {"title": "Two"}, token=author)

    assert detail(content, content_id, author, version=1).data["title"] == "One"
    assert detail(content, content_id, author, version=9).error == (404, "content_not_found")
    assert detail(content, content_id, reader, version=1).error == (404, "content_not_found")
    assert detail(content, content_id, author, version=0).error == (422, "validation_error")


def test_a_trial_says_which_plans_would_open_the_rest(content, publish, house):
    low, high = build.plan(house, tier=1), build.plan(house, tier=2)
    build.plan(house, tier=3, status="archived")
    build.plan(house, OTHER)
    for_any = publish(body=BODY, access_level="subscribers")
    for_high = publish(body=BODY, access_level="subscribers", plan_ids=[high], price=77)

    first = content.get(f"/contents/{for_any}/trial").data
    second = content.get(f"/contents/{for_high}/trial").data

    assert (first["required_plan_ids"], first["price"]) == ([low, high], None)
    assert (second["required_plan_ids"], second["price"]) == ([high], None)


def test_no_trial_is_offered_of_what_is_free_or_shows_nothing(content, publish, house):
    video = build.file(house, kind="video")
    for fields in (
        {"access_level": "free"},
        {"access_level": "paid", "price": 1, "preview_percent": 0},
        {"access_level": "paid", "price": 1, "kind": "video", "body": None, "media_ids": [video]},
    ):
        content_id = publish(**{"body": BODY} | fields)
        assert content.get(f"/contents/{content_id}/trial").error == (404, "trial_not_offered")


def test_a_locked_video_gives_away_no_file(content, publish, reader, house):
    video, cover = build.file(house, kind="video"), build.file(house)
    content_id = publish(kind="video", body=None, media_ids=[video], cover_media_id=cover, access_level="paid", price=1)

    seen = detail(content, content_id, reader).data

    assert (seen["media"], seen["body"], seen["is_preview"]) == ([], "", True)
    assert seen["cover_url"].endswith(f"/media/r/{cover}/v1/w320-x.webp")


def test_a_view_counts_once_per_viewer_in_half_an_hour(content, author, publish, create, reader):
    content_id = publish()

    def views(token=None, agent="a", minutes=0):
        with clock.frozen(clock.now() + timedelta(minutes=minutes)):
            reply = content.get(f"/contents/detail/{content_id}", token=token, headers={"user-agent": agent})
        return reply.data["stats"]["views"]

    assert views(reader) == 1
    views(reader)
    assert views(None, "a") == 2
    views(None, "a")
    assert views(None, "b") == 3
    assert views(None, "b", minutes=29) != 4
    assert views(None, "b", minutes=31) == 4
    draft = create()["content_id"]
    assert content.get(f"/contents/detail/{draft}", token=author).data["stats"]["views"] == 0


def test_who_has_viewed_is_kept_without_address(content, publish):
    content_id = publish()
    detail(content, content_id)

    (seen,) = ViewItem.scan(ViewItem.sk == "V")
    assert seen.pk.startswith(f"V#{content_id}#A")
    assert "203.0.113" not in str(seen.attribute_values)


def test_reading_takes_two_statements_at_most(content, author, publish, reader, house):
    low, high = build.plan(house, tier=1), build.plan(house, tier=2)
    content_id = publish(body=BODY, access_level="subscribers", plan_ids=[low])
    right(f"CREATOR#{AUTHOR}", plan_id=high, tier=2)

    assert statements(house, "content", lambda: detail(content, content_id)) == 1
    assert statements(house, "content", lambda: detail(content, content_id, reader)) == 2
    assert statements(house, "content", lambda: content.get("/contents/list")) == 1
    assert statements(house, "content", lambda: content.get("/contents/draft", token=author)) == 1
    assert statements(house, "content", lambda: content.get("/categories/list")) == 1
    assert statements(house, "content", lambda: content.get(f"/contents/versions/{content_id}", token=author)) == 2
    assert statements(house, "content", lambda: content.get(f"/contents/{content_id}/trial")) == 1
