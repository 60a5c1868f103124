"""What facts about orders do to subscriptions. Delivered twice or out of order they come to the same.

An order's period goes open → closed → granted → refunded and never back, so a fact that comes late finds its place taken.
"""

from datetime import datetime

from events.payments import OrderClosed, OrderPaid, RefundSucceeded
from functions.subscriptions.errors import UnknownOrderError
from functions.subscriptions.periods import standing
from functions.subscriptions.service import gift_orders, memberships, merging, purchases
from functions.subscriptions.service import standing as stands
from functions.subscriptions.service.pricing import redemptions
from functions.subscriptions.states import GIVES_ACCESS, LIVE, Event, after
from functions.subscriptions.store import standing as store
from functions.subscriptions.store.rows import Row
from shared import clock
from shared.sql.connection import Connection

_OF_SUBSCRIPTIONS = frozenset({"subscription", "renewal", "change_plan"})


def paid(db: Connection, fact: OrderPaid) -> None:
    """Give what was paid for, and let the discounts it was bought with stay taken.

    What kinds this domain does not sell give is none of its business.
    """
    if fact.kind == "content":
        purchases.buy(db, fact)
    elif fact.kind == "membership":
        memberships.give(db, fact)
    elif fact.kind == "gift":
        gift_orders.paid(db, fact, clock.now())
    elif fact.kind in _OF_SUBSCRIPTIONS:
        give(db, fact.buyer_id, fact.order_no, fact.paid_at)
    redemptions.settle(db, fact.order_no, "paid")


def closed(db: Connection, fact: OrderClosed) -> None:
    """Let the pending subscription of an order that ended unpaid go; its seat and its discounts are free again."""
    if fact.kind in _OF_SUBSCRIPTIONS:
        _let_go(db, fact)
    elif fact.kind == "membership":
        memberships.let_go(db, fact)
    elif fact.kind == "gift":
        gift_orders.closed(db, fact, clock.now())
    redemptions.settle(db, fact.order_no, "closed")


def _let_go(db: Connection, fact: OrderClosed) -> None:
    filed, now = _filed(db, fact.buyer_id, fact.order_no), clock.now()
    if filed["order_status"] != "open":
        return
    store.settle(db, filed["period_id"], "closed", now)
    becomes = after(filed["status"], Event.ORDER_CLOSED)
    if becomes is not None:
        stands.end(db, filed["subscription_id"], was=filed["status"], becomes=becomes, because="expired", now=now)


def refunded(db: Connection, fact: RefundSucceeded) -> None:
    """Take back what a fully refunded order gave, and free its discounts; a partial refund leaves both."""
    if not fact.full:
        return
    if fact.kind == "content":
        purchases.give_back(db, fact)
    elif fact.kind == "membership":
        memberships.take_back(db, fact)
    elif fact.kind == "gift":
        if (given := gift_orders.refunded(db, fact, clock.now())) is not None:
            _take_back(db, given)
    elif fact.kind in _OF_SUBSCRIPTIONS:
        _take_back(db, _filed(db, fact.buyer_id, fact.order_no))
    redemptions.settle(db, fact.order_no, "refunded")


def _filed(db: Connection, user_id: int, order_no: str) -> Row:
    merging.hold(db, user_id)
    filed = store.filed(db, order_no)
    if filed is None:
        raise UnknownOrderError(order_no)
    return filed


def give(db: Connection, buyer_id: int, order_no: str, paid_at: datetime) -> None:
    """The order's subscription runs, also one that had expired unpaid: paid money gives access.

    When meanwhile another subscription to the creator runs, that one is extended instead; one that is only pending gives way.
    A renewal paid while access is kept begins where the period it renews ends, whenever it is paid.
    """
    filed, now = _filed(db, buyer_id, order_no), clock.now()
    if filed["order_status"] in {"granted", "refunded"}:
        return
    heir, status = filed["subscription_id"], filed["status"]
    if status not in LIVE and filed["live_id"] is not None:
        given_way = after(filed["live_status"], Event.ORDER_CLOSED)
        if given_way is not None:
            stands.end(db, filed["live_id"], was=filed["live_status"], becomes=given_way, because="expired", now=now)
        else:
            heir, status = filed["live_id"], filed["live_status"]
    renews = filed["kind"] == "renewal" and heir == filed["subscription_id"] and status in GIVES_ACCESS
    store.grant(db, filed["period_id"], heir, filed["current_period_end"] if renews else paid_at, now)
    reached, becomes = standing(store.granted(db, heir)), after(status, Event.PAID)
    if reached is not None and becomes is not None:
        stands.begin(db, heir, becomes, reached, now)
        merging.follow(db, buyer_id)


def _take_back(db: Connection, filed: Row) -> None:
    now = clock.now()
    if filed["order_status"] == "refunded":
        return
    heir, status = filed["subscription_id"], filed["status"]
    store.settle(db, filed["period_id"], "refunded", now)
    becomes = after(status, Event.REFUNDED)
    if becomes is None:
        return
    left = standing(store.granted(db, heir))
    if left is not None and left.end > now:
        stands.shorten(db, heir, status, left, now)
    else:
        stands.end(db, heir, was=status, becomes=becomes, because="refunded", now=now)
