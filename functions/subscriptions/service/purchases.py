"""Purchases of single contents: a right for good, until the last order behind it is refunded in full."""

from events.payments import OrderPaid, RefundSucceeded
from functions.subscriptions.rights import Right
from functions.subscriptions.service import merging
from functions.subscriptions.store import rights as store
from shared import clock
from shared.sql import outbox
from shared.sql.connection import Connection


def buy(db: Connection, fact: OrderPaid) -> None:
    """Give the right to a content that was paid; not for an order refunded before."""
    merging.hold(db, fact.buyer_id)
    version = store.buy(db, _purchase(fact), clock.now())
    if version is not None:
        outbox.record(db, Right.of_purchase(fact.buyer_id, fact.target_id, version, revoked=False).changed())
        merging.follow(db, fact.buyer_id)


def give_back(db: Connection, fact: RefundSucceeded) -> None:
    """Take the right to a content back, unless another paid order of the same buyer still gives it."""
    merging.hold(db, fact.buyer_id)
    given_back = store.give_back(db, _purchase(fact), clock.now())
    if given_back is not None:
        holder, version, still_held = given_back
        outbox.record(db, Right.of_purchase(holder, fact.target_id, version, revoked=not still_held).changed())


def _purchase(fact: OrderPaid | RefundSucceeded) -> store.Purchase:
    return store.Purchase(fact.buyer_id, fact.target_id, fact.seller_id, fact.order_no)
