"""Asking for a price, and holding it for an order: the terms in one round trip, the computation of `shared.pricing`.

`subscriptions.price_terms` reads them, `subscriptions.hold_terms` keeps others from taking of what is capped meanwhile,
`subscriptions.reserve_discounts` takes it with the order (rules.md §6).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from shared.pricing import Coupon, Kind, Line, Promotion, Rule, price, total
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Terms:
    """What a price is computed from."""

    target_id: int
    seller_id: int
    list_amount: int
    sold: int
    rules: list[Rule]
    promotions: list[Promotion]
    trial: dict[str, Any] | None
    coupon: Coupon | None
    coupon_row: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Price:
    """A price with everything that made it. An `amount` above the list is what a demand rule asks."""

    terms: Terms
    list_amount: int
    lines: list[Line]
    refused: str | None
    """Why the coupon that was named does not apply."""
    free_days: int = 0

    @property
    def payable(self) -> int:
        """What the buyer owes."""
        return self.list_amount + total(self.lines)

    @property
    def gross(self) -> int:
        """The order's amount before discounts: the list price, raised by what a rule adds."""
        return self.list_amount + sum(line.amount for line in self.lines if line.amount > 0)

    @property
    def discount(self) -> int:
        """What the lines take off in all."""
        return self.gross - self.payable

    def order_lines(self, source: str) -> list[dict[str, Any]]:
        """The price lines of an order: the list price first; together they are what is charged."""
        first = {"source": source, "id": self.terms.target_id, "amount": self.list_amount}
        return [first, *(line.as_json() for line in self.lines)]


_ASK: LiteralString = "SELECT subscriptions.price_terms(%s, %s, %s, %s, %s)"
_HOLD: LiteralString = "SELECT subscriptions.hold_terms(%s, %s, %s, %s, %s)"
_COUPON = tuple(field.name for field in fields(Coupon) if field.name != "ends_at")


@dataclass(frozen=True, slots=True)
class Wish:
    """What someone wants: `kind` and id of the target, how many, by whom (None: anybody) and with which code."""

    kind: Kind
    target_id: int
    user_id: int | None = None
    code: str | None = None
    quantity: int = 1


def quote(db: Connection, wish: Wish, at: datetime) -> Price | None:
    """The price now, in one round trip; None when the target is not for sale."""
    return _priced(db, _ASK, wish, at)


def hold(db: Connection, wish: Wish, at: datetime) -> Price | None:
    """The same for an order that is about to be opened: what the price needs of capped things stays free until then."""
    return _priced(db, _HOLD, wish, at)


def reserve(db: Connection, order_no: str, user_id: int, price: Price, *, expires_at: datetime, at: datetime) -> int | None:
    """Take what a held price names for its order; the coupon's redemption if there is one. Nothing to take costs nothing."""
    lines = [line.as_json() for line in price.lines if line.source != "rule"]
    if not lines:
        return None
    serial = price.terms.coupon.serial if price.terms.coupon else None
    return take(db, order_no, user_id, lines, serial, expires_at=expires_at, at=at)


def take(
    db: Connection,
    order_no: str,
    user_id: int,
    lines: Sequence[dict[str, Any]],
    serial: int | None,
    *,
    expires_at: datetime,
    at: datetime,
) -> int | None:
    """Take what the lines name; see `reserve`."""
    row = db.execute(
        "SELECT subscriptions.reserve_discounts(%s, %s, %s, %s, %s, %s)",
        (order_no, user_id, Jsonb(list(lines)), serial, expires_at, at),
    ).fetchone()
    return None if row is None else row[0]


def _priced(db: Connection, statement: LiteralString, wish: Wish, at: datetime) -> Price | None:
    row = db.execute(statement, (wish.kind, wish.target_id, wish.user_id, wish.code, at)).fetchone()
    if row is None or row[0] is None:
        return None
    terms = _terms(wish, row[0])
    list_amount, coupon = terms.list_amount * wish.quantity, terms.coupon
    lines = price(
        list_amount,
        terms.rules,
        terms.promotions,
        coupon,
        at,
        quantity=wish.quantity,
        sold=terms.sold,
        kind=wish.kind,
    )
    applied = coupon is not None and any(line.source == "coupon" for line in lines)
    refused = None
    if coupon is not None and not applied:
        refused = coupon.refusal(list_amount + total(lines), wish.kind)
    elif wish.code is not None and coupon is None:
        refused = "coupon_not_found"
    free_days = coupon.value if coupon is not None and applied and coupon.kind == "free_days" else 0
    return Price(terms, list_amount, lines, refused, free_days)


def _terms(wish: Wish, said: dict[str, Any]) -> Terms:
    row = said["coupon"]
    return Terms(
        wish.target_id,
        said["seller_id"],
        said["list_amount"],
        said["sold"],
        [Rule(**_timed(rule)) for rule in said["rules"]],
        [Promotion(**_timed(one)) for one in said["promotions"]],
        said["trial"],
        None if row is None else Coupon(**{name: row[name] for name in _COUPON}, ends_at=_time(row["ends_at"])),
        row,
    )


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"starts_at": _time(row["starts_at"]), "ends_at": _time(row["ends_at"])}


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
