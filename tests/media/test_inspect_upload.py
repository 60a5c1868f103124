import io
import os

import pytest
import requests
from PIL import Image

from functions.media.sniff import EICAR
from functions.media.store import find_by_key
from shared import aws
from tests.media import files
from tests.media.conftest import OWNER, private_objects, public_objects, put

HOSTILE = [
    (files.EXE, "image/png", "type_mismatch"),
    (files.SVG, "image/png", "type_mismatch"),
    (files.HTML, "text/plain", "type_mismatch"),
    (files.png(), "image/jpeg", "type_mismatch"),
    (EICAR, "text/plain", "malware_detected"),
    (files.EICAR_PNG, "image/png", "malware_detected"),
    (b"x" * (1024 * 1024 - 30) + EICAR, "text/plain", "malware_detected"),
    (files.png_bomb(), "image/png", "image_too_large"),
    (files.jpeg()[:3000], "image/jpeg", "corrupt_image"),
    (b"\xff\xd8\xff" + b"junk" * 50, "image/jpeg", "corrupt_image"),
]


@pytest.mark.parametrize(("data", "claimed", "reason"), HOSTILE)
def test_a_hostile_file_is_turned_away_and_its_object_removed(*, media, owner, house, send, data, claimed, reason):
    media_id = send(data, claimed, filename="harmless.png")

    found = media.get(f"/media/{media_id}", token=owner).data
    assert (found["status"], found["reject_reason"], found["url"], found["variants"]) == ("rejected", reason, None, [])
    assert (private_objects(), public_objects()) == ([], [])
    assert [fact["reason"] for fact in house.facts("media.rejected.v1")] == [reason]
    assert house.sql("SELECT used_bytes FROM media.media_usage") == [(0,)]
    assert media.get(f"/media/{media_id}/download", token=owner).error == (409, "media_not_ready")


@pytest.mark.parametrize(
    ("data", "claimed", "error"),
    [(files.EXE, "image/png", "type_mismatch"), (EICAR, "text/plain", "malware_detected")],
)
def test_completing_a_rejected_upload_says_why(*, media, owner, send, data, claimed, error):
    media_id = send(data, claimed)

    assert media.post(f"/media/{media_id}/complete", token=owner).error == (422, error)


def test_completing_a_damaged_image_shows_it_rejected(media, owner, send):
    media_id = send(files.jpeg()[:3000])

    assert media.post(f"/media/{media_id}/complete", token=owner).data["reject_reason"] == "corrupt_image"


def test_a_file_that_is_not_its_checksum_is_rejected(media, owner, announce, key_of, deliver):
    media_id = announce(b"%PDF-", "application/pdf", checksum_sha256="0" * 64)["media"]["media_id"]
    aws.client("s3").put_object(Bucket=os.environ["BUCKET_MEDIA_PRIVATE"], Key=key_of(media_id), Body=b"%PDF-")

    deliver(key_of(media_id))

    assert media.post(f"/media/{media_id}/complete", token=owner).error == (422, "checksum_mismatch")


def test_a_file_of_another_size_is_rejected(media, owner, announce, key_of, deliver):
    media_id = announce(b"%PDF-", "application/pdf")["media"]["media_id"]
    aws.client("s3").put_object(Bucket=os.environ["BUCKET_MEDIA_PRIVATE"], Key=key_of(media_id), Body=b"%PDF-1.7")

    deliver(key_of(media_id))

    assert media.get(f"/media/{media_id}", token=owner).data["reject_reason"] == "size_mismatch"


def test_a_notice_that_comes_again_makes_nothing_new(house, send, deliver, key_of):
    media_id = send(files.jpeg())
    before = (public_objects(), house.sql("SELECT * FROM media.media_variants"), house.facts())

    for _ in range(3):
        deliver(key_of(media_id), key_of(media_id))

    assert (public_objects(), house.sql("SELECT * FROM media.media_variants"), house.facts()) == before
    assert [(fact["media_id"], fact["kind"]) for fact in house.facts("media.ready.v1")] == [(media_id, "image")]


