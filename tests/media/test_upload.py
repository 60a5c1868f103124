import hashlib
import os
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from functions.media import expire_uploads
from shared import aws, clock
from shared.sql.tunables import forget_tunables
from tests.fixtures.budget import statements
from tests.media.conftest import OWNER, private_objects, public_objects, put
from tests.media.files import jpeg

GIB = 1024**3


def used(house):
    return house.sql("SELECT used_bytes FROM media.media_usage WHERE owner_id = %s", (OWNER,))[0][0]


def test_an_upload_is_announced_with_a_signed_address_for_exactly_this_file(announce, key_of):
    data = jpeg()
    checksum = hashlib.sha256(data).hexdigest()

    started = announce(data, filename="../.././etc/我的 照片.jpg", checksum_sha256=checksum.upper())

    media, upload = started["media"], started["upload"]
    assert (media["status"], media["kind"], media["size"], media["url"]) == ("uploading", "image", len(data), None)
    assert media["filename"] == "../.././etc/我的 照片.jpg"
    assert key_of(media["media_id"]) == f"u/{OWNER}/{media['media_id']}/v1/jpg"
    assert (upload["mode"], upload["method"], upload["expires_in"], upload["parts"]) == ("single", "PUT", 900, None)
    query = parse_qs(urlsplit(upload["url"]).query)
    assert query["X-Amz-Expires"] == ["900"]
    assert query["X-Amz-SignedHeaders"] == ["content-length;content-type;host;if-none-match;x-amz-checksum-sha256"]


def test_the_journey_of_a_cover_from_address_to_public_renditions(media, owner, announce, key_of, deliver):
    data = jpeg()
    started = announce(data, visibility="public")
    media_id = started["media"]["media_id"]
    assert media.post(f"/media/{media_id}/complete", token=owner).error == (409, "upload_incomplete")

    put(started["upload"], data)
    assert media.post(f"/media/{media_id}/complete", token=owner).data["status"] == "scanning"
    assert media.post(f"/media/{media_id}/complete", token=owner).data["status"] == "scanning"
    deliver(key_of(media_id))

    ready = media.post(f"/media/{media_id}/complete", token=owner).data
    assert (ready["status"], ready["width"], ready["height"]) == ("ready", 1600, 1200)
    assert ready["checksum_sha256"] == hashlib.sha256(data).hexdigest()
    assert [(v["name"], v["width"], v["height"]) for v in ready["variants"]] == [
        ("w1280", 1280, 960),
        ("w640", 640, 480),
        ("w320", 320, 240),
    ]
    assert ready["url"] == ready["variants"][0]["url"]
    assert ready["url"].startswith(f"http://house.test/media/r/{media_id}/v1/w1280-")
    assert [f"http://house.test/media/{key}" for key in public_objects()] == sorted(v["url"] for v in ready["variants"])
    assert media.get(f"/media/{media_id}", token=owner).data == ready


def test_inspection_may_be_over_before_the_client_says_it_is_complete(media, owner, send):
    media_id = send(jpeg())

    assert media.post(f"/media/{media_id}/complete", token=owner).data["status"] == "ready"


@pytest.mark.parametrize("content_type", ["image/svg+xml", "text/html", "application/x-msdownload", "image/avif", "x/y"])
def test_types_off_the_list_are_refused(media, owner, content_type):
    body = {"filename": "a", "content_type": content_type, "size": 5}

    assert media.post("/media/upload", body, token=owner).error == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("content_type", "limit"),
    [
        ("image/png", 20 * 1024**2),
        ("audio/mpeg", 500 * 1024**2),
        ("video/mp4", 5 * GIB),
        ("application/pdf", 100 * 1024**2),
        ("application/zip", 100 * 1024**2),
    ],
)
def test_each_kind_has_its_size_limit(media, owner, content_type, limit):
    body = {"filename": "a", "content_type": content_type, "size": limit}

    assert media.post("/media/upload", body, token=owner).status == 201
    assert media.post("/media/upload", body | {"size": limit + 1}, token=owner).error == (413, "file_too_large")


def test_a_file_above_100_mb_is_sent_in_parts_and_put_together(media, owner, house, key_of):
    size = 100 * 1024**2 + 1
    body = {"filename": "talk.mp4", "content_type": "video/mp4; codecs=avc1", "size": size}
    started = media.post("/media/upload", body, token=owner).data
    media_id, upload = started["media"]["media_id"], started["upload"]
    assert (upload["mode"], upload["url"], len(upload["parts"])) == ("multipart", None, 2)
    assert media.post(f"/media/{media_id}/complete", token=owner).error == (409, "upload_incomplete")

    # Small parts in the place of the signed sizes: the emulated S3 does not check them, so the size does not fit.
    house.sql("UPDATE media.media_files SET size = %s WHERE media_id = %s", (5 * 1024**2 + 3, media_id))
    etags = []
    for part, data in zip(upload["parts"], (b"x" * 5 * 1024**2, b"end"), strict=True):
        etags.append(requests.put(part["url"], data=data, timeout=10).headers["ETag"])
    parts = [{"part_number": number, "etag": etag} for number, etag in enumerate(etags, 1)]
    wrong = [{"part_number": 1, "etag": "nope"}]
    assert media.post(f"/media/{media_id}/complete", {"parts": wrong}, token=owner).error == (409, "upload_incomplete")

    done = media.post(f"/media/{media_id}/complete", {"parts": parts[::-1]}, token=owner)

    assert done.data["status"] == "scanning"
    assert private_objects() == [key_of(media_id)]
    # A client that did not hear the answer asks again, although S3 knows this upload no more.
    house.sql("UPDATE media.media_files SET status = 'uploading' WHERE media_id = %s", (media_id,))
    assert media.post(f"/media/{media_id}/complete", {"parts": parts}, token=owner).data["status"] == "scanning"


