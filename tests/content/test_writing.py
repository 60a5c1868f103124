import pytest

from tests.content import build
from tests.content.build import AUTHOR, OTHER
from tests.fixtures.budget import statements

FREE = {"title": "T", "kind": "article"}


def categories(house, *slugs):
    return [house.sql("SELECT category_id FROM content.content_categories WHERE slug = %s", (slug,))[0][0] for slug in slugs]


def test_a_draft_is_answered_as_the_contract_has_it(content, author, house):
    cover, picture = build.file(house), build.file(house)
    tech, code = categories(house, "technology", "programming")
    plan = build.plan(house)

    reply = content.post(
        "/contents/create",
        {
            "title": "  标题  ",
            "kind": "article",
            "body": "    code first\n\ntext",
            "summary": "s",
            "cover_media_id": cover,
            "media_ids": [picture, picture],
            "category_ids": [code, tech],
            "tags": ["Python", "python", "入门"],
            "access_level": "subscribers",
            "plan_ids": [plan],
            "price": 990,
            "preview_percent": 20,
            "preview_seconds": 30,
            "is_original": False,
            "metadata": {"series": 1},
        },
        token=author,
    )

    assert reply.status == 201
    found = reply.data
    assert found["author"] == {
        "user_id": AUTHOR,
        "username": "author",
        "display_name": "Author",
        "avatar_url": None,
    }
    assert (found["title"], found["body"]) == ("标题", "    code first\n\ntext")
    assert found["body_html"].startswith("<pre><code>code first")
    assert found["cover_url"] == f"http://house.test/media/r/{cover}/v1/w320-x.webp"
    assert [one["media_id"] for one in found["media"]] == [picture]
    assert [one["name"] for one in found["categories"]] == ["Technology", "Programming"]
    assert [(one["name"], one["usage_count"]) for one in found["tags"]] == [("Python", 1), ("入门", 1)]
    assert (found["status"], found["version"], found["published_version"], found["published_at"]) == ("draft", 1, None, None)
    assert (found["access_level"], found["plan_ids"], found["price"], found["currency"]) == (
        "subscribers",
        [plan],
        990,
        "CNY",
    )
    assert (found["is_preview"], found["is_original"], found["preview_percent"]) == (False, False, 20)
    assert found["stats"] == {"views": 0, "likes": 0, "favorites": 0, "comments": 0, "shares": 0}
    assert found["viewer"] == {"liked": False, "favorited": False, "has_access": True}
    assert house.sql("SELECT media_id, role FROM content.content_media ORDER BY role") == [
        (picture, "body"),
        (cover, "cover"),
    ]
    assert house.sql("SELECT word_count, editor_id FROM content.content_versions") == [(3, AUTHOR)]


def test_only_creators_write(content, reader):
    assert content.post("/contents/create", FREE).error == (401, "unauthenticated")
    assert content.post("/contents/create", FREE, token=reader).error == (403, "creator_required")


@pytest.mark.parametrize(
    "bad",
    [
        {"title": ""},
        {"title": "   "},
        {"title": "x" * 201},
        {"kind": "poem"},
        {"body": "中" + "x" * 1024**2},
        {"summary": "x" * 501},
        {"tags": [str(n) for n in range(11)]},
        {"tags": ["x" * 31]},
        {"tags": [" "]},
        {"category_ids": [1, 2, 3, 4, 5, 6]},
        {"media_ids": [2**63]},
        {"cover_media_id": 0},
        {"price": -1},
        {"price": 10**14},
        {"preview_percent": 101},
        {"preview_percent": None},
        {"metadata": {"x": "y" * 20_000}},
        {"metadata": []},
        {"body": "a\u0000b"},
        {"unknown": 1},
    ],
)
def test_a_malformed_work_is_refused_and_leaves_nothing(content, author, house, bad):
    assert content.post("/contents/create", FREE | bad, token=author).error == (422, "validation_error")
    assert house.sql("SELECT count(*) FROM content.contents") == [(0,)]


@pytest.mark.parametrize("price", [None, 0])
def test_what_is_paid_for_needs_a_price(content, author, price):
    body = FREE | {"access_level": "paid", "price": price}

    assert content.post("/contents/create", body, token=author).error == (422, "price_required")


