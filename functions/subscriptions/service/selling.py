"""Orders for a subscription that exists: another period of it, or a change of its plan."""

from datetime import datetime, timedelta
from typing import Any, Literal

from functions.subscriptions.periods import MONTHS
from functions.subscriptions.schemas import OpenedOrderOut, OpenedPriceLineOut
from functions.subscriptions.service import orders
from functions.subscriptions.service.pricing import redemptions
from functions.subscriptions.store import life as store
from functions.subscriptions.store.rows import Row
from shared.ids import new_order_no
from shared.sql.connection import Connection
from shared.sql.tunables import tunable
from shared.views import prices

Kind = Literal["order", "change", "renewal"]


def sell(
    db: Connection, row: Row, plan: dict[str, Any], price: prices.Price, now: datetime, *, credit: int | None = None
) -> OpenedOrderOut:
    """Open the order for a period of `plan` at a held price; with a `credit` (fen) it is a change of plan.

    What leaves nothing to pay is given at once.
    """
    kind: Kind = "order" if credit is None else "change"
    until = now + timedelta(minutes=tunable(db, "payment.order_minutes"))
    order = _sell(db, row, plan, price, kind=kind, credit=credit, now=now, until=until)
    if order.status == "paid":
        cover(db, row["user_id"], order.order_no, now)
    return order


def renew(db: Connection, row: Row, plan: dict[str, Any], price: prices.Price, *, now: datetime, until: datetime) -> str:
    """Open the order that renews a subscription by a period of `plan`, payable until then; its number."""
    return _sell(db, row, plan, price, kind="renewal", credit=None, now=now, until=until).order_no


def cover(db: Connection, user_id: int, order_no: str, now: datetime) -> None:
    """Give what an order is for whose discounts or credit leave nothing to pay."""
    orders.give(db, user_id, order_no, now)
    redemptions.settle(db, order_no, "paid")


def _sell(
    db: Connection,
    row: Row,
    plan: dict[str, Any],
    price: prices.Price,
    *,
    kind: Kind,
    credit: int | None,
    now: datetime,
    until: datetime,
) -> OpenedOrderOut:
    lines = price.order_lines("plan")
    if credit:
        lines.append({"source": "proration", "id": row["plan"]["plan_id"], "amount": -credit})
    sale = store.Sale(
        order_no=new_order_no(),
        order_kind="change_plan" if kind == "change" else "renewal",
        kind=kind,
        subscription_id=row["subscription_id"],
        user_id=row["user_id"],
        creator_id=row["creator_id"],
        plan_id=plan["plan_id"],
        tier=plan["tier"],
        amount=price.payable,
        months=MONTHS[plan["interval"]],
        days=0,
        title=f"{plan['creator']['display_name']} · {plan['name']}",
        gross=price.gross,
        discount=price.discount + (credit or 0),
        price_lines=lines,
        expires_at=until,
        at=now,
    )
    store.sell(db, sale)
    prices.reserve(db, sale.order_no, sale.user_id, price, expires_at=sale.expires_at, at=now)
    payable = sale.gross - sale.discount
    return order_out(
        {
            "order_no": sale.order_no,
            "user_id": sale.user_id,
            "kind": sale.order_kind,
            "target_id": sale.subscription_id,
            "title": sale.title,
            "amount": sale.gross,
            "discount_amount": sale.discount,
            "payable_amount": payable,
            "currency": "CNY",
            "price_lines": lines,
            "status": "pending" if payable else "paid",
            "channel": None,
            "refunded_amount": 0,
            "paid_at": None if payable else now,
            "expires_at": sale.expires_at,
            "created_at": now,
        }
    )


def order_out(row: Row) -> OpenedOrderOut:
    """The contract's Order of its row."""
    lines = [OpenedPriceLineOut.model_construct(**line) for line in row["price_lines"]]
    return OpenedOrderOut.model_construct(
        **{name: row[name] for name in OpenedOrderOut.model_fields if name != "price_lines"}, price_lines=lines
    )
