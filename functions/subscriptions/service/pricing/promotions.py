"""Campaigns of the platform. They run by their times until their budget or stock is used up."""

from typing import Any

from pydantic import ValidationError

from functions.subscriptions.pricing_errors import (
    CouponCodeExists,
    PromotionEnded,
    PromotionNotFound,
    PromotionStarted,
    QuantityBelowUsed,
    TargetNotFound,
)
from functions.subscriptions.pricing_schemas import (
    BatchIn,
    CouponOut,
    CreatePromotionIn,
    OwnPromotionOut,
    PromotionOut,
    PromotionResultsOut,
    TargetsIn,
    TargetsOut,
    UpdatePromotionIn,
)
from functions.subscriptions.service.pricing import batches
from functions.subscriptions.service.pricing.coupons import check_period, coupon_out
from functions.subscriptions.store import promotions as store
from functions.subscriptions.store.rows import Row
from shared import clock
from shared.errors import ValidationFailed
from shared.http.envelope import Page
from shared.paging import PageQuery
from shared.sql.connection import Connection

_SHOWN = tuple(name for name in PromotionOut.model_fields if name != "targets")
_CHANGES = ("name", "kind", "value", "targets", "starts_at", "ends_at", "budget", "stock", "per_user_limit", "stackable")
_TRIES = 5


def create(db: Connection, operator: int, wish: CreatePromotionIn) -> OwnPromotionOut:
    """A new campaign, and the job that exports its codes if it is a batch. Raises PeriodInvalid or TargetNotFound."""
    now = clock.now()
    check_period(wish.starts_at, wish.ends_at, now)
    _check_targets(db, wish.targets)
    fields = wish.model_dump(exclude={"coupon"}) | {"status": "draft" if wish.targets.is_empty else "scheduled"}
    made = store.insert(db, fields, now)
    if made is None:
        raise PromotionNotFound
    if wish.coupon is None:
        return _own(made, None, None)
    batch = wish.coupon.model_dump() | {
        "promotion_id": made["promotion_id"],
        "name": wish.name,
        "value": wish.value,
        "starts_at": wish.starts_at,
        "ends_at": wish.ends_at,
    }
    for _ in range(_TRIES):
        row = store.insert_batch(db, batch | {"code": batches.new_prefix(), "mac_key": batches.new_key()}, now)
        if row is not None:
            return _own(made, coupon_out(row), batches.ask(db, operator, row["coupon_id"]))
    raise CouponCodeExists


def update(db: Connection, operator: int, promotion_id: int, wish: UpdatePromotionIn) -> tuple[Row, OwnPromotionOut]:
    """Change a campaign; orders keep what they were given. What it was before comes back too, for the audit.

    One that ran out of budget or stock goes on when it is given more; one that is over by its time or by hand stays so.
    A batch whose coupon is sent is exported again. Raises PromotionNotFound, PromotionEnded, PeriodInvalid, TargetNotFound
    or QuantityBelowUsed.
    """
    now = clock.now()
    known = _lock(db, promotion_id)
    if known["left_at"] == "ended" or known["ends_at"] <= now:
        raise PromotionEnded
    sent = wish.model_dump(exclude_unset=True)
    fields = {name: known[name] for name in _CHANGES} | {name: sent[name] for name in _CHANGES if name in sent}
    _check_change(known, fields, wish.coupon)
    check_period(fields["starts_at"], fields["ends_at"], now)
    targets = TargetsIn.model_validate(fields["targets"])
    if "targets" in sent:
        _check_targets(db, targets)
    wanted = {"active": "scheduled", "paused": "paused", "ended": "ended", None: known["left_at"]}[wish.status]
    running = "draft" if targets.is_empty else "scheduled"
    changed = store.update(
        db, promotion_id, fields | {"status": running if wanted in {"draft", "scheduled"} else wanted}, now
    )
    if changed is None:
        raise PromotionNotFound
    return known, _own(changed, *_update_batch(db, operator, known, fields, wish.coupon))