def test_a_work_refers_only_to_what_is_there_and_its_authors_own(content, author, house):
    theirs, video = build.file(house, OTHER), build.file(house, kind="video")
    rejected, deleted = build.file(house, status="rejected"), build.file(house, status="deleted")
    foreign_plan = build.plan(house, OTHER)
    for fields, error in (
        ({"cover_media_id": theirs}, "media_not_found"),
        ({"cover_media_id": video}, "media_not_found"),
        ({"media_ids": [rejected]}, "media_not_found"),
        ({"media_ids": [deleted]}, "media_not_found"),
        ({"media_ids": [2**63 - 1]}, "media_not_found"),
        ({"category_ids": [2**63 - 1]}, "category_not_found"),
        ({"plan_ids": [foreign_plan]}, "plan_not_found"),
    ):
        assert content.post("/contents/create", FREE | fields, token=author).error == (404, error), fields
    assert content.post("/contents/create", FREE | {"media_ids": [video]}, token=author).status == 201


def test_a_change_of_title_text_or_files_makes_a_version_and_nothing_else_does(content, author, create, house):
    content_id = create()["content_id"]
    picture = build.file(house)

    def change(**fields):
        return content.put(f"/contents/update/{content_id}", fields, token=author).data["version"]

    assert change(summary="new", tags=["a"], category_ids=categories(house, "finance"), preview_percent=50) == 1
    assert change(title="A title", body="First.\n\nSecond.") == 1
    assert change(title="Other", change_note="why") == 2
    assert change(body="New text") == 3
    assert change(media_ids=[picture]) == 4
    assert change() == 4

    listed = content.get(f"/contents/versions/{content_id}", token=author).data
    assert [(one["version"], one["title"], one["change_note"], one["is_current"]) for one in listed["items"]] == [
        (4, "Other", None, True),
        (3, "Other", None, False),
        (2, "Other", "why", False),
        (1, "A title", None, False),
    ]
    second = content.get(f"/contents/versions/{content_id}/2", token=author).data
    assert (second["body"], second["body_format"], second["media_ids"], second["word_count"]) == (
        "First.\n\nSecond.",
        "markdown",
        [],
        2,
    )


def test_what_is_left_out_stays_and_null_empties(content, author, create, house):
    cover = build.file(house)
    made = create(summary="s", cover_media_id=cover, tags=["a", "b"], price=5, metadata={"k": 1})
    path = f"/contents/update/{made['content_id']}"

    kept = content.put(path, {"title": "N"}, token=author).data
    assert (kept["summary"], kept["cover_url"], [t["name"] for t in kept["tags"]], kept["price"]) == (
        "s",
        made["cover_url"],
        ["a", "b"],
        5,
    )
    emptied = content.put(
        path, {"summary": None, "cover_media_id": None, "tags": ["b", "c"], "price": None}, token=author
    ).data
    assert (emptied["summary"], emptied["cover_url"], [t["name"] for t in emptied["tags"]], emptied["price"]) == (
        None,
        None,
        ["b", "c"],
        None,
    )
    assert dict(house.sql("SELECT name, usage_count FROM content.content_tags")) == {"a": 0, "b": 1, "c": 1}
    for name in ("title", "kind", "tags", "media_ids", "access_level", "is_original"):
        assert content.put(path, {name: None}, token=author).error == (422, "validation_error")


def test_an_edit_based_on_an_old_version_is_a_conflict(content, author, create):
    content_id = create()["content_id"]
    path = f"/contents/update/{content_id}"
    assert content.put(path, {"title": "Mine", "base_version": 1}, token=author).data["version"] == 2

    late = content.put(path, {"title": "Late", "base_version": 1}, token=author)

    assert late.error == (409, "version_conflict")
    assert late.json["details"] == {"current_version": 2}


def test_another_creator_may_not_touch_a_work(content, other, create):
    content_id = create()["content_id"]

    assert content.put(f"/contents/update/{content_id}", {"title": "x"}, token=other).error == (403, "not_content_editor")
    assert content.delete(f"/contents/delete/{content_id}", token=other).error == (403, "not_content_owner")
    assert content.get(f"/contents/versions/{content_id}", token=other).error == (403, "not_content_editor")
    assert content.get(f"/contents/versions/{content_id}/1", token=other).error == (403, "not_content_editor")
    for row in ("publish", "draft"):
        assert content.post(f"/contents/{row}/{content_id}", token=other).error == (404, "content_not_found")
    late = {"publish_at": "2999-01-01T00:00:00Z"}
    assert content.post(f"/contents/schedule/{content_id}", late, token=other).error == (404, "content_not_found")


