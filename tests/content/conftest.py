import pytest

from tests.content import build
from tests.content.build import AUTHOR, OTHER, READER
from tests.fixtures.people import make_user


@pytest.fixture
def people(house):
    for uid, name in ((AUTHOR, "author"), (OTHER, "other"), (READER, "reader")):
        make_user(house.sql, uid, name)


@pytest.fixture
def content(api, people):
    return api(build.HTTP, "content")


@pytest.fixture
def author(sign_in):
    return sign_in(AUTHOR, roles=("creator",))


@pytest.fixture
def other(sign_in):
    return sign_in(OTHER, roles=("creator",))


@pytest.fixture
def reader(sign_in):
    return sign_in(READER)


@pytest.fixture
def create(content, author):
    """Begin an article (or what is given); the Content answered."""

    def begin(*, token=None, **fields):
        body = {"title": "A title", "kind": "article", "body": "First.\n\nSecond.", **fields}
        return content.post("/contents/create", body, token=token or author).data

    return begin


@pytest.fixture
def publish(content, author, create):
    """Create and publish; the id."""

    def now(**fields):
        content_id = create(**fields)["content_id"]
        assert content.post(f"/contents/publish/{content_id}", token=author).data["status"] == "published"
        return content_id

    return now
