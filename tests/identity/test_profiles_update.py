"""Changing one's own profile and avatar."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from functions.identity import http
from functions.identity.store import sessions
from shared import clock
from tests.fixtures.api import Api, SignIn
from tests.fixtures.people import make_file, make_user
from tests.fixtures.postgres import House

ANN, BOB = 100_001, 100_002
ALL = {
    "display_name": "安妮 🧵", "username": "annie", "bio": "第一行\n第二行", "dedication": "写给你", "location": "杭州",
    "country": "CN", "language": "中文", "education": "本科", "birthday": "1990-02-28", "gender": "female", "region": "华东",
    "preferred_languages": ["zh-CN", "en"], "locale": "en", "timezone": "Europe/Berlin", "currency": "EUR",
    "wallet_address": "TJRabPrwbZy45sbavfcjinPJC18kjpRTv8", "pins": [],
}  # fmt: skip


@pytest.fixture
def users(api: Callable[..., Api], house: House) -> Api:
    """The routes, Ann and Bob."""
    make_user(house.sql, ANN, "ann")
    make_user(house.sql, BOB, "bob")
    house.sql("INSERT INTO identity.user_auth (uid, password_hash, password_changed_at) VALUES (%s, 'x', now())", (ANN,))
    return api(http.handler, "identity")


@pytest.fixture
def update(users: Api, sign_in: SignIn) -> Callable[..., Any]:
    """Ann changes something."""
    token = sign_in(ANN)
    return lambda **fields: users.put("/users/update", fields, token=token)


def test_every_field_is_stored_and_shown(update: Callable[..., Any], users: Api, sign_in: SignIn) -> None:
    changed = update(**ALL).data
    assert {name: changed[name] for name in ALL} == ALL
    assert users.get("/users/profile", token=sign_in(ANN)).data == changed
    public = users.get(f"/users/profile/{ANN}").data
    assert (public["display_name"], public["bio"], public["username"]) == (ALL["display_name"], ALL["bio"], "annie")


def test_what_is_left_out_stays_and_null_empties_what_may_be_empty(update: Callable[..., Any]) -> None:
    before = update(**ALL).data
    assert update().data == before
    assert update(bio="短").data == before | {"bio": "短"}
    emptied = update(**dict.fromkeys(ALL)).data
    kept = {"display_name", "username", "locale", "timezone", "currency"}
    assert {name: emptied[name] for name in kept} == {name: ALL[name] for name in kept}
    assert {name: emptied[name] for name in set(ALL) - kept} == dict.fromkeys(set(ALL) - kept) | {
        "preferred_languages": [],
        "pins": [],
    }
    assert update(bio="", location="  ").data["bio"] is None


TOO_LONG = {"display_name": 51, "bio": 301, "dedication": 256, "location": 256, "education": 256}
WRONG: list[tuple[str, Any]] = [
    *((name, "长" * length) for name, length in TOO_LONG.items()),
    ("display_name", ""), ("display_name", "  "), ("display_name", "\u3164"), ("display_name", "\u200d\u200d"),
    ("display_name", "a\u202eb"), ("display_name", "a\u2066b"), ("display_name", "a\nb"), ("display_name", "a\u0007b"),
    ("display_name", "a\u200bb"), ("display_name", "a\ufeffb"), ("display_name", "a\u0085b"), ("display_name", "a\u2028b"),
    ("bio", "a\u001bb"), ("bio", "\u202d"), ("bio", "a\U000e0041b"), ("location", "a\tb"), ("region", "\u2069"),
    ("username", "ab"), ("username", "A_b"), ("username", "a" * 33), ("username", "ann-a"),
    ("birthday", "2999-01-01"), ("birthday", "1899-12-31"), ("birthday", "1990-02-30"), ("birthday", "yesterday"),
    ("gender", "f"), ("locale", "fr"), ("currency", "yuan"), ("currency", "cny"), ("wallet_address", "a b"),
    ("wallet_address", "地址"), ("preferred_languages", ["zh_CN"]), ("preferred_languages", ["en"] * 21),
    ("pins", [1, 2, 3, 4, 5, 6]), ("pins", [0]), ("pins", [2**63]), ("email", "a@b.cd"), ("uid", 1), ("is_creator", True),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_field_that_cannot_be_is_refused_by_name_and_nothing_is_stored(
    update: Callable[..., Any], house: House, field: str, value: Any
) -> None:
    reply = update(**{"education": "本科", field: value})
    assert reply.error == (422, "validation_error")
    assert reply.json["details"][0]["field"].startswith(f"body.{field}")
    assert house.sql("SELECT education FROM identity.authors WHERE username = 'ann'") == [(None,)]


@pytest.mark.parametrize(
    "text", ["李\u00b7四", "José", "👩\u200d💻 dev", "שלום", "नमस्ते", "O'Brien – “x”", "مرحبا\u200f!", "e\u0301"]
)
def test_people_write_in_every_script(update: Callable[..., Any], text: str) -> None:
    import unicodedata

    assert update(display_name=text, bio=text).data["display_name"] == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("zone", ["", "Mars/Phobos", "localtime", "../etc/passwd", "asia/shanghai", "UTC+8", "America"])
def test_a_time_zone_is_one_of_the_iana_database(update: Callable[..., Any], zone: str) -> None:
    assert update(timezone=zone).error == ((422, "timezone_invalid"))
    assert update(timezone="Asia/Kathmandu").data["timezone"] == "Asia/Kathmandu"


def test_today_is_a_birthday_and_tomorrow_is_not(update: Callable[..., Any]) -> None:
    today = clock.now().astimezone(clock.SHANGHAI).date()
    assert update(birthday=today.isoformat()).data["birthday"] == today.isoformat()
    assert update(birthday=today.replace(year=today.year + 1).isoformat()).error == (422, "validation_error")


def test_a_username_that_is_taken_stays_with_whom_it_is(update: Callable[..., Any], house: House) -> None:
    assert update(username="bob", bio="x").error == (409, "username_taken")
    assert house.sql("SELECT u.username, a.description FROM identity.users u JOIN identity.authors a ON a.user_id = u.id "
                     "WHERE uid = %s", (ANN,)) == [("ann", None)]  # fmt: skip
    assert update(username="ann").data["username"] == "ann"
    house.sql("UPDATE identity.users SET status = 'deleted' WHERE uid = %s", (BOB,))
    assert update(username="bob").error == (409, "username_taken")


def test_a_post_that_is_not_ones_own_cannot_be_pinned(update: Callable[..., Any]) -> None:
    assert update(pins=[7], bio="x").error == (404, "post_not_found")
    assert update(pins=[]).data["bio"] is None


def test_live_sessions_speak_the_new_language_at_once(users: Api, sign_in: SignIn) -> None:
    one, other = sign_in(ANN), sign_in(ANN)
    assert users.put("/users/update", {"locale": "en"}, token=one).data["locale"] == "en"
    assert {item.locale for item in sessions.all_of(ANN)} == {"en"}
    for token in (one, other):
        reply = users.get("/users/profile/1", token=token, headers={"accept-language": ""})
        assert reply.headers["content-language"] == "en"
    assert users.get("/users/profile/1", token=one, headers={"accept-language": "zh"}).headers["content-language"] == "zh-CN"
    assert users.get("/users/profile/1", headers={"accept-language": ""}).headers["content-language"] == "zh-CN"


def test_an_avatar_is_an_own_image_that_is_ready(users: Api, house: House, sign_in: SignIn) -> None:
    ann = sign_in(ANN)

    def set_to(media_id: int) -> Any:
        return users.put("/users/avatar", {"media_id": media_id}, token=ann)

    picture = make_file(house.sql, ANN, widths=(320, 640, 1280))
    base = f"http://house.test/media/r/{picture}"
    assert set_to(picture).data == {"avatar_url": f"{base}/w320.webp", "original_avatar_url": f"{base}/w1280.webp"}
    assert users.get("/users/profile", token=ann).data["avatar_url"] == f"{base}/w320.webp"
    assert users.get(f"/users/profile/{ANN}").data["avatar_url"] == f"{base}/w320.webp"
    assert house.sql("SELECT original_avatar FROM identity.authors WHERE username = 'ann'") == [(f"{base}/w1280.webp",)]
    for media_id, error in (
        (make_file(house.sql, BOB), (404, "media_not_found")),
        (make_file(house.sql, ANN, status="deleted"), (404, "media_not_found")),
        (999_999, (404, "media_not_found")),
        (make_file(house.sql, ANN, status="scanning"), (409, "media_not_ready")),
        (make_file(house.sql, ANN, status="rejected"), (409, "media_not_ready")),
        (make_file(house.sql, ANN, "video"), (422, "not_an_image")),
        (make_file(house.sql, ANN, "document", "uploading"), (422, "not_an_image")),
        (0, (422, "validation_error")),
        (2**63, (422, "validation_error")),
    ):
        assert set_to(media_id).error == error
    assert users.put("/users/avatar", {"media_id": picture}).error == (401, "unauthenticated")
    assert re.search(r"w320", users.get(f"/users/profile/{ANN}").data["avatar_url"])
    small = make_file(house.sql, ANN, widths=(320,))
    assert len(set(set_to(small).data.values())) == 1