def test_a_collaborating_editor_writes_but_does_not_set_the_price(content, other, create, house):
    content_id = create()["content_id"]
    house.sql("INSERT INTO content.content_collaborators VALUES (%s, %s, 'editor', now(), now())", (content_id, OTHER))
    path = f"/contents/update/{content_id}"

    assert content.put(path, {"title": "Together"}, token=other).data["title"] == "Together"
    assert content.put(path, {"price": 5}, token=other).error == (403, "not_content_editor")
    assert content.get(f"/contents/versions/{content_id}", token=other).data["items"][0]["editor_id"] == OTHER
    house.sql("UPDATE content.content_collaborators SET role = 'viewer'")
    assert content.put(path, {"title": "Alone"}, token=other).error == (403, "not_content_editor")
    assert content.get(f"/contents/detail/{content_id}", token=other).data["title"] == "Together"


@pytest.mark.parametrize("content_id", [0, 424_242, 2**63 - 1])
def test_unknown_works_are_not_found(content, author, content_id):
    for method, path, body in (
        ("PUT", "/contents/update/{}", {"title": "x"}),
        ("DELETE", "/contents/delete/{}", None),
        ("GET", "/contents/detail/{}", None),
        ("POST", "/contents/publish/{}", {}),
        ("POST", "/contents/draft/{}", {}),
        ("POST", "/contents/schedule/{}", {"publish_at": "2999-01-01T00:00:00Z"}),
        ("GET", "/contents/versions/{}", None),
        ("GET", "/contents/access-control/{}", None),
        ("PUT", "/contents/access-control/{}", {"watermark": True}),
        ("GET", "/contents/{}/trial", None),
    ):
        reply = content.call(method, path.format(content_id), token=author, json_body=body)
        assert reply.error == (404, "content_not_found"), path
        beyond = content.call(method, path.format(2**63), token=author, json_body=body)
        assert beyond.error == (422, "validation_error"), path
    assert content.get(f"/contents/versions/{content_id}/1", token=author).error == (404, "version_not_found")


def test_a_deleted_work_is_gone_for_all_and_may_be_had_back_for_thirty_days(content, author, create, publish, other):
    for content_id, for_others in ((create()["content_id"], 404), (publish(), 410)):
        gone = content.delete(f"/contents/delete/{content_id}", token=author).data
        assert (gone["content_id"], gone["status"], gone["restorable_until"][-1]) == (content_id, "deleted", "Z")
        assert content.get(f"/contents/detail/{content_id}", token=author).status == 410
        assert content.get(f"/contents/detail/{content_id}", token=other).status == for_others
        assert content.delete(f"/contents/delete/{content_id}", token=author).error == (404, "content_not_found")
        assert content.put(f"/contents/update/{content_id}", {"title": "x"}, token=author).status == 404


def test_writing_takes_three_statements(content, author, create, house):
    cover = build.file(house)
    fields = FREE | {"cover_media_id": cover, "tags": ["a", "b"], "category_ids": categories(house, "finance")}
    content_id = create()["content_id"]

    def update():
        content.put(f"/contents/update/{content_id}", {"title": "x", "tags": ["b"]}, token=author)

    assert statements(house, "content", lambda: content.post("/contents/create", fields, token=author)) == 3
    assert statements(house, "content", update) == 3


def test_versions_can_never_be_changed(create, house):
    create()
    with house.acting("content") as db:
        privileges = db.execute(
            "SELECT has_table_privilege('content.content_versions', 'UPDATE'), has_table_privilege('content.content_versions', 'DELETE')"
        ).fetchone()

    assert privileges == (False, False)


@pytest.mark.parametrize("sent", ["xyz", "2", "", "{}"])
def test_other_bodies_than_json_objects_are_refused(content, author, sent):
    reply = content.call(
        "POST", "/contents/create", token=author, json_body=sent, headers={"content-type": "application/json"}
    )

    assert reply.error == (422, "validation_error")
