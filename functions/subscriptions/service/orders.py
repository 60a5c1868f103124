"""What facts about orders do to subscriptions. Delivered twice or out of order they come to the same.

An order's period goes open → closed → granted → refunded and never back, so a fact that comes late finds its place taken.
"""

from events.payments import OrderClosed, OrderPaid, RefundSucceeded
from functions.subscriptions.periods import standing
from functions.subscriptions.service import merging, purchases
from functions.subscriptions.service import standing as stands
from functions.subscriptions.states import LIVE, Event, after
from functions.subscriptions.store import standing as store
from functions.subscriptions.store.rows import Row
from shared import clock
from shared.sql.connection import Connection

_OF_SUBSCRIPTIONS = frozenset({"subscription", "renewal", "change_plan"})


class UnknownOrderError(Exception):
    """A fact about an order for a subscription that no subscription has: kept in the dead-letter queue for a person."""


def paid(db: Connection, fact: OrderPaid) -> None:
    """Give what was paid for. Kinds this domain does not sell are none of its business."""
    if fact.kind == "content":
        purchases.buy(db, fact)
    elif fact.kind in _OF_SUBSCRIPTIONS:
        _grant(db, fact)


def closed(db: Connection, fact: OrderClosed) -> None:
    """Let the pending subscription of an order that ended unpaid go; its seat is free again."""
    if fact.kind not in _OF_SUBSCRIPTIONS:
        return
    filed, now = _filed(db, fact.buyer_id, fact.order_no), clock.now()
    if filed["order_status"] != "open":
        return
    store.settle(db, filed["period_id"], "closed", now)
    becomes = after(filed["status"], Event.ORDER_CLOSED)
    if becomes is not None:
        stands.end(db, filed["subscription_id"], was=filed["status"], becomes=becomes, because="expired", now=now)


def refunded(db: Connection, fact: RefundSucceeded) -> None:
    """Take back what a fully refunded order gave; a partial refund leaves it."""
    if not fact.full:
        return
    if fact.kind == "content":
        purchases.give_back(db, fact)
    elif fact.kind in _OF_SUBSCRIPTIONS:
        _take_back(db, fact)


def _filed(db: Connection, user_id: int, order_no: str) -> Row:
    merging.hold(db, user_id)
    filed = store.filed(db, order_no)
    if filed is None:
        raise UnknownOrderError(order_no)
    return filed


def _grant(db: Connection, fact: OrderPaid) -> None:
    """The order's subscription runs, also one that had expired unpaid: paid money gives access.

    When meanwhile another subscription to the creator runs, that one is extended instead; one that is only pending gives way.
    """
    filed, now = _filed(db, fact.buyer_id, fact.order_no), clock.now()
    if filed["order_status"] in {"granted", "refunded"}:
        return
    heir, status = filed["subscription_id"], filed["status"]
    if status not in LIVE and filed["live_id"] is not None:
        given_way = after(filed["live_status"], Event.ORDER_CLOSED)
        if given_way is not None:
            stands.end(db, filed["live_id"], was=filed["live_status"], becomes=given_way, because="expired", now=now)
        else:
            heir, status = filed["live_id"], filed["live_status"]
    store.grant(db, filed["period_id"], heir, fact.paid_at, now)
    reached, becomes = standing(store.granted(db, heir)), after(status, Event.PAID)
    if reached is not None and becomes is not None:
        stands.begin(db, heir, becomes, reached, now)
        merging.follow(db, fact.buyer_id)


def _take_back(db: Connection, fact: RefundSucceeded) -> None:
    filed, now = _filed(db, fact.buyer_id, fact.order_no), clock.now()
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
