"""A creator's pricing rules."""

from datetime import datetime
from typing import Any

from functions.subscriptions.errors import NotPlanOwner
from functions.subscriptions.pricing_errors import NotRuleOwner, RuleConfigInvalid, RuleNotFound, TargetNotFound
from functions.subscriptions.pricing_schemas import CreateRuleIn, RuleOut, UpdateRuleIn
from functions.subscriptions.store import rules as store
from functions.subscriptions.store.rows import Row
from shared import clock
from shared.http.envelope import Page
from shared.paging import PageQuery
from shared.sql.connection import Connection

_OWN = {"time_window": None, "early_bird": "first_n", "bulk": "min_quantity", "demand": "thresholds"}
_SHOWN = tuple(RuleOut.model_fields)


def page(db: Connection, query: PageQuery, owner_id: int, target_type: str | None, target_id: int | None) -> Page[RuleOut]:
    """Own rules, newest first."""
    filters = {"owner_id": owner_id, "target_type": target_type, "target_id": target_id}
    return store.RULES.page(db, query, filters, _out)


def create(db: Connection, owner_id: int, wish: CreateRuleIn) -> RuleOut:
    """A new rule for an own plan or content. Raises TargetNotFound, NotPlanOwner or RuleConfigInvalid."""
    fields = wish.model_dump()
    _check(db, owner_id, fields)
    return _found(store.insert(db, owner_id, fields, clock.now()))


def update(db: Connection, owner_id: int, rule_id: int, wish: UpdateRuleIn) -> RuleOut:
    """Change an own rule. What was ordered before keeps its price."""
    known = store.lock(db, rule_id)
    if known is None:
        raise RuleNotFound
    if known.pop("owner_id") != owner_id:
        raise NotRuleOwner
    fields = known | wish.model_dump(exclude_unset=True)
    if "config" in wish.model_fields_set:
        fields["config"] = wish.config.model_dump()
    _check(db, owner_id, fields)
    return _found(store.update(db, rule_id, fields, clock.now()))


def delete(db: Connection, owner_id: int, rule_id: int) -> None:
    """Remove an own rule; orders keep the line it made. Raises RuleNotFound."""
    if not store.delete(db, owner_id, rule_id):
        raise RuleNotFound


def _check(db: Connection, owner_id: int, fields: dict[str, Any]) -> None:
    fields["config"] = config_of(fields["kind"], fields["config"], fields["starts_at"], fields["ends_at"])
    owner = store.owners(db, fields["target_type"], [fields["target_id"]]).get(fields["target_id"])
    if owner is None or (owner != owner_id and fields["target_type"] == "content"):
        raise TargetNotFound
    if owner != owner_id:
        raise NotPlanOwner


def config_of(kind: str, config: dict[str, Any], starts_at: datetime | None, ends_at: datetime | None) -> dict[str, Any]:
    """The members that a kind of rule has, all of them and no others. Raises RuleConfigInvalid."""
    given = {name: value for name, value in config.items() if value is not None}
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise RuleConfigInvalid(reason="period")
    if kind == "time_window" and starts_at is None and ends_at is None:
        raise RuleConfigInvalid(reason="period")
    own = _OWN[kind]
    effects = [] if kind == "demand" else [name for name in ("percent_off", "amount_off") if name in given]
    expected = {*effects, *([own] if own else [])}
    if set(given) != expected or (kind != "demand" and len(effects) != 1):
        raise RuleConfigInvalid(kind=kind, given=sorted(given))
    steps = given.get("thresholds")
    if steps is not None and (not steps or len({step["sold_gte"] for step in steps}) < len(steps)):
        raise RuleConfigInvalid(reason="thresholds")
    return given


def _found(row: Row | None) -> RuleOut:
    if row is None:
        raise RuleNotFound
    return _out(row)


def _out(row: Row) -> RuleOut:
    return RuleOut.model_construct(**{name: row[name] for name in _SHOWN})
