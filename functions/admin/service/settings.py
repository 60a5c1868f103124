"""Settings: what holds, changing it, and the copy that every function reads without a database."""

from typing import Any

from pynamodb.exceptions import PutError

from functions.admin.errors import SettingInvalid, SettingUnknown
from functions.admin.models import SettingRow
from functions.admin.schemas.settings import SettingIn, SettingOut
from functions.admin.store import settings as store
from shared import clock, observe
from shared.caller import Caller
from shared.dynamo import edge
from shared.http.context import RequestContext
from shared.i18n import Locale
from shared.settings import Settings
from shared.sql.audit import admin_operation
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work
from shared.sql.settings_catalogue import CATALOGUE, Setting, contradiction, find
from shared.sql.tunables import forget_tunables


def shown(db: Connection, group: str | None) -> list[SettingOut]:
    """Every setting of a group, or of all, by key; feature flags that someone set stand among them."""
    rows = store.read(db)
    flags = [setting for key in rows if key not in CATALOGUE and (setting := find(key))]
    known = sorted([*CATALOGUE.values(), *flags], key=lambda setting: setting.key)
    return [_out(setting, rows.get(setting.key)) for setting in known if group in {None, setting.group}]


def change(db: Connection, caller: Caller, context: RequestContext, wanted: list[SettingIn]) -> list[SettingOut]:
    """Set all or none; null goes back to the default. Raises SettingUnknown, or SettingInvalid with the key and why."""
    parsed = [_parsed(item, context.locale) for item in wanted]
    _refuse_doubles([setting.key for setting, _ in parsed], context.locale)
    store.lock(db)
    rows, stage = store.read(db), Settings.load().stage
    before = {setting.key: _value(setting, rows.get(setting.key), stage) for setting, _ in parsed}
    after = {setting.key: setting.default(stage) if value is None else value for setting, value in parsed}
    in_force = {setting.key: _value(setting, rows.get(setting.key), stage) for setting in CATALOGUE.values()} | after
    if wrong := contradiction(in_force):
        raise _invalid(wrong[0], wrong[1], context.locale)
    now = clock.now()
    store.write(db, [(setting.key, value) for setting, value in parsed if value is not None], caller.uid, now)
    store.reset(db, [setting.key for setting, value in parsed if value is None])
    admin_operation(
        db,
        caller,
        context,
        "settings.change",
        ("settings", None),
        before={setting.key: setting.shown(before[setting.key]) for setting, _ in parsed},
        after={setting.key: setting.shown(after[setting.key]) for setting, _ in parsed},
    )
    return [
        _out(setting, None if value is None else SettingRow(setting.key, value, caller.uid, now))
        for setting, value in parsed
    ]


def publish(db: Connection) -> int:
    """Copy what every request needs to where every request reads it; returns how many settings are in the copy.

    Publishing is alone with the settings until its transaction ends, so an older copy never replaces a newer one.
    """
    store.lock(db)
    rows = store.read(db)
    copy = {key: rows[key].value for key in sorted(edge.KEYS & rows.keys())}
    edge.publish(copy)
    forget_tunables()
    return len(copy)


def publish_changed(keys: list[str]) -> None:
    """After the commit: publish, when one of these stands in the copy. What goes wrong here, the schedule mends."""
    if edge.KEYS.isdisjoint(keys):
        return
    try:
        with unit_of_work() as db:
            publish(db)
    except PutError:
        observe.error("settings were not published")


def publish_again() -> int:
    """What the schedule does every minute."""
    with unit_of_work() as db:
        return publish(db)


def _parsed(item: SettingIn, locale: Locale) -> tuple[Setting, Any]:
    setting = find(item.key)
    if setting is None:
        raise SettingUnknown(key=item.key)
    try:
        return setting, None if item.value is None else setting.parsed(item.value, locale)
    except ValueError as error:
        raise SettingInvalid(key=item.key, reason=str(error)) from error


def _refuse_doubles(keys: list[str], locale: Locale) -> None:
    for key in keys:
        if keys.count(key) > 1:
            raise _invalid(key, "同一设置项只能出现一次|is named twice", locale)


def _invalid(key: str, sentences: str, locale: Locale) -> SettingInvalid:
    zh, _, en = sentences.partition("|")
    return SettingInvalid(key=key, reason=en if locale == "en" else zh)


def _value(setting: Setting, row: SettingRow | None, stage: str) -> Any:
    return setting.default(stage) if row is None else row.value


def _out(setting: Setting, row: SettingRow | None) -> SettingOut:
    stage = Settings.load().stage
    return SettingOut.model_construct(
        key=setting.key,
        group=setting.group,
        value=setting.shown(_value(setting, row, stage)),
        type=setting.kind,
        default=setting.shown(setting.default(stage)),
        updated_by=row.updated_by if row else None,
        updated_at=row.updated_at if row else None,
    )