def test_the_quota_counts_what_is_announced_and_creators_have_more(media, sign_in, house):
    body = {"filename": "a", "content_type": "video/mp4", "size": 5 * GIB}
    user, creator = sign_in(OWNER), sign_in(OWNER + 1, roles=("creator",))
    for token in (user, creator):
        assert [media.post("/media/upload", body, token=token).status for _ in range(2)] == [201, 201]

    assert media.post("/media/upload", body | {"size": 1}, token=user).error == (403, "storage_quota_exceeded")
    assert media.post("/media/upload", body, token=creator).status == 201
    assert used(house) == 10 * GIB


def test_a_quota_below_one_file_refuses_the_very_first(media, owner, house):
    house.sql("INSERT INTO admin.system_settings VALUES ('media.quota_bytes.user', '4', 1, now())")
    forget_tunables()
    body = {"filename": "a", "content_type": "image/png", "size": 5}

    assert media.post("/media/upload", body, token=owner).error == (403, "storage_quota_exceeded")


def test_a_category_must_be_ones_own(media, owner, house):
    made = "INSERT INTO media.media_categories (owner_id, name, created_at, updated_at) VALUES (%s, 'x', now(), now()) RETURNING 1, category_id"
    own, others = (house.sql(made, (uid,))[0][1] for uid in (OWNER, OWNER + 1))
    body = {"filename": "a", "content_type": "image/png", "size": 5}

    assert media.post("/media/upload", body | {"category_id": own}, token=owner).data["media"]["category_id"] == own
    for unknown in (others, 2**63 - 1):
        reply = media.post("/media/upload", body | {"category_id": unknown}, token=owner)
        assert reply.error == (404, "category_not_found")
    assert used(house) == 5


@pytest.mark.parametrize(
    "bad",
    [
        {"size": 0},
        {"size": -1},
        {"size": 2**63},
        {"size": "x"},
        {"filename": ""},
        {"filename": "a\u0000b"},
        {"checksum_sha256": "abc"},
        {"visibility": "subscribers"},
        {"category_id": 2**64},
        {"extra": 1},
    ],
)
def test_malformed_announcements_are_refused_and_leave_nothing(media, owner, house, bad):
    body = {"filename": "a", "content_type": "image/png", "size": 5} | bad

    assert media.post("/media/upload", body, token=owner).error == (422, "validation_error")
    assert house.sql("SELECT count(*) FROM media.media_files") == [(0,)]


def test_uploading_needs_a_signed_in_user(media):
    assert media.post("/media/upload", {}).error == (401, "unauthenticated")


@pytest.mark.parametrize("media_id", [0, 424_242, 2**63 - 1])
def test_completing_what_is_not_ones_own_is_not_found(media, sign_in, announce, media_id):
    theirs = announce(b"12345")["media"]["media_id"]
    stranger = sign_in(OWNER + 1)

    for unknown in (media_id, theirs):
        assert media.post(f"/media/{unknown}/complete", token=stranger).error == (404, "media_not_found")
    assert media.post(f"/media/{2**63}/complete", token=stranger).error == (422, "validation_error")


def test_an_object_of_another_size_is_not_taken_for_complete(media, owner, announce, key_of):
    media_id = announce(b"12345")["media"]["media_id"]
    aws.client("s3").put_object(Bucket=os.environ["BUCKET_MEDIA_PRIVATE"], Key=key_of(media_id), Body=b"123")

    reply = media.post(f"/media/{media_id}/complete", token=owner)

    assert reply.error == (409, "upload_incomplete")
    assert reply.json["details"] == {"expected_size": 5, "size": 3}


def test_a_checksum_s3_knows_to_differ_is_said_at_once(media, owner, announce, key_of):
    media_id = announce(b"12345", checksum_sha256="0" * 64)["media"]["media_id"]
    aws.client("s3").put_object(
        Bucket=os.environ["BUCKET_MEDIA_PRIVATE"], Key=key_of(media_id), Body=b"12345", ChecksumAlgorithm="SHA256"
    )

    assert media.post(f"/media/{media_id}/complete", token=owner).error == (422, "checksum_mismatch")


def test_uploads_that_never_come_are_dropped_after_a_day_and_give_their_room_back(announce, house, send):
    kept = send(jpeg())
    stale = announce(b"x" * 1000)["media"]["media_id"]
    big = announce(b"", "video/mp4", size=5 * GIB)["media"]["media_id"]
    before = used(house)
    assert before > 5 * GIB

    def sweep():
        with house.acting("media"):
            return expire_uploads.handler({}, None)

    assert sweep()["done"] == 0
    with clock.frozen(clock.now() + timedelta(hours=24, seconds=1)):
        assert sweep()["done"] == 2
        assert sweep()["done"] == 0

    assert used(house) == before - 1000 - 5 * GIB
    statuses = dict(house.sql("SELECT media_id, status FROM media.media_files"))
    assert statuses == {kept: "ready", stale: "deleted", big: "deleted"}
    uploads = aws.client("s3").list_multipart_uploads(Bucket=os.environ["BUCKET_MEDIA_PRIVATE"])
    assert uploads.get("Uploads", []) == []


def test_announcing_even_a_multipart_upload_takes_three_statements(media, owner, house):
    body = {"filename": "a", "content_type": "video/mp4", "size": 4 * GIB}

    assert statements(house, "media", lambda: media.post("/media/upload", body, token=owner)) == 3
