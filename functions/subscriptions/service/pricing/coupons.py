"""Coupons: made and changed by creators, checked and used by buyers."""

import secrets
from datetime import datetime
from typing import Any, Final

from functions.subscriptions.errors import CouponNotApplicable
from functions.subscriptions.pricing_errors import (
    CouponCodeExists,
    CouponNotFound,
    NotCouponOwner,
    OrderNotFound,
    OrderNotPending,
    PeriodInvalid,
    QuantityBelowUsed,
    TargetNotFound,
)
from functions.subscriptions.pricing_schemas import (
    CouponOut,
    CreateCouponIn,
    UpdateCouponIn,
    UseCouponIn,
    UsedCouponOut,
    ValidateCouponIn,
    ValidatedOut,
)
from functions.subscriptions.schemas import OpenedOrderOut, OpenedPriceLineOut
from functions.subscriptions.service.pricing.quotes import refusal
from functions.subscriptions.store import coupons as store
from functions.subscriptions.store import rules
from functions.subscriptions.store.rows import Row, lock_user
from shared import clock
from shared.coupon_codes import ALPHABET
from shared.http.envelope import Page
from shared.paging import PageQuery
from shared.pricing import Kind, coupon_line
from shared.sql.connection import Connection
from shared.views import prices

_SHOWN = tuple(CouponOut.model_fields)
_LETTERS = 10
_TRIES = 5
_TARGET: Final[dict[str, Kind]] = {"subscription": "plan", "content": "content", "membership": "membership"}
"""What the orders are for that a coupon may be laid on; renewals and changes of plan have their own price."""


def coupon_out(row: Row) -> CouponOut:
    """The contract's Coupon of its row."""
    return CouponOut.model_construct(**{name: row[name] for name in _SHOWN})


def create(db: Connection, owner_id: int, wish: CreateCouponIn) -> CouponOut:
    """A coupon for own plans or contents. Raises CouponCodeExists, PeriodInvalid or TargetNotFound."""
    now = clock.now()
    check_period(wish.starts_at, wish.ends_at, now)
    fields = wish.model_dump() | {"target_ids": wish.target_ids or []}
    if fields["target_ids"]:
        owners = rules.owners(db, wish.target_type, fields["target_ids"])
        if foreign := [one for one in fields["target_ids"] if owners.get(one) != owner_id]:
            raise TargetNotFound(target_ids=foreign)
    if wish.code is not None:
        made = store.insert(db, owner_id, fields, now)
    else:
        codes = ("".join(secrets.choice(ALPHABET) for _ in range(_LETTERS)) for _ in range(_TRIES))
        made = next(filter(None, (store.insert(db, owner_id, fields | {"code": code}, now) for code in codes)), None)
    if made is None:
        raise CouponCodeExists
    return coupon_out(made)


def update(db: Connection, owner_id: int, coupon_id: int, wish: UpdateCouponIn) -> CouponOut:
    """Change an own coupon. Raises CouponNotFound, NotCouponOwner, QuantityBelowUsed or PeriodInvalid."""
    known = store.lock(db, coupon_id)
    if known is None:
        raise CouponNotFound
    if known["owner_id"] != owner_id:
        raise NotCouponOwner
    now = clock.now()
    fields = known | wish.model_dump(exclude_none=True)
    if fields["total_quantity"] < known["used"]:
        raise QuantityBelowUsed(used=known["used"])
    if wish.ends_at is not None:
        check_period(known["starts_at"], wish.ends_at, now)
    changed = store.update(db, coupon_id, fields, now)
    if changed is None:
        raise CouponNotFound
    return coupon_out(changed)


