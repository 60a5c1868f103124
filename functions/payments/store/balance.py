"""A buyer's balance: an account of the ledger, moved by the functions that finance publishes."""

from datetime import datetime
from typing import Literal

from functions.payments.models import Order
from shared.sql.connection import Connection

Credit = Literal["surplus", "refund", "case"]


def credit(db: Connection, kind: Credit, reference: str, order: Order, *, channel: str, amount: int, at: datetime) -> None:
    """Owe the buyer of an order so many fen that a channel holds; once per kind and reference."""
    db.execute(
        """
        SELECT finance.credit_balance(%(kind)s::text, %(reference)s::text, %(order_no)s::text, %(uid)s::bigint,
            %(channel)s::text, %(amount)s::bigint, %(at)s::timestamptz)
        """,
        {
            "kind": kind,
            "reference": reference,
            "order_no": order.order_no,
            "uid": order.user_id,
            "channel": channel,
            "amount": amount,
            "at": at,
        },
    )


def pay(db: Connection, order: Order, at: datetime) -> bool:
    """Take what an order costs from its buyer's balance, once; False when that does not cover it."""
    row = db.execute(
        "SELECT finance.pay_from_balance(%s::text, %s::bigint, %s::bigint, %s::timestamptz)",
        (order.order_no, order.user_id, order.payable_amount, at),
    ).fetchone()
    return bool(row and row[0])


def available(db: Connection, uid: int) -> int:
    """What a buyer may spend, in fen."""
    row = db.execute(
        """
        SELECT available FROM finance.pub_buyer_balances
        WHERE account = 'buyer:' || %s::bigint || ':balance' AND currency = 'CNY'
        """,
        (uid,),
    ).fetchone()
    return int(row[0]) if row else 0


def correct_channel(db: Connection, reference: str, channel: str, amount: int, at: datetime) -> None:
    """The books say that a channel holds so many fen more than they did, less where negative; once per reference."""
    db.execute(
        "SELECT finance.correct_channel(%s::text, %s::text, %s::bigint, %s::timestamptz)", (reference, channel, amount, at)
    )
