import pytest

from tests.content import build
from tests.content.build import OTHER, READER


def test_an_author_sets_the_paywall_and_sees_it(content, author, create, house):
    content_id, plan = create()["content_id"], build.plan(house)
    path = f"/contents/access-control/{content_id}"
    assert content.get(path, token=author).data == {
        "access_level": "free",
        "plan_ids": [],
        "price": None,
        "currency": "CNY",
        "preview_percent": 10,
        "preview_seconds": None,
        "granted_user_ids": [],
        "watermark": False,
        "available_from": None,
        "available_to": None,
    }
    wall = {
        "access_level": "subscribers",
        "plan_ids": [plan],
        "price": 990,
        "currency": "CNY",
        "preview_percent": 25,
        "preview_seconds": 60,
        "granted_user_ids": [READER],
        "watermark": True,
        "available_from": "2030-01-01T08:00:00+08:00",
        "available_to": "2031-01-01T00:00:00",
    }

    expected = wall | {"available_from": "2030-01-01T00:00:00Z", "available_to": "2031-01-01T00:00:00Z"}
    assert content.put(path, wall, token=author).data == expected
    assert content.put(path, {"preview_percent": 30}, token=author).data == expected | {"preview_percent": 30}
    assert content.get(path, token=author).data == expected | {"preview_percent": 30}
    assert content.put(path, {"price": None, "available_to": None}, token=author).data["price"] is None


def test_the_paywall_is_its_authors_alone(content, other, create, house):
    content_id = create()["content_id"]
    house.sql("INSERT INTO content.content_collaborators VALUES (%s, %s, 'editor', now(), now())", (content_id, OTHER))
    path = f"/contents/access-control/{content_id}"

    assert content.get(path, token=other).error == (403, "not_content_owner")
    assert content.put(path, {"price": 1}, token=other).error == (403, "not_content_owner")


@pytest.mark.parametrize(
    ("wall", "error"),
    [
        ({"access_level": "paid"}, (422, "price_required")),
        ({"access_level": "paid", "price": 0}, (422, "price_required")),
        ({"plan_ids": [2**63 - 1]}, (404, "plan_not_found")),
        ({"available_from": "2030-01-02T00:00:00Z", "available_to": "2030-01-02T00:00:00Z"}, (422, "validation_error")),
        ({"access_level": None}, (422, "validation_error")),
        ({"currency": "USD"}, (422, "validation_error")),
        ({"granted_user_ids": ["x"]}, (422, "validation_error")),
        ({"owner": 1}, (422, "validation_error")),
    ],
)
def test_a_paywall_that_cannot_stand_is_refused(content, author, create, wall, error):
    content_id = create()["content_id"]

    assert content.put(f"/contents/access-control/{content_id}", wall, token=author).error == error
    assert content.get(f"/contents/access-control/{content_id}", token=author).data["access_level"] == "free"


def test_what_is_sold_keeps_a_price(content, author, create):
    content_id = create(access_level="paid", price=5)["content_id"]

    for path in (f"/contents/access-control/{content_id}", f"/contents/update/{content_id}"):
        assert content.put(path, {"price": None}, token=author).error == (422, "price_required")


def test_another_creators_plan_is_not_found(content, author, create, house):
    content_id, theirs = create()["content_id"], build.plan(house, OTHER)

    reply = content.put(f"/contents/access-control/{content_id}", {"plan_ids": [theirs]}, token=author)

    assert reply.error == (404, "plan_not_found")


def test_the_published_read_says_what_sells(publish, author, content, house):
    content_id = publish(title="Old", access_level="paid", price=990)
    with house.acting("payments") as db:
        row = db.execute(
            "SELECT title, kind, status, access_level, plan_ids, price, currency FROM content.pub_contents WHERE content_id = %s",
            (content_id,),
        ).fetchone()

    assert row == ("Old", "article", "published", "paid", [], 990, "CNY")
