"""ADM-028, ADM-029: every setting typed, changed all or nothing, audited, in force everywhere."""

import re
from pathlib import Path
from typing import Any

import pytest

from functions.admin import publish_settings
from functions.admin.schemas.settings import SettingIn
from functions.admin.service import settings as service
from shared import aws, ratelimit
from shared.caller import Caller
from shared.dynamo import edge
from shared.http.context import RequestContext
from shared.settings import Settings
from shared.sql.settings_catalogue import CATALOGUE, Setting, find
from shared.sql.settings_types import Truth
from shared.sql.tunables import DEFAULTS, tunable
from tests.admin.conftest import ROOT, Staff, last_record
from tests.fixtures.api import Api
from tests.fixtures.postgres import House

RULES = (Path(__file__).parents[1] / "contract" / "data" / "rules.md").read_text()
CONTEXT = RequestContext("r", "en", "203.0.113.7", "tests", "PUT", "/api/v1/admin/settings")
FIELDS = {"key", "group", "value", "type", "default", "updated_by", "updated_at"}


def put(api: Api, token: str, *items: tuple[str, Any], language: str = "en") -> Any:
    body = {"items": [{"key": key, "value": value} for key, value in items]}
    return api.put("/admin/settings", body, token=token, headers={"accept-language": language})


def shown(api: Api, token: str, key: str) -> dict[str, Any]:
    [item] = [item for item in api.get("/admin/settings", token=token).data["items"] if item["key"] == key]
    return dict(item)


def _keys_of_the_rules() -> set[str]:
    """The keys of rules.md §19 spelled out: `auth.a / b`, `media.max_bytes.{x,y} / quota_bytes.{u,v}`, `log.a / audit.b`."""
    keys: set[str] = set()
    for cell in re.findall(r"^\| ([a-z0-9_]+\..*?) \|", RULES.split("## 19. ")[1].split("## 20. ")[0], re.MULTILINE):
        group = cell.partition(".")[0]
        for part in re.sub(r"\(.*?\)", "", cell).split(" / "):
            name = part.strip()
            base, _, members = name.partition(".{")
            if "." not in base or base.partition(".")[0] not in {"log", "audit", "events", group}:
                base = f"{group}.{base}"
            keys |= {f"{base}.{one.strip()}" for one in members.rstrip("}").split(",")} if members else {base}
    return {key for key in keys if not key.startswith(("features.", "alerts."))}


def test_every_key_of_the_rules_is_in_the_catalogue_with_a_default_that_fits() -> None:
    assert _keys_of_the_rules() <= set(CATALOGUE)
    assert set(CATALOGUE) == set(DEFAULTS)
    alerts = set(
        re.findall(r"^\| (\w+) \| .+ \|.*\|$", RULES.split("Built-in alert rules")[1].split("## 13")[0], re.MULTILINE)
    )
    assert {f"alerts.{name}" for name in alerts - {"rule_key"}} <= set(CATALOGUE)
    for setting in CATALOGUE.values():
        assert re.search("[\u4e00-\u9fff]", setting.zh), setting.key
        assert setting.en, setting.key
        for stage in ("prod", "test", "local"):
            default = setting.default(stage)
            assert default is None or setting.parsed(default, "en") == default, setting.key


@pytest.mark.parametrize(
    ("key", "stage", "default"),
    [
        ("auth.staff_totp_required", "prod", True),
        ("auth.staff_totp_required", "test", False),
        ("rate_limits.factor", "test", 100),
        ("rate_limits.factor", "prod", 1),
        ("usdt.enabled", "prod", False),
        ("usdt.enabled", "dev", True),
    ],
)
def test_some_defaults_depend_on_the_stage(key: str, stage: str, default: Any, house: House, monkeypatch) -> None:
    monkeypatch.setenv("STAGE", stage)
    Settings.forget()
    assert CATALOGUE[key].default(stage) == default
    assert tunable(house.db, key) == default
    Settings.forget()


def test_settings_are_listed_by_group_with_their_defaults(admin_api: Api, root: str) -> None:
    everything = admin_api.get("/admin/settings", token=root).data["items"]
    assert {item["key"] for item in everything} == set(CATALOGUE)
    some = admin_api.get("/admin/settings", token=root, query={"group": "auth"}).data["items"]
    assert {item["group"] for item in some} == {"auth"}
    assert all(set(item) == FIELDS for item in some)
    assert shown(admin_api, root, "auth.max_failures") == {
        "key": "auth.max_failures", "group": "auth", "value": 5, "type": "int", "default": 5, "updated_by": None,
        "updated_at": None,
    }  # fmt: skip
    assert admin_api.get("/admin/settings", token=root, query={"group": "nothing"}).data["items"] == []


