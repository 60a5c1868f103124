import os
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import requests

from shared import clock
from shared.views import entitlements
from shared.views.entitlements import EntitlementItem
from tests.fixtures.budget import statements
from tests.media import files
from tests.media.conftest import OWNER

READER = 100_777


@pytest.fixture
def work(house):
    """A published work of the owner with these files in it."""

    def publish(access_level, *media_ids, plan_ids=(), granted=(), price=None, status="published", role="main"):
        content_id = house.sql(
            """
            INSERT INTO content.contents (author_id, kind, title, body_format, status, access_level, plan_ids, price,
                preview_percent, granted_user_ids, is_original, published_version, published_at, created_at, updated_at)
            VALUES (%s, 'audio', 't', 'markdown', %s, %s, %s, %s, 10, %s, true, 1, now(), now(), now())
            RETURNING content_id
            """,
            (OWNER, status, access_level, list(plan_ids), price, list(granted)),
        )[0][0]
        house.sql(
            "INSERT INTO content.content_versions VALUES (%s, 1, 't', '', 'markdown', %s, 0, NULL, %s, now())",
            (content_id, list(media_ids), OWNER),
        )
        for position, media_id in enumerate(media_ids):
            house.sql("INSERT INTO content.content_media VALUES (%s, %s, %s, %s)", (content_id, media_id, role, position))
        return content_id

    return publish


def test_a_private_file_is_for_its_owner_and_staff_alone(media, owner, sign_in, send):
    media_id = send(files.PDF, "application/pdf")

    for path in (f"/media/{media_id}", f"/media/{media_id}/download"):
        assert media.get(path, token=owner).status == 200
        assert media.get(path, token=sign_in(2, permissions=("media:read",))).status == 200
        assert media.get(path, token=sign_in(3, permissions=("user:read",))).error == (403, "access_denied")
        assert media.get(path, token=sign_in(READER)).error == (403, "access_denied")
    assert media.get(f"/media/{media_id}/download").error == (403, "access_denied")


@pytest.mark.parametrize("path", ["/media/{}", "/media/{}/download"])
@pytest.mark.parametrize("media_id", [0, 424_242, 2**63 - 1])
def test_an_unknown_file_is_not_found(media, owner, path, media_id):
    assert media.get(path.format(media_id), token=owner).error == (404, "media_not_found")


def test_a_deleted_file_is_not_found(media, owner, house, send):
    media_id = send(files.PDF, "application/pdf")
    house.sql("UPDATE media.media_files SET status = 'deleted'")

    assert media.get(f"/media/{media_id}", token=owner).error == (404, "media_not_found")


def test_a_download_is_a_signed_address_for_300_seconds_under_the_owners_name_for_the_file(media, owner, send):
    media_id = send(files.PDF, "application/pdf", filename='讲义 "一".pdf')

    reply = media.get(f"/media/{media_id}/download", token=owner).data

    assert (reply["expires_in"], reply["watermark_id"]) == (300, None)
    query = parse_qs(urlsplit(reply["url"]).query)
    assert query["X-Amz-Expires"] == ["300"]
    assert unquote(query["response-content-disposition"][0]) == "attachment; filename*=UTF-8''讲义 \"一\".pdf"
    assert requests.get(reply["url"], timeout=10).content == files.PDF


def test_only_what_a_browser_may_show_is_served_inline(media, owner, send):
    pdf, text = send(files.PDF, "application/pdf"), send(b"plain words", "text/plain")
    shown = {
        media_id: parse_qs(
            urlsplit(
                media.get(f"/media/{media_id}/download", token=owner, query={"disposition": "inline"}).data["url"]
            ).query
        )["response-content-disposition"][0].partition(";")[0]
        for media_id in (pdf, text)
    }

    assert shown == {pdf: "inline", text: "attachment"}


def test_a_public_image_is_given_as_a_rendition_and_its_original_to_the_owner_only(media, owner, send):
    media_id = send(files.photo_with_a_place(), visibility="public")
    path = f"/media/{media_id}/download"

    anonymous, own = media.get(path).data["url"], media.get(path, token=owner).data["url"]

    assert anonymous.startswith(f"http://house.test/media/r/{media_id}/v1/w640-")
    assert os.environ["BUCKET_MEDIA_PRIVATE"] in own
    small = media.get(path, query={"variant": "w320"}).data["url"]
    assert "/w320-" in small
    assert media.get(path, query={"variant": "w9"}).error == (404, "variant_not_found")
    assert media.get(path, query={"version": 2}).error == (404, "media_not_found")
    assert media.get(path, query={"version": 1}, token=owner).data["url"].split("?")[0] == own.split("?")[0]


def test_a_rendition_cannot_be_found_from_the_id_alone(media, owner, send):
    media_id = send(files.jpeg())
    found = media.get(f"/media/{media_id}", token=owner).data

    name = found["url"].rsplit("/", 1)[1]
    assert name == f"w1280-{found['checksum_sha256'][:20]}.webp"


