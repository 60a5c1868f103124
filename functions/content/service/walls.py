"""The paywall of a work, which only its author sees and sets."""

from typing import Any

from functions.content.errors import ContentNotFound, NotContentOwner, PlanNotFound, PriceRequired
from functions.content.schemas import AccessControl, AccessControlChange
from functions.content.store import walls as store
from shared import clock
from shared.caller import Caller
from shared.errors import ValidationFailed
from shared.sql.connection import Connection


def shown(db: Connection, caller: Caller, content_id: int) -> AccessControl:
    """The settings as they are."""
    return _out(_own(store.find(db, content_id), caller))


def change(db: Connection, caller: Caller, content_id: int, given: AccessControlChange) -> AccessControl:
    """Set what is given and leave the rest."""
    row = _own(store.lock(db, content_id, given.plan_ids or []), caller)
    if unknown := [plan_id for plan_id in given.plan_ids or () if plan_id not in (row["known_plans"] or ())]:
        raise PlanNotFound(plan_ids=unknown)
    wanted = row | {name: getattr(given, name) for name in given.model_fields_set}
    wanted["price"] = wanted["price"] or None
    if wanted["access_level"] == "paid" and wanted["price"] is None:
        raise PriceRequired
    since, until = wanted["available_from"], wanted["available_to"]
    if since is not None and until is not None and since >= until:
        raise ValidationFailed([{"field": "body.available_to", "message": "> available_from"}])
    store.save(db, content_id, wanted, clock.now())
    return _out(wanted)


def _own(row: dict[str, Any] | None, caller: Caller) -> dict[str, Any]:
    if row is None:
        raise ContentNotFound
    if row["author_id"] != caller.uid:
        raise NotContentOwner
    return row


def _out(row: dict[str, Any]) -> AccessControl:
    return AccessControl.model_construct(**{name: row[name] for name in AccessControl.model_fields})