def test_a_change_says_who_made_it_is_audited_and_holds_at_once(admin_api: Api, root: str, house: House) -> None:
    assert tunable(house.db, "auth.max_failures") == 5
    reply = put(admin_api, root, ("auth.max_failures", 7), ("trading.halted", True))
    assert reply.data["updated"] == 2
    assert [(item["key"], item["value"], item["default"], item["updated_by"]) for item in reply.data["items"]] == [
        ("auth.max_failures", 7, 5, ROOT), ("trading.halted", True, False, ROOT)
    ]  # fmt: skip
    assert shown(admin_api, root, "auth.max_failures")["value"] == 7
    assert last_record(house) == (
        "settings.change",
        "settings",
        None,
        {
            "before": {"auth.max_failures": 5, "trading.halted": False},
            "after": {"auth.max_failures": 7, "trading.halted": True},
        },
    )
    assert tunable(house.db, "auth.max_failures") == 7


def test_null_goes_back_to_the_default(admin_api: Api, root: str, house: House) -> None:
    put(admin_api, root, ("auth.max_failures", 7))
    item = put(admin_api, root, ("auth.max_failures", None)).data["items"][0]
    assert (item["value"], item["updated_by"], item["updated_at"]) == (5, None, None)
    assert last_record(house)[3] == {"before": {"auth.max_failures": 7}, "after": {"auth.max_failures": 5}}
    assert house.sql("SELECT count(*) FROM admin.system_settings") == [(0,)]