def check_period(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    """Raise PeriodInvalid for an end that is not after the start, or has passed."""
    if ends_at <= starts_at or ends_at <= now:
        raise PeriodInvalid


def page(db: Connection, query: PageQuery, uid: int, view: str, status: str | None) -> Page[CouponOut]:
    """Coupons the caller made, or those of creators whose customer the caller is, which the caller may still use."""
    at = clock.now()
    if view == "created":
        return store.CREATED.page(db, query, {"at": at, "owner_id": uid, "status": status}, coupon_out)
    return store.USABLE.page(db, query, {"at": at, "user_id": uid, "status": status}, coupon_out)


def validate(db: Connection, uid: int, wish: ValidateCouponIn) -> ValidatedOut:
    """What a code would do for a purchase; nothing is taken. Raises CouponNotFound or TargetNotFound."""
    price = prices.quote(db, prices.Wish(wish.target_type, wish.target_id, uid, wish.code), clock.now())
    if price is None:
        raise TargetNotFound
    if price.terms.coupon_row is None:
        raise CouponNotFound
    return ValidatedOut.model_construct(
        valid=price.refused is None,
        reason=price.refused,
        coupon=coupon_out(price.terms.coupon_row | _times(price.terms.coupon_row, "starts_at", "ends_at")),
        list_amount=price.list_amount,
        discount_amount=price.list_amount - price.payable,
        payable_amount=price.payable,
    )


def use(db: Connection, uid: int, wish: UseCouponIn) -> UsedCouponOut:
    """Lay a coupon on an own order that waits for its payment, over the lines it has.

    The price of an order whose payment was begun stands: with a vendor, an attempt could be paid at the old one
    (docs/pricing.md). Raises OrderNotFound, OrderNotPending, CouponNotFound, or why the coupon does not apply.
    """
    now = clock.now()
    lock_user(db, uid)
    open_period = store.period_of(db, wish.order_no)
    order = store.hold_order(db, wish.order_no, uid)
    if order is None:
        raise OrderNotFound
    if order["status"] != "pending" or order["begun"] or datetime.fromisoformat(order["expires_at"]) <= now:
        raise OrderNotPending(status=order["status"], payment_begun=order["begun"])
    kind = _TARGET.get(order["kind"])
    target_id = order["target_id"] if kind != "plan" else open_period["plan_id"] if open_period else None
    if kind is None or target_id is None or any(line["source"] == "coupon" for line in order["price_lines"]):
        raise CouponNotApplicable
    terms = prices.hold(db, prices.Wish(kind, target_id, uid, wish.code), now)
    if terms is None:
        raise CouponNotApplicable
    coupon = terms.terms.coupon
    if coupon is None:
        raise CouponNotFound
    if reason := coupon.refusal(order["payable_amount"], kind):
        raise refusal(reason)
    line = coupon_line(order["payable_amount"], coupon)
    order["price_lines"].append(line.as_json())
    order["discount_amount"] -= line.amount
    order["payable_amount"] += line.amount
    if not store.reprice(db, order, coupon.coupon_id, now):
        raise OrderNotPending(status=order["status"])
    expires_at = datetime.fromisoformat(order["expires_at"])
    redemption_id = prices.take(db, wish.order_no, uid, [line.as_json()], coupon.serial, expires_at=expires_at, at=now)
    if kind == "plan":
        days = coupon.value if coupon.kind == "free_days" else 0
        store.change_period(db, wish.order_no, order["payable_amount"], days, now)
    if order["payable_amount"] == 0:
        order |= {"status": "paid", "paid_at": now}
    return UsedCouponOut.model_construct(order=_order_out(order), redemption_id=redemption_id or 0)


def _order_out(order: dict[str, Any]) -> OpenedOrderOut:
    lines = [OpenedPriceLineOut.model_construct(**line) for line in order["price_lines"]]
    same = {name: order[name] for name in OpenedOrderOut.model_fields if name in order}
    return OpenedOrderOut.model_construct(
        **(same | _times(order, "paid_at", "expires_at", "created_at") | {"price_lines": lines})
    )


def _times(row: Row, *names: str) -> dict[str, Any]:
    """The times of a row that came as JSON."""
    return {name: datetime.fromisoformat(row[name]) if isinstance(row[name], str) else row[name] for name in names}