def test_files_of_a_work_open_with_the_work(media, sign_in, house, send, work):
    free, bought, other = (send(files.MP3, "audio/mpeg") for _ in range(3))
    work("free", free)
    content_id = work("paid", bought, price=100)
    work("paid", other, price=100)
    reader = sign_in(READER)

    def status(media_id, token=reader):
        return media.get(f"/media/{media_id}/download", token=token).status

    assert [status(free), status(bought), status(other), status(free, None), status(bought, None)] == [
        200,
        403,
        403,
        200,
        403,
    ]

    entitlements.put(EntitlementItem(f"U#{READER}", f"CONTENT#{content_id}", source="purchase", version=1))
    assert [status(bought), status(other)] == [200, 403]

    house.sql("UPDATE content.contents SET status = 'draft'")
    assert [status(free), status(bought)] == [403, 403]


def test_a_subscription_opens_files_of_its_plan_and_of_lower_tiers(media, sign_in, house, send, work):
    def plan(tier, scope="all"):
        return house.sql(
            """
            INSERT INTO subscriptions.subscription_plans (creator_id, name, tier, amount, interval, trial_days, benefits,
                permissions, content_scope, content_ids, status, created_at, updated_at)
            VALUES (%s, %s, %s, 100, 'month', 0, '[]', '{}', %s, '{}', 'active', now(), now()) RETURNING plan_id
            """,
            (OWNER, f"{tier}{scope}", tier, scope),
        )[0][0]

    low, mid, high, narrow = plan(1), plan(2), plan(3), plan(9, "selected")
    any_plan, for_mid = send(files.MP3, "audio/mpeg"), send(files.MP3 + b"1", "audio/mpeg")
    work("subscribers", any_plan)
    work("subscribers", for_mid, plan_ids=[mid])

    def opened(uid, plan_id, tier, **more):
        until = int((clock.now() + timedelta(days=30)).timestamp())
        rights = {"source": "subscription", "plan_id": plan_id, "tier": tier, "version": 1, "valid_until": until} | more
        entitlements.put(EntitlementItem(f"U#{uid}", f"CREATOR#{OWNER}", **rights))
        token = sign_in(uid)
        return [media.get(f"/media/{media_id}/download", token=token).status == 200 for media_id in (any_plan, for_mid)]

    assert opened(1, low, 1) == [True, False]
    assert opened(2, mid, 2) == [True, True]
    assert opened(3, high, 3) == [True, True]
    assert opened(4, narrow, 9) == [False, False]
    assert opened(5, mid, 2, revoked=1) == [False, False]
    assert opened(6, mid, 2, valid_until=int(clock.now().timestamp()) - 1) == [False, False]


def test_a_stranger_cannot_open_a_file_by_putting_it_into_a_work_of_theirs(media, sign_in, house, send, work):
    media_id = send(files.MP3, "audio/mpeg")
    content_id = work("free", media_id)
    house.sql("UPDATE content.contents SET author_id = %s WHERE content_id = %s", (READER, content_id))

    assert media.get(f"/media/{media_id}/download", token=sign_in(READER)).error == (403, "access_denied")


def test_the_list_shows_own_files_with_filters_room_and_quota(media, owner, sign_in, announce, send):
    image, pdf = send(files.png(), "image/png", filename="Cover.png"), send(files.PDF, "application/pdf", filename="a%b.pdf")
    announce(b"123", token=sign_in(OWNER + 1))

    def ids(**query):
        return [item["media_id"] for item in media.get("/media/list", token=owner, query=query).data["items"]]

    page = media.get("/media/list", token=owner).data
    assert (page["total"], page["used_bytes"]) == (2, len(files.png()) + len(files.PDF))
    assert page["quota_bytes"] == 10 * 1024**3
    assert [item["media_id"] for item in page["items"]] == [pdf, image]
    assert (ids(kind="image"), ids(q="cover"), ids(q="%"), ids(status="ready"), ids(status="uploading")) == (
        [image],
        [image],
        [pdf],
        [pdf, image],
        [],
    )
    assert (ids(sort_by="size", sort_order="asc")[0], ids(tag="x"), ids(folder="x"), ids(category_id=1)) == (pdf, [], [], [])
    assert media.get("/media/list", token=owner, query={"sort_by": "owner_id"}).error == (422, "validation_error")
    assert media.get("/media/list").error == (401, "unauthenticated")


def test_reads_take_two_statements_at_most(*, media, owner, sign_in, house, send, work):
    media_id = send(files.MP3, "audio/mpeg")
    work("paid", media_id, price=5)
    reader = sign_in(READER)

    assert statements(house, "media", lambda: media.get("/media/list", token=owner)) == 2
    assert statements(house, "media", lambda: media.get(f"/media/{media_id}", token=owner)) == 1
    assert statements(house, "media", lambda: media.get(f"/media/{media_id}/download", token=reader)) == 1
