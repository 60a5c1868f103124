"""Locales and messages: read by anybody, written by staff."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from functions.platform import messages
from functions.platform.errors import PlaceholderMismatch
from functions.platform.http import handler
from functions.platform.messages import full_name, name_of, placeholders
from infra.messages import drawn
from shared.sql.connection import Connection, connect
from shared.sql.migrations.catalogue import FILE, insert_missing
from tests.fixtures.api import Api, SignIn
from tests.fixtures.budget import statements
from tests.fixtures.postgres import House

EDITOR = ("i18n:write",)


@pytest.fixture
def platform(api: Any) -> Api:
    made: Api = api(handler, "platform")
    return made


@pytest.fixture
def write(platform: Api, sign_in: SignIn) -> Callable[..., Any]:
    """PUT messages as staff."""
    token = sign_in(100009, permissions=EDITOR)

    def put(locale: str, told: dict[str, str | None], **more: Any) -> Any:
        return platform.put(f"/admin/i18n/messages/{locale}", {"messages": told} | more, token=token)

    return put


def read(platform: Api, locale: str, namespace: str | None = None, **options: Any) -> Any:
    return platform.get(f"/i18n/messages/{locale}", query={"namespace": namespace} if namespace else None, **options)


def test_the_seeds_are_the_sentences_of_the_code() -> None:
    stored = json.loads(FILE.read_text())
    for namespace, told in drawn().items():
        stale = {key for key in stored[namespace] | told if stored[namespace].get(key) != told.get(key)}
        assert stale == set(), f"{namespace}: run python -m infra.messages"


def test_every_seed_fits_its_chinese() -> None:
    for namespace, told in json.loads(FILE.read_text()).items():
        for key, (zh, en) in told.items():
            assert placeholders(zh) == placeholders(en), f"{namespace}.{key}"
            assert name_of(full_name((namespace, key)), None) == (namespace, key)


def test_locales_say_how_they_write(platform: Api) -> None:
    found = platform.get("/i18n/locales").data
    assert found["default"] == "zh-CN"
    chinese, english = found["items"]
    assert (chinese["locale"], chinese["timezone"], chinese["week_starts_on"]) == ("zh-CN", "Asia/Shanghai", 1)
    assert (english["locale"], english["date_format"], english["time_format"]) == ("en", "MMM d, y", "h:mm a")
    assert (chinese["completeness"], english["completeness"]) == (1, 1)


def test_completeness_is_the_share_in_a_locales_own_words(platform: Api, house: House, write: Any) -> None:
    house.sql("DELETE FROM platform.i18n_messages")
    write("zh-CN", {"a": "甲", "b": "乙", "c": "丙", "d": "丁"})
    write("en", {"a": "A", "only_here": "O"})
    items = platform.get("/i18n/locales").data["items"]
    assert {item["locale"]: item["completeness"] for item in items} == {"zh-CN": 1, "en": 0.25}
    house.sql("DELETE FROM platform.i18n_messages")
    assert {item["completeness"] for item in platform.get("/i18n/locales").data["items"]} == {1}


def test_the_api_says_what_the_catalogue_says(platform: Api) -> None:
    for locale in ("zh-CN", "en"):
        refused = platform.get("/jobs/none", headers={"accept-language": locale})
        said = read(platform, locale, "errors").data["messages"]
        assert said[refused.json["error"]] == refused.json["message"]
    assert read(platform, "en").data["messages"]["errors.not_found"] == "Not found"
    assert read(platform, "en").data["messages"]["save"] == "Save"
    assert read(platform, "en", "common").data["messages"]["save"] == "Save"
    assert read(platform, "en", "validation").data["messages"]["too_long"] == "must have at most {{max_length}} items"


def test_an_unknown_locale_is_not_found_and_an_unknown_namespace_empty(platform: Api, write: Any) -> None:
    assert read(platform, "fr").error == (404, "locale_not_found")
    assert read(platform, "zh-cn").error == (404, "locale_not_found")
    assert write("fr", {"a": "b"}).error == (404, "locale_not_found")
    assert read(platform, "en", "nothing").data["messages"] == {}
    assert read(platform, "en", "No Such").error == (422, "validation_error")


def test_a_missing_message_is_said_in_chinese(platform: Api, write: Any) -> None:
    write("zh-CN", {"slogan": "分享你的知识"}, namespace="home")
    assert read(platform, "en", "home").data["messages"] == {"slogan": "分享你的知识"}
    write("en", {"slogan": "Share what you know"}, namespace="home")
    assert read(platform, "en", "home").data["messages"] == {"slogan": "Share what you know"}
    write("en", {"home.slogan": None})
    assert read(platform, "en").data["messages"]["home.slogan"] == "分享你的知识"


def test_an_etag_spares_the_body_until_something_changes(platform: Api, write: Any) -> None:
    first = read(platform, "en", "errors")
    etag = first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        same = read(platform, "en", "errors", headers={"if-none-match": known})
        assert (same.status, same.text, same.headers["etag"]) == (304, "", etag)
    assert read(platform, "en", "errors", headers={"if-none-match": '"other"'}).status == 200
    for locale in ("en", "zh-CN"):
        write(locale, {"etag_test": locale})
        changed = read(platform, "en", "errors", headers={"if-none-match": etag})
        assert changed.status == 200, f"{locale} changes what en says"
        etag = changed.headers["etag"]
    assert read(platform, "en", "common", headers={"if-none-match": etag}).status == 200, "another namespace, another tag"


def test_versions_count_the_writes_that_change_something(platform: Api, write: Any) -> None:
    before = read(platform, "en").data["version"]
    other = read(platform, "zh-CN").data["version"]
    assert write("en", {"save": "Keep", "cancel": "Cancel"}).data == {
        "locale": "en", "version": before + 1, "updated": 1, "deleted": 0,
    }  # fmt: skip
    assert write("en", {"save": "Keep", "nothing": None}).data["version"] == before + 1
    assert write("en", {"save": None, "cancel": "Stop"}).data == {
        "locale": "en", "version": before + 2, "updated": 1, "deleted": 1,
    }  # fmt: skip
    assert read(platform, "en").data["version"] == before + 2
    assert read(platform, "zh-CN").data["version"] == other


@pytest.mark.parametrize(
    ("text", "found"),
    [("Hello {{user}}", ["user"]), ("Hello", []), ("{{name}} {{count}}", ["count", "name"]), ("{{name}", ["{{"]),
     ("{{na me}}", ["{{", "}}"]), ("{name}", [])],
)  # fmt: skip
def test_a_translation_has_the_placeholders_of_the_chinese(platform: Api, write: Any, text: str, found: list[str]) -> None:
    before = read(platform, "en").data
    refused = write("en", {"welcome": text, "save": "Keep"})
    assert refused.error == (422, "placeholder_mismatch")
    assert {"key": "welcome", "locale": "zh-CN", "expected": ["name"], "found": found} in refused.json["details"]
    assert read(platform, "en").data == before, "nothing of a refused write is stored"


def test_spaces_and_order_and_repetition_of_placeholders_are_free(write: Any) -> None:
    write("zh-CN", {"pair": "{{a}} 和 {{b}}"})
    assert write("en", {"pair": "{{ b }}, {{a}} and {{b}}"}).status == 200


def test_the_chinese_does_not_leave_its_translations_behind(write: Any) -> None:
    refused = write("zh-CN", {"welcome": "欢迎，{{user}}"})
    assert refused.error == (422, "placeholder_mismatch")
    assert refused.json["details"] == [{"key": "welcome", "locale": "en", "expected": ["name"], "found": ["user"]}]
    write("en", {"welcome": None})
    assert write("zh-CN", {"welcome": "欢迎，{{user}}"}).status == 200
    assert write("en", {"welcome": "Welcome, {{user}}"}).status == 200
    assert write("zh-CN", {"brand_new": "{{"}).error == (422, "placeholder_mismatch")


@pytest.mark.parametrize(
    "body",
    [
        {"messages": {}},
        {"messages": {"a": ""}},
        {"messages": {"a b": "x"}},
        {"messages": {"a..b": "x"}},
        {"messages": {"Big.key": "x"}},
        {"messages": {"a": "x" * 2001}},
        {"messages": {f"k{number}": "x" for number in range(501)}},
        {"messages": {"a": 5}},
        {"messages": {"a": "x"}, "namespace": "Not one"},
        {"namespace": "home"},
    ],
)
def test_what_is_no_message_is_refused(platform: Api, sign_in: SignIn, body: dict[str, Any]) -> None:
    token = sign_in(100009, permissions=EDITOR)
    assert platform.put("/admin/i18n/messages/en", body, token=token).error == (422, "validation_error")


def test_only_staff_with_the_permission_write(platform: Api, sign_in: SignIn) -> None:
    body = {"messages": {"a": "b"}}
    path = "/admin/i18n/messages/en"
    assert platform.put(path, body).error == (401, "unauthenticated")
    assert platform.put(path, body, token=sign_in(100001)).error == (403, "permission_denied")
    assert platform.put(path, body, token=sign_in(100002, permissions=("*:read",))).error == (403, "permission_denied")
    assert platform.put(path, body, token=sign_in(100003, permissions=("i18n:*",))).status == 200


def test_a_write_is_audited_with_what_was_and_what_is(house: House, write: Any) -> None:
    version = write("en", {"save": "Keep", "cancel": None, "new": "New", "edit": "Edit"}).data["version"]
    [(uid, operation, resource, resource_id, details)] = house.sql(
        "SELECT admin_uid, operation, resource_type, resource_id, details FROM admin.admin_operation_logs"
    )
    assert (uid, operation, resource, resource_id) == (100009, "i18n_write", "i18n_messages", version)
    assert details["locale"] == "en"
    assert details["before"] == {"save": "Save", "cancel": "Cancel", "new": None}
    assert details["after"] == {"save": "Keep", "cancel": None, "new": "New"}


def test_reads_take_two_turns_to_the_database_and_a_304_one(platform: Api, house: House) -> None:
    etag = read(platform, "en").headers["etag"]
    assert statements(house, "platform", lambda: platform.get("/i18n/locales")) == 1
    assert statements(house, "platform", lambda: read(platform, "en")) == 2
    assert statements(house, "platform", lambda: read(platform, "en", headers={"if-none-match": etag})) == 1


def test_a_write_takes_three_turns_however_long_it_is(house: House) -> None:
    with house.acting("platform") as db:
        for size in (1, 300):
            before = db.statements
            messages.write(db, "en", "bulk", {f"k{number}": f"{size}" for number in range(size)})
            assert db.statements - before == 3


def test_writers_at_once_give_consecutive_versions(fresh_database: Callable[..., str]) -> None:
    barrier = Barrier(8)

    def one(number: int) -> int:
        with connect(fresh_database("platform")) as db:
            barrier.wait()
            with db.transaction():
                return messages.write(db, "en", "race", {"same": f"{number}", f"own{number}": "x"}).version

    with connect(fresh_database()) as owner:
        [(first,)] = owner.execute("SELECT version FROM platform.i18n_locales WHERE locale = 'en'").fetchall()
    with ThreadPoolExecutor(8) as pool:
        versions = list(pool.map(one, range(8)))
    assert sorted(versions) == list(range(first + 1, first + 9))
    with connect(fresh_database("platform")) as db:
        stored = messages.catalogue(db, "en", "race")
        assert stored["same"] == str(versions.index(first + 8)), "the last version's word stands"
        assert len(stored) == 9


def test_a_translation_and_its_chinese_at_once_never_disagree(fresh_database: Callable[..., str]) -> None:
    barrier = Barrier(2)

    def one(told: tuple[str, str]) -> bool:
        locale, text = told
        with connect(fresh_database("platform")) as db:
            barrier.wait()
            try:
                with db.transaction():
                    messages.write(db, locale, "race", {"greeting": text})
            except PlaceholderMismatch:
                return False
            return True

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(one, [("zh-CN", "你好 {{a}}"), ("en", "Hello {{b}}")]))
    assert done.count(True) == 1


class Crash(BaseException):
    """The environment is gone."""


def test_a_write_cut_off_before_its_commit_never_was(fresh_database: Callable[..., str]) -> None:
    def state() -> tuple[Any, ...]:
        with connect(fresh_database("platform")) as db:
            return messages.catalogue(db, "en", None), db.execute(
                "SELECT * FROM platform.i18n_locales ORDER BY 1"
            ).fetchall()

    before = state()

    def cut_off(db: Connection) -> None:
        with db.transaction():
            messages.write(db, "en", "home", {"slogan": "x"})
            raise Crash

    with connect(fresh_database("platform")) as db, pytest.raises(Crash):
        cut_off(db)
    assert state() == before


def test_a_later_migration_adds_what_is_new_and_keeps_what_was_edited(postgres: Any, fresh_database: Any) -> None:
    with connect(fresh_database("platform")) as db, db.transaction():
        messages.write(db, "en", None, {"save": "Keep", "cancel": None})
    engine = create_engine("postgresql+psycopg://", creator=lambda: connect(fresh_database()), poolclass=NullPool)
    for _ in range(2):
        with engine.begin() as connection:
            insert_missing(connection)
    with connect(fresh_database("platform")) as db:
        assert messages.catalogue(db, "en", "common").items() >= {"save": "Keep", "cancel": "Cancel"}.items()
        assert db.execute("SELECT version FROM platform.i18n_locales WHERE locale = 'en'").fetchall() == [(3,)]