def delete(db: Connection, promotion_id: int) -> Row:
    """Remove a campaign that has not started; what it was. Raises PromotionNotFound or PromotionStarted."""
    known = _lock(db, promotion_id)
    if known["status"] not in {"draft", "scheduled"} or known["orders"] or known["used"]:
        raise PromotionStarted(status=known["status"])
    store.delete(db, promotion_id)
    return known


def managed(db: Connection, query: PageQuery, status: str | None) -> Page[PromotionResultsOut]:
    """All campaigns with what came of them, newest first; one statement."""
    return store.MANAGED.page(
        db,
        query,
        {"at": clock.now(), "status": status},
        lambda row: PromotionResultsOut.model_construct(**(_fields(row) | row["results"])),
    )


def running(db: Connection, query: PageQuery, target_type: str | None, target_id: int | None) -> Page[PromotionOut]:
    """What runs now, of everything or for one target. Batches are not told of: their codes are handed out."""
    if target_id is not None and target_type is None:
        raise ValidationFailed([{"field": "query.target_type", "message": "target_type + target_id"}])
    filters = {"at": clock.now(), "target_type": target_type, "target": target_id}
    return store.RUNNING.page(db, query, filters, lambda row: PromotionOut.model_construct(**_fields(row)))


def _lock(db: Connection, promotion_id: int) -> Row:
    known = store.lock(db, promotion_id, clock.now())
    if known is None:
        raise PromotionNotFound
    return known


def _check_targets(db: Connection, targets: TargetsIn) -> None:
    if missing := store.missing(db, targets.plan_ids, targets.content_ids, targets.membership_plan_ids):
        raise TargetNotFound(targets=missing)


def _check_change(known: Row, fields: dict[str, Any], coupon: BatchIn | None) -> None:
    """What is changed must still make sense as a whole, and cover what orders hold already."""
    if (known["kind"] == "coupon_batch") != (fields["kind"] == "coupon_batch"):
        raise ValidationFailed([{"field": "body.kind", "message": "coupon_batch"}])
    if (fields["budget"] is not None and fields["budget"] < known["used_budget"]) or (
        fields["stock"] is not None and fields["stock"] < known["sold"]
    ):
        raise QuantityBelowUsed(used_budget=known["used_budget"], sold=known["sold"])
    if coupon is not None and known["used"] is not None and coupon.quantity < known["used"]:
        raise QuantityBelowUsed(used=known["used"])
    if fields["kind"] == "coupon_batch" and coupon is None:
        return
    try:
        CreatePromotionIn(**fields, coupon=coupon)
    except ValidationError as error:
        found = error.errors()[0]
        raise ValidationFailed([{"field": "body", "message": found["msg"].removeprefix("Value error, ")}]) from error


def _update_batch(
    db: Connection, operator: int, known: Row, fields: dict[str, Any], coupon: BatchIn | None
) -> tuple[CouponOut | None, str | None]:
    if known["coupon_id"] is None:
        return None, None
    given = (
        coupon.model_dump()
        if coupon
        else dict.fromkeys(("kind", "quantity", "min_amount", "max_discount", "per_user_limit"))
    )
    each = given.pop("per_user_limit")
    batch = fields | given | {"promotion_id": known["promotion_id"], "coupon_kind": given["kind"], "each": each}
    row = store.update_batch(db, batch, clock.now())
    if row is None:
        return None, None
    return coupon_out(row), batches.ask(db, operator, known["coupon_id"]) if coupon else None


def _fields(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in _SHOWN} | {"targets": TargetsOut.model_construct(**row["targets"])}


def _own(row: Row, coupon: CouponOut | None, job_id: str | None) -> OwnPromotionOut:
    return OwnPromotionOut.model_construct(**_fields(row), coupon=coupon, export_job_id=job_id)
