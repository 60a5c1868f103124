"""How a user comes to a subscription and looks at it, in the caller's transaction."""

from dataclasses import replace
from datetime import datetime, timedelta

from functions.subscriptions.errors import (
    AlreadySubscribed,
    CannotSubscribeSelf,
    CouponNotApplicable,
    PlanArchived,
    PlanFull,
    PlanNotFound,
    SubscriptionNotFound,
)
from functions.subscriptions.periods import MONTHS, lasting
from functions.subscriptions.schemas import OpenedOrderOut, OpenedPriceLineOut, SubscribedOut, SubscribeIn, SubscriptionOut
from functions.subscriptions.service import expiry, orders, standing
from functions.subscriptions.service.pricing import redemptions
from functions.subscriptions.service.views import subscription_out
from functions.subscriptions.store import subscriptions as store
from functions.subscriptions.store.rows import Row, lock_user
from shared import clock
from shared.http.envelope import Page
from shared.ids import new_order_no
from shared.paging import PageQuery
from shared.sql.connection import Connection
from shared.sql.tunables import tunable
from shared.views import prices


def subscribe(db: Connection, user_id: int, wish: SubscribeIn) -> SubscribedOut:
    """Begin a subscription: at once when it is free or a first trial, else pending with the order that pays it.

    A trial is for those who never had access through this creator's plans; nothing is paid for it, so no coupon applies.
    What an order is to cost is computed, and held, as quotes are (`shared.views.prices`).
    """
    now = clock.now()
    lock_user(db, user_id)
    found = look(db, user_id, wish.plan_id, now)
    _check(user_id, found)
    opening = _opening(user_id, found["plan"], wish, now)
    if opening.amount == 0 and wish.coupon_code is None:
        return _run(db, replace(opening, kind="free", status="active"), found["plan"])
    price = prices.hold(db, prices.Wish("plan", wish.plan_id, user_id, wish.coupon_code), now)
    if price is None:
        raise PlanArchived
    if price.refused is not None:
        raise CouponNotApplicable(reason=price.refused)
    offered = price.terms.trial or {"days": 0}
    days = max(found["plan"]["trial_days"], offered["days"])
    if days > 0 and not found["had_access"]:
        if wish.coupon_code is not None:
            raise CouponNotApplicable(reason="trial")
        begun = _run(db, replace(opening, kind="trial", status="trialing", months=0, days=days), found["plan"])
        if days > found["plan"]["trial_days"]:
            redemptions.take_trial(db, begun.subscription.subscription_id, user_id, offered["promotion_id"], now)
        return begun
    minutes = tunable(db, "payment.order_minutes")
    bought = replace(opening, amount=price.payable, days=price.free_days)
    return _sell(db, bought, now + timedelta(minutes=minutes), found["plan"], price)


def look(db: Connection, user_id: int, plan_id: int, now: datetime) -> Row:
    """A plan, held, and what this user has with its creator, once what was over is ended. Raises PlanNotFound."""
    found = store.plan_for(db, plan_id, user_id)
    if found is not None and found["subscription_id"] is not None and expiry.is_over(found, now):
        expiry.let_go(db, found["subscription_id"], found["status"], now)
        found = store.plan_for(db, plan_id, user_id)
    if found is None:
        raise PlanNotFound
    return found


def find(db: Connection, user_id: int, subscription_id: int) -> SubscriptionOut:
    """One own subscription."""
    row = store.find(db, subscription_id, user_id)
    if row is None:
        raise SubscriptionNotFound
    return subscription_out(row)


def history(
    db: Connection, query: PageQuery, user_id: int, *, status: str | None, creator_id: int | None, plan_id: int | None
) -> Page[SubscriptionOut]:
    """Own subscriptions, newest first."""
    filters = {"user_id": user_id, "status": status, "creator_id": creator_id, "plan_id": plan_id}
    return store.HISTORY.page(db, query, filters, subscription_out)


def _check(user_id: int, found: Row) -> None:
    check_on_sale(user_id, found)
    check_nothing_lives(found)
    check_places(found)


def check_on_sale(user_id: int, found: Row) -> None:
    """Raise CannotSubscribeSelf or PlanArchived."""
    if found["creator_id"] == user_id:
        raise CannotSubscribeSelf
    if found["plan"]["status"] == "archived" or found["creator_has_left"]:
        raise PlanArchived


