import os

import pytest
import requests

from functions.media import inspect_upload
from functions.media.http import handler
from shared import aws
from tests.media.files import notice

OWNER = 100001


@pytest.fixture
def media(api):
    return api(handler, "media")


@pytest.fixture
def owner(sign_in):
    return sign_in(OWNER)


@pytest.fixture
def announce(media, owner):
    """Start an upload of these bytes; what the API answered."""

    def start(data, content_type="image/jpeg", *, token=None, **more):
        body = {"filename": "my photo.jpg", "content_type": content_type, "size": len(data)} | more
        return media.post("/media/upload", body, token=token or owner).data

    return start


@pytest.fixture
def key_of(house):
    return lambda media_id: house.sql("SELECT s3_key FROM media.media_files WHERE media_id = %s", (media_id,))[0][0]


@pytest.fixture
def deliver(house):
    """Let the inspector hear of objects, as often as wanted."""

    def run(*keys):
        with house.acting("media"):
            return inspect_upload.handler(notice(*keys), None)

    return run


@pytest.fixture
def send(announce, key_of, deliver):
    """Upload and inspect; the media id."""

    def upload(data, content_type="image/jpeg", **more):
        started = announce(data, content_type, **more)
        put(started["upload"], data)
        media_id = started["media"]["media_id"]
        assert deliver(key_of(media_id)) == {"batchItemFailures": []}
        return media_id

    return upload


def put(target, data):
    """PUT to a signed address, as a browser would."""
    reply = requests.put(target["url"], data=data, headers=target["headers"], timeout=10)
    assert reply.status_code == 200, reply.text
    return reply


def public_objects():
    """Every key in the public bucket."""
    listed = aws.client("s3").list_objects_v2(Bucket=os.environ["BUCKET_MEDIA_PUBLIC"])
    return sorted(item["Key"] for item in listed.get("Contents", []))


def private_objects():
    """Every key in the private bucket."""
    listed = aws.client("s3").list_objects_v2(Bucket=os.environ["BUCKET_MEDIA_PRIVATE"])
    return sorted(item["Key"] for item in listed.get("Contents", []))
