from itertools import product

import pytest

from tests.content import build
from tests.content.build import AUTHOR


@pytest.fixture
def ids(content):
    def listed(token=None, **query):
        return [one["content_id"] for one in content.get("/contents/list", token=token, query=query).data["items"]]

    return listed


@pytest.fixture
def category(house):
    return lambda slug: house.sql("SELECT category_id FROM content.content_categories WHERE slug = %s", (slug,))[0][0]


def test_a_list_shows_published_works_without_their_texts(content, publish, create, house):
    cover = build.file(house)
    create(title="a draft")
    content_id = publish(title="Shown", cover_media_id=cover, tags=["x"], access_level="paid", price=5)

    page = content.get("/contents/list").data

    (found,) = page["items"]
    assert (found["content_id"], found["title"], found["author"]["username"]) == (content_id, "Shown", "author")
    assert found["cover_url"].endswith(f"/r/{cover}/v1/w320-x.webp")
    assert ([tag["name"] for tag in found["tags"]], found["price"], found["viewer"]) == (["x"], 5, None)
    assert not {"body", "body_html", "media"} & found.keys()
    assert (page["total"], page["page"], page["page_size"], page["next_cursor"]) == (1, 1, 10, None)


def test_filters_narrow_a_list(*, ids, publish, other, content, create, category, house):
    video = build.file(house, kind="video")
    article = publish(category_ids=[category("programming")], tags=["Python"])
    film = publish(kind="video", media_ids=[video], category_ids=[category("finance")])
    theirs = create(token=other)["content_id"]
    content.post(f"/contents/publish/{theirs}", token=other)
    house.sql("UPDATE content.contents SET featured = true WHERE content_id = %s", (film,))

    assert ids() == [theirs, film, article]
    assert ids(kind="video") == [film]
    assert ids(author_id=AUTHOR) == [film, article]
    assert ids(category_id=category("programming")) == [article]
    assert ids(category_id=category("technology")) == [article]
    assert ids(category_id=2**63 - 1) == []
    assert ids(tag="PYTHON") == [article]
    assert ids(tag="Pyth") == []
    assert ids(featured=True) == [film]
    assert ids(featured=False, author_id=AUTHOR) == [article]
    assert ids(status="draft") == []


def test_an_author_sees_own_works_in_every_state(*, ids, author, reader, publish, create, content):
    draft, shown = create()["content_id"], publish()
    gone = create()["content_id"]
    content.delete(f"/contents/delete/{gone}", token=author)

    assert sorted(ids(author, author_id=AUTHOR)) == [draft, shown]
    assert ids(author, author_id=AUTHOR, status="draft") == [draft]
    assert ids(reader, author_id=AUTHOR) == [shown]
    assert ids(reader, author_id=AUTHOR, status="draft") == []


def test_every_order_pages_through_everything_once(content, author, publish, house):
    made = [publish(title=f"T{number}") for number in range(7)]
    for number, content_id in enumerate(made):
        counts = (number % 3, 7 - number, content_id)
        house.sql("UPDATE content.content_stats SET views = %s, likes = %s WHERE content_id = %s", counts)
    first = {"published_at": made[6], "created_at": made[6], "views": made[5], "likes": made[0]}

    def page(**query):
        found = content.get("/contents/list", token=author, query=query).data
        assert found["total"] == 7
        return [one["content_id"] for one in found["items"]], found["next_cursor"]

    for sort_by, mine, order in product(first, ({}, {"author_id": AUTHOR}), ("desc", "asc")):
        query = {"sort_by": sort_by, "sort_order": order} | mine
        whole, _ = page(**query)
        seen, cursor = page(**query, page_size=3)
        while cursor:
            more, cursor = page(**query, page_size=3, cursor=cursor)
            seen += more
        assert seen == whole
        assert sorted(seen) == made
        assert whole[0 if order == "desc" else -1] == first[sort_by]


@pytest.mark.parametrize(
    "query", [{"sort_by": "price"}, {"page_size": 101}, {"status": "secret"}, {"author_id": 2**63}, {"cursor": "x"}]
)
def test_what_a_list_does_not_know_is_refused(content, query):
    assert content.get("/contents/list", query=query).error == (422, "validation_error")


def test_own_drafts_are_the_drafts_and_the_rejected(*, content, author, other, create, publish, house):
    publish()
    rejected, draft = create()["content_id"], create(kind="audio", body=None)["content_id"]
    create(token=other)
    house.sql("UPDATE content.contents SET status = 'rejected', rejected_reason = 'r' WHERE content_id = %s", (rejected,))

    page = content.get("/contents/draft", token=author).data

    assert [(one["content_id"], one["rejected_reason"], one["has_autosave"]) for one in page["items"]] == [
        (draft, None, False),
        (rejected, "r", False),
    ]
    assert content.get("/contents/draft", token=author, query={"kind": "audio"}).data["total"] == 1
    assert content.get("/contents/draft").error == (401, "unauthenticated")


def test_categories_are_a_tree_in_the_readers_language(content, category):
    english = content.get("/categories/list").data["items"]
    chinese = content.get("/categories/list", headers={"accept-language": "zh-CN"}).data["items"]

    assert [one["name"] for one in english[:2]] == ["Technology", "Finance"]
    assert [one["name"] for one in chinese[:2]] == ["科技", "财经"]
    assert [one["slug"] for one in english[0]["children"]] == ["programming", "artificial-intelligence"]
    assert english[0]["children"][0]["parent_id"] == english[0]["category_id"]
    below = content.get("/categories/list", query={"parent_id": category("finance")}).data["items"]
    assert [one["slug"] for one in below] == ["investing", "quantitative-trading"]
    flat = content.get("/categories/list", query={"flat": True}).data["items"]
    assert (len(flat), {len(one["children"]) for one in flat}) == (12, {0})
    assert content.get("/categories/list", query={"flat": True, "parent_id": category("finance")}).data["items"] == below
    assert content.get("/categories/list", query={"parent_id": 424_242}).data["items"] == []


def test_works_of_who_has_left_are_hidden_until_they_are_back(*, ids, publish, house, content):
    content_id = publish()
    for status, shown in (("inactive", []), ("pending_deletion", []), ("deleted", [content_id]), ("active", [content_id])):
        house.sql("UPDATE identity.users SET status = %s WHERE uid = %s", (status, AUTHOR))
        assert ids() == ids(sort_by="likes") == shown
        assert content.get("/contents/list").data["total"] == len(shown)
    house.sql("UPDATE identity.users SET status = 'inactive' WHERE uid = %s", (AUTHOR,))
    assert content.get(f"/contents/detail/{content_id}").status == 200, "who has the address, or paid for it, still opens it"