def check_nothing_lives(found: Row) -> None:
    """Raise AlreadySubscribed."""
    if found["subscription_id"] is not None:
        raise AlreadySubscribed(subscription_id=found["subscription_id"], status=found["status"], order_no=found["order_no"])


def check_places(found: Row) -> None:
    """Raise PlanFull."""
    most = found["plan"]["max_subscribers"]
    if most is not None and found["seats_taken"] >= most:
        raise PlanFull(max_subscribers=most)


def _opening(user_id: int, plan: Row, wish: SubscribeIn, now: datetime) -> store.Opening:
    return store.Opening(
        user_id=user_id,
        creator_id=plan["creator"]["user_id"],
        plan_id=plan["plan_id"],
        tier=plan["tier"],
        amount=plan["amount"],
        status="pending",
        auto_renew=wish.auto_renew,
        channel=wish.channel,
        kind="order",
        months=MONTHS[plan["interval"]],
        days=0,
        starts=None,
        ends=None,
        order_no=None,
        expires_at=None,
        at=now,
    )


def _run(db: Connection, opening: store.Opening, plan: Row) -> SubscribedOut:
    """Begin one that costs nothing now."""
    return SubscribedOut.model_construct(subscription=begin(db, opening, plan), order=None)


def begin(db: Connection, opening: store.Opening, plan: Row) -> SubscriptionOut:
    """Begin one that runs at once, for as long as was given. Raises AlreadySubscribed."""
    ends = lasting(opening.at, opening.months, opening.days)
    opening = replace(opening, starts=opening.at, ends=ends)
    opened = store.open_given(db, opening)
    if opened is None:
        raise AlreadySubscribed
    row = _row(opening, opened, plan | {"subscriber_count": plan["subscriber_count"] + 1})
    standing.tell_begun(db, row)
    return subscription_out(row)


def _sell(db: Connection, opening: store.Opening, expires_at: datetime, plan: Row, price: prices.Price) -> SubscribedOut:
    """Begin one that waits for its order to be paid; one whose discounts cover it all is given at once.

    Titles are names, so they need no language.
    """
    title = f"{plan['creator']['display_name']} · {plan['name']}"
    order_no = new_order_no()
    opening = replace(opening, order_no=order_no, expires_at=expires_at)
    opened = store.open_with_order(db, opening, title, price)
    if opened is None:
        raise AlreadySubscribed
    prices.reserve(db, order_no, opening.user_id, price, expires_at=expires_at, at=opening.at)
    covered = price.payable == 0
    if covered:
        orders.give(db, opening.user_id, order_no, opening.at)
        redemptions.settle(db, order_no, "paid")
    order = OpenedOrderOut.model_construct(
        order_no=order_no,
        user_id=opening.user_id,
        kind="subscription",
        target_id=opened["subscription_id"],
        title=title,
        amount=price.gross,
        discount_amount=price.discount,
        payable_amount=price.payable,
        currency="CNY",
        price_lines=[OpenedPriceLineOut.model_construct(**line) for line in price.order_lines("plan")],
        status="paid" if covered else "pending",
        channel=None,
        refunded_amount=0,
        paid_at=opening.at if covered else None,
        expires_at=expires_at,
        created_at=opening.at,
    )
    if covered:
        return SubscribedOut.model_construct(subscription=find(db, opening.user_id, opened["subscription_id"]), order=order)
    return SubscribedOut.model_construct(subscription=subscription_out(_row(opening, opened, plan)), order=order)


def _row(opening: store.Opening, opened: Row, plan: Row) -> Row:
    """The row that was just stored, without asking for it."""
    return opened | {
        "user_id": opening.user_id,
        "creator_id": opening.creator_id,
        "plan_id": opening.plan_id,
        "tier": opening.tier,
        "plan": plan,
        "status": opening.status,
        "auto_renew": opening.auto_renew,
        "cancel_at_period_end": False,
        "current_period_start": opening.starts,
        "current_period_end": opening.ends,
        "access_until": opening.ends,
        "next_plan_id": None,
        "order_no": opening.order_no,
        "cancelled_at": None,
        "created_at": opening.at,
    }
