"""Changes of plan: a higher tier now, for its price less what is unused of the present one; any other with the next period.

The preview and the change are one computation (`_computed`); its lines together are what the order charges.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from functions.subscriptions.errors import (
    AlreadySubscribed,
    PlanArchived,
    PlanFull,
    PlanNotFound,
    PlanOfOtherCreator,
    SamePlan,
    SubscriptionNotActive,
    SubscriptionNotFound,
)
from functions.subscriptions.periods import standing, unused
from functions.subscriptions.schemas import ChangedPlanOut, ChangeLineOut, ChangePreviewOut
from functions.subscriptions.service import expiry, selling
from functions.subscriptions.service.views import subscription_out
from functions.subscriptions.store import life, plans, renewal_choices
from functions.subscriptions.store import standing as periods
from functions.subscriptions.store import subscriptions as store
from functions.subscriptions.store.rows import Row, lock_user
from shared import clock
from shared.i18n import Locale
from shared.sql.connection import Connection
from shared.views import prices

When = Literal["now", "period_end"]
_LABELS: dict[str, tuple[str, str]] = {
    "plan": ("新方案价格", "Price of the new plan"),
    "rule": ("定价规则", "Pricing rule"),
    "promotion": ("促销优惠", "Promotion"),
    "proration": ("原方案未使用部分抵扣", "Unused part of the present plan"),
    "later": ("自下一周期起使用新方案，本期不收费", "The new plan begins with the next period; nothing is due now"),
}


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of plan; `price` is None when it comes with the next period. `credit` is fen."""

    plan: Row
    price: prices.Price | None
    credit: int
    effective_at: datetime

    def lines(self) -> list[tuple[str, int]]:
        """Source and amount of each line."""
        if self.price is None:
            return [("later", 0)]
        lines = [(str(line["source"]), int(line["amount"])) for line in self.price.order_lines("plan")]
        return [*lines, ("proration", -self.credit)] if self.credit else lines


def preview(
    db: Connection, user_id: int, subscription_id: int, *, plan_id: int, when: When, locale: Locale
) -> ChangePreviewOut:
    """Every line of a change before it is made. Raises what the change would, and SamePlan."""
    row = _running(db, user_id, subscription_id)
    change = _computed(db, row, plan_id, when, prices.quote)
    zh = locale == "zh-CN"
    lines = [(_LABELS[source][0 if zh else 1], amount) for source, amount in change.lines()]
    return ChangePreviewOut.model_construct(
        lines=[ChangeLineOut.model_construct(label=label, amount=amount) for label, amount in lines],
        amount_due=sum(amount for _, amount in lines),
        currency="CNY",
        effective_at=change.effective_at,
    )


def change(db: Connection, user_id: int, subscription_id: int, plan_id: int) -> ChangedPlanOut:
    """Change the plan: a higher tier by an order, from its payment on; another one with the next period.

    Choosing the present plan takes back what was chosen for the next period. While the order of one change waits, it is
    answered again; another change is refused with AlreadySubscribed, for what is unused is taken off once.
    """
    now = clock.now()
    lock_user(db, user_id)
    row = _running(db, user_id, subscription_id)
    if plan_id == row["plan"]["plan_id"] and row["next_plan_id"] is not None:
        life.set_next_plan(db, subscription_id, None, now)
        return _out(row | {"next_plan_id": None})
    waits = life.waiting(db, subscription_id, "change", now)
    if waits is not None and waits["plan_id"] != plan_id:
        raise AlreadySubscribed(subscription_id=subscription_id, status=row["status"], order_no=waits["order_no"])
    if waits is not None:
        order = selling.order_out(waits)
        return ChangedPlanOut.model_construct(
            subscription=subscription_out(row), order=order, proration_amount=order.payable_amount
        )
    changed = _computed(db, row, plan_id, "now", prices.hold)
    if changed.price is None:
        life.set_next_plan(db, subscription_id, plan_id, now)
        renewal_choices.agree(db, subscription_id, plan_id, changed.plan["amount"], now)
        return _out(row | {"next_plan_id": plan_id})
    order = selling.sell(db, row, changed.plan, changed.price, now, credit=changed.credit)
    renewal_choices.agree(db, subscription_id, plan_id, changed.plan["amount"], now)
    given = store.find(db, subscription_id, user_id) if order.status == "paid" else None
    return ChangedPlanOut.model_construct(
        subscription=subscription_out(given or row), order=order, proration_amount=order.payable_amount
    )


def _out(row: Row) -> ChangedPlanOut:
    return ChangedPlanOut.model_construct(subscription=subscription_out(row), order=None, proration_amount=0)


def _running(db: Connection, user_id: int, subscription_id: int) -> Row:
    row = store.find(db, subscription_id, user_id)
    if row is None:
        raise SubscriptionNotFound
    if row["status"] not in {"trialing", "active"} or expiry.is_over(row, clock.now()):
        raise SubscriptionNotActive(status=row["status"])
    return row


def _computed(
    db: Connection,
    row: Row,
    plan_id: int,
    when: When,
    ask: Callable[[Connection, prices.Wish, datetime], prices.Price | None],
) -> _Change:
    """What a change comes to. More may be unused than the new plan costs; what is over lapses, and the preview shows it."""
    now = clock.now()
    found = plans.find(db, plan_id)
    if found is None:
        raise PlanNotFound
    plan = found["plan"]
    if plan["creator"]["user_id"] != row["creator_id"]:
        raise PlanOfOtherCreator
    if plan_id == row["plan"]["plan_id"]:
        raise SamePlan
    if plan["status"] == "archived":
        raise PlanArchived
    stands = standing(periods.granted(db, row["subscription_id"]))
    if when == "period_end" or stands is None or plan["tier"] <= stands.tier:
        return _Change(plan, None, 0, row["current_period_end"])
    if life.is_full(db, plan_id):
        raise PlanFull(max_subscribers=plan["max_subscribers"])
    price = ask(db, prices.Wish("plan", plan_id, row["user_id"]), now)
    if price is None:
        raise PlanArchived
    return _Change(plan, price, min(unused(stands, now), price.payable), now)