@pytest.mark.parametrize(
    ("key", "value", "reason_en", "reason_zh"),
    [
        ("auth.max_failures", 0, "must be at least 1", "不能小于 1"),
        ("auth.max_failures", True, "must be a whole number", "必须是整数"),
        ("auth.max_failures", "5", "must be a whole number", "必须是整数"),
        ("trading.halted", 1, "must be true or false", "必须是布尔值"),
        ("security.ip_allowlist", ["nowhere"], "0: is not a network address", "0: 不是网络地址"),
        ("usdt.cny_per_usdt", "NaN", "must be a number", "必须是数字"),
        ("backup.cron", "0 24 * * *", "must be a cron expression of five fields", "须为五段 cron 表达式"),
        ("features.new_editor", {"enabled": True}, "percent: this field is required", "percent: 此项必填"),
        ("subscription.retry_days", [3, 1], "must rise", "必须递增"),
        ("i18n.default_locale", "fr", "must be one of 'zh-CN' or 'en'", "只能是 'zh-CN' or 'en'"),
        ("audit.retention_days", 30, "must be at least 1095", "不能小于 1095"),
        ("i18n.locales", ["en"], "must be one of i18n.locales", "默认语言必须在启用的语言之中"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_reason_in_the_callers_language(
    admin_api: Api, root: str, key: str, value: Any, reason_en: str, reason_zh: str
) -> None:
    for language, reason in (("en", reason_en), ("zh-CN", reason_zh)):
        reply = put(admin_api, root, (key, value), language=language)
        assert reply.error == (422, "setting_invalid")
        assert reply.json["details"]["reason"] == reason
        assert reply.json["details"]["key"].split(".")[0] == key.partition(".")[0]


@pytest.mark.parametrize("key", ["auth.nonsense", "features.", "features.Bad-Name", "alerts.unheard_of", "x"])
def test_an_unknown_key_is_refused(admin_api: Api, root: str, key: str) -> None:
    reply = put(admin_api, root, (key, 1))
    assert reply.error == (422, "setting_unknown")
    assert reply.json["details"] == {"key": key}


def test_one_bad_item_undoes_all(admin_api: Api, root: str, house: House) -> None:
    assert put(admin_api, root, ("auth.max_failures", 7), ("auth.lock_minutes", 0)).status == 422
    assert put(admin_api, root, ("auth.max_failures", 7), ("auth.max_failures", 8)).error == (422, "setting_invalid")
    assert house.sql("SELECT count(*) FROM admin.system_settings") == [(0,)]
    assert admin_api.put("/admin/settings", {"items": []}, token=root).error == (422, "validation_error")
    many = [{"key": "auth.max_failures", "value": 5}] * 51
    assert admin_api.put("/admin/settings", {"items": many}, token=root).error == (422, "validation_error")


def test_a_decimal_and_a_network_are_kept_in_one_form(admin_api: Api, root: str) -> None:
    items = put(admin_api, root, ("usdt.cny_per_usdt", 7.35), ("security.ip_allowlist", ["203.0.113.9/24"])).data["items"]
    assert [item["value"] for item in items] == ["7.35", ["203.0.113.0/24"]]


def test_a_feature_flag_may_have_any_name_and_is_off_until_someone_sets_it(admin_api: Api, root: str, house: House) -> None:
    assert tunable(house.db, "features.new_editor") == {"enabled": False, "percent": 0}
    put(admin_api, root, ("features.new_editor", {"enabled": True, "percent": 25}))
    assert tunable(house.db, "features.new_editor") == {"enabled": True, "percent": 25}
    assert shown(admin_api, root, "features.new_editor")["group"] == "features"


def test_a_secret_setting_is_never_shown() -> None:
    secret = Setting("auth.max_failures", "str", Truth, "密", "secret", secret=True)
    assert (secret.shown("abc"), secret.shown(None)) == ("***", None)
    setting = find("auth.max_failures")
    assert setting is not None
    assert setting.shown(5) == 5


def test_an_unknown_setting_in_the_program_is_a_fault(house: House) -> None:
    with pytest.raises(KeyError):
        tunable(house.db, "auth.nonsense")


def test_rate_limits_follow_the_settings_at_once_here_and_within_a_minute_elsewhere(
    admin_api: Api, root: str, cloud: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RATE_LIMIT_FACTOR")
    monkeypatch.setenv("STAGE", "dev")
    Settings.forget()
    assert admin_api.get("/admin/settings", token=root).headers["x-ratelimit-limit"] == "1200"
    put(admin_api, root, ("rate_limits.staff_per_minute", 40), ("rate_limits.factor", 2))
    ratelimit.forget_leases()
    assert admin_api.get("/admin/settings", token=root).headers["x-ratelimit-limit"] == "80"
    edge.forget()
    ratelimit.forget_leases()
    assert admin_api.get("/admin/settings", token=root).headers["x-ratelimit-limit"] == "80", "another environment"
    put(admin_api, root, ("rate_limits.staff_per_minute", None), ("rate_limits.factor", None))
    ratelimit.forget_leases()
    assert admin_api.get("/admin/settings", token=root).headers["x-ratelimit-limit"] == "1200"


def test_a_crash_before_the_copy_is_mended_by_the_schedule(people: Staff, house: House, cloud: None) -> None:
    people.appoint(ROOT, "super_admin")
    caller = Caller(ROOT, "s", "staff", (), ("*",), "en")
    with house.acting("admin") as db:
        service.change(db, caller, CONTEXT, [SettingIn(key="rate_limits.user_per_minute", value=50)])
    # Here the environment died: committed, and nobody published.
    edge.forget()
    assert edge.in_force() == {}
    with house.acting("admin"):
        assert publish_settings.handler({}, None) == {"done": 1, "skipped": False}
    edge.forget()
    assert edge.in_force() == {"rate_limits.user_per_minute": 50}


def test_a_copy_that_cannot_be_made_now_does_not_undo_the_change(
    admin_api: Api, root: str, house: House, cloud: None
) -> None:
    assert admin_api.get("/admin/settings", token=root).status == 200
    aws.client("dynamodb").delete_table(TableName="sharestack-test-identity")
    assert put(admin_api, root, ("rate_limits.user_per_minute", 50)).status == 200
    assert tunable(house.db, "rate_limits.user_per_minute") == 50


def test_the_copy_holds_only_what_every_request_needs(admin_api: Api, root: str, house: House) -> None:
    put(admin_api, root, ("auth.max_failures", 9), ("security.ip_allowlist", ["203.0.113.0/24"]))
    edge.forget()
    assert edge.in_force() == {"security.ip_allowlist": ["203.0.113.0/24"]}
    assert set(CATALOGUE) >= edge.KEYS
    with house.acting("admin") as db:
        assert service.publish(db) == 1


def test_an_operator_outside_the_network_list_is_refused_on_every_route(admin_api: Api, root: str, people: Staff) -> None:
    assert put(admin_api, root, ("security.ip_allowlist", ["198.51.100.0/24"])).status == 200
    assert admin_api.get("/admin/settings", token=root).error == (403, "ip_not_allowed")
    assert put(admin_api, root, ("security.ip_allowlist", [])).error == (403, "ip_not_allowed")


def test_settings_need_their_permissions(admin_api: Api, people: Staff) -> None:
    people.appoint(100005, "observer")
    token = people.token(100005)
    assert admin_api.get("/admin/settings", token=token).status == 200
    assert put(admin_api, token, ("auth.max_failures", 7)).error == (403, "permission_denied")