def test_a_crash_between_rejecting_and_removing_is_made_good_by_the_next_notice(house, announce, key_of, deliver):
    started = announce(files.EXE, "image/png")
    put(started["upload"], files.EXE)
    key = key_of(started["media"]["media_id"])
    house.sql("UPDATE media.media_files SET status = 'rejected', reject_reason = 'type_mismatch'")

    deliver(key)

    assert private_objects() == []
    assert house.facts() == []


def test_a_crash_after_the_renditions_leaves_the_next_run_the_same_keys(house, announce, key_of, deliver):
    started = announce(files.jpeg())
    put(started["upload"], files.jpeg())
    key = key_of(started["media"]["media_id"])
    deliver(key)
    first = public_objects()
    house.sql("DELETE FROM media.media_variants")
    house.sql("UPDATE media.media_files SET status = 'scanning'")

    deliver(key)

    assert public_objects() == first
    assert house.sql("SELECT count(*) FROM media.media_variants") == [(3,)]


def test_notices_of_unknown_objects_and_of_none_are_taken(deliver, house, announce, key_of):
    gone = announce(b"12345")["media"]["media_id"]

    assert deliver("u/1/2/v1/unknown.png", key_of(gone)) == {"batchItemFailures": []}
    assert deliver() == {"batchItemFailures": []}
    assert house.sql("SELECT status FROM media.media_files") == [("uploading",)]


def test_renditions_are_upright_and_know_nothing_of_camera_and_place(media, owner, send):
    original = files.photo_with_a_place()
    assert b"SecretCamera" in original
    media_id = send(original, visibility="public")

    found = media.get(f"/media/{media_id}", token=owner).data

    assert (found["width"], found["height"]) == (600, 800)
    for variant in found["variants"]:
        key = variant["url"].removeprefix("http://house.test/media/")
        stored = aws.client("s3").get_object(Bucket=os.environ["BUCKET_MEDIA_PUBLIC"], Key=key)
        data = stored["Body"].read()
        image = Image.open(io.BytesIO(data))
        assert (image.format, image.size) == ("WEBP", (variant["width"], variant["height"]))
        assert image.height > image.width
        # The gradient is dark at the top; a camera turned to the right has that side at the right.
        row = image.convert("L").resize((9, 1)).tobytes()
        assert row[0] > row[8] + 150
        assert not dict(image.getexif())
        assert b"SecretCamera" not in data
        assert (stored["ContentType"], "immutable" in stored["CacheControl"]) == ("image/webp", True)


def test_files_that_are_no_images_are_sniffed_and_made_ready(media, owner, send):
    for data, content_type, kind in (
        (files.PDF, "application/pdf", "document"),
        (files.MP3, "audio/mp3", "audio"),
        ("# 标题\n\n正文".encode(), "text/markdown", "document"),
    ):
        found = media.get(f"/media/{send(data, content_type)}", token=owner).data
        assert (found["status"], found["kind"], found["url"], found["variants"]) == ("ready", kind, None, [])


def test_what_passed_cannot_be_overwritten_through_its_old_address(announce, key_of, deliver):
    started = announce(files.PDF, "application/pdf")
    put(started["upload"], files.PDF)
    deliver(key_of(started["media"]["media_id"]))

    # The signature covers the header: without it S3 refuses, with it S3 finds the key taken.
    assert started["upload"]["headers"]["If-None-Match"] == "*"
    assert "if-none-match" in started["upload"]["url"]
    again = requests.put(started["upload"]["url"], data=files.EXE, headers=started["upload"]["headers"], timeout=10)
    assert again.status_code == 412


def test_the_inspector_finds_files_by_the_key_alone(house, announce, key_of):
    media_id = announce(b"12345", filename="我的.jpg")["media"]["media_id"]
    with house.acting("media") as db:
        found = find_by_key(db, key_of(media_id))

    assert found is not None
    assert (found.media.media_id, found.media.owner_id) == (media_id, OWNER)
