"""The queries of gifts. Whoever changes one holds its row first, then the recipient, then plans."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.types.json import Jsonb

from functions.subscriptions.gift_schemas import GiftBriefOut
from functions.subscriptions.store.rows import PLAN, Row, one
from shared.sql.connection import Connection
from shared.sql.listing import Listing
from shared.views.prices import Price

_GIFT: LiteralString = (
    """
    g.gift_id, g.order_no, CASE g.status WHEN 'closed' THEN 'expired' ELSE g.status END AS status, g.periods, g.amount,
    g.message, g.paid_at, g.redeemed_at, g.created_at,"""
    + PLAN
)
_SOURCE: LiteralString = """
    subscriptions.gifts g JOIN subscriptions.subscription_plans p USING (plan_id)
    JOIN identity.pub_profiles c ON c.uid = p.creator_id
"""
_OWN: LiteralString = "g.buyer_id = ANY (identity.all_of_person(%(user_id)s))"

GIVEN: Listing[GiftBriefOut] = Listing(
    columns=_GIFT,
    source=_SOURCE,
    key=("gift_id", "g.gift_id"),
    sorts={"created_at": "g.created_at"},
    default_sort="created_at",
    filters={
        "user_id": _OWN,
        "status": "CASE g.status WHEN 'closed' THEN 'expired' ELSE g.status END = %(status)s",
    },
)
_FIND: LiteralString = "SELECT g.code_sealed," + _GIFT + " FROM " + _SOURCE + " WHERE g.gift_id = %(gift_id)s AND " + _OWN


@dataclass(frozen=True, slots=True)
class Giving:
    """A gift as it is bought, with the plan as it is then."""

    buyer_id: int
    creator_id: int
    plan_id: int
    tier: int
    periods: int
    months: int
    message: str | None
    order_no: str
    code_hash: str
    code_sealed: str
    title: str
    expires_at: datetime
    at: datetime


def open_with_order(db: Connection, giving: Giving, price: Price) -> int:
    """A gift and its order at payments, both or neither; the gift's number."""
    row = one(
        db,
        """
        WITH given AS (
            INSERT INTO subscriptions.gifts (buyer_id, creator_id, plan_id, tier, amount, periods, months, message, order_no,
                code_hash, code_sealed, status, created_at, updated_at)
            VALUES (%(buyer_id)s, %(creator_id)s, %(plan_id)s, %(tier)s, %(amount)s, %(periods)s, %(months)s, %(message)s,
                %(order_no)s, %(code_hash)s, %(code_sealed)s, 'pending', %(at)s, %(at)s)
            RETURNING gift_id
        )
        SELECT gift_id, commerce.open_order('subscriptions', 'gift', gift_id, %(buyer_id)s, %(creator_id)s, %(title)s,
            %(gross)s, %(discount)s, 'CNY', %(price_lines)s, %(order_no)s, %(at)s, %(expires_at)s)
        FROM given
        """,
        asdict(giving)
        | {
            "amount": price.payable,
            "gross": price.gross,
            "discount": price.discount,
            "price_lines": Jsonb(price.order_lines("plan")),
        },
    )
    if row is None:
        raise LookupError(giving.order_no)
    return int(row["gift_id"])


def find(db: Connection, user_id: int, gift_id: int) -> Row | None:
    """A gift this person bought, by whichever of their accounts."""
    return one(db, _FIND, {"user_id": user_id, "gift_id": gift_id})


def hold_code(db: Connection, code_hash: str) -> Row | None:
    """The gift a code stands for, held until the transaction ends."""
    return one(
        db,
        """
        SELECT gift_id, creator_id, plan_id, tier, amount, months, message, status, recipient_id FROM subscriptions.gifts
        WHERE code_hash = %(code_hash)s FOR UPDATE
        """,
        {"code_hash": code_hash},
    )


def hold_order(db: Connection, order_no: str) -> Row | None:
    """The gift of an order, held until the transaction ends."""
    return one(
        db,
        "SELECT gift_id, status, recipient_id FROM subscriptions.gifts WHERE order_no = %(order_no)s FOR UPDATE",
        {"order_no": order_no},
    )


def settle(db: Connection, gift_id: int, status: str, at: datetime, paid_at: datetime | None = None) -> None:
    """Say what became of a gift's order."""
    db.execute(
        """
        UPDATE subscriptions.gifts SET status = %(status)s, paid_at = coalesce(%(paid_at)s, paid_at), updated_at = %(at)s
        WHERE gift_id = %(gift_id)s
        """,
        {"gift_id": gift_id, "status": status, "paid_at": paid_at, "at": at},
    )


def redeem(db: Connection, gift_id: int, recipient_id: int, at: datetime) -> None:
    """Say who redeemed a gift."""
    db.execute(
        """
        UPDATE subscriptions.gifts SET status = 'redeemed', recipient_id = %(recipient_id)s, redeemed_at = %(at)s,
            updated_at = %(at)s
        WHERE gift_id = %(gift_id)s
        """,
        {"gift_id": gift_id, "recipient_id": recipient_id, "at": at},
    )


def given(db: Connection, gift_id: int) -> Row | None:
    """What a redeemed gift gave, as it stands now; the plans it may move between are held, by id."""
    db.execute(
        """
        SELECT FROM subscriptions.subscription_plans WHERE plan_id IN (
            SELECT unnest(ARRAY[own.plan_id, s.plan_id]) FROM subscriptions.subscription_periods d
            JOIN subscriptions.user_subscriptions s USING (subscription_id)
            JOIN subscriptions.subscription_periods own ON own.subscription_id = s.subscription_id
            WHERE d.gift_id = %s)
        ORDER BY plan_id FOR UPDATE
        """,
        (gift_id,),
    )
    return one(
        db,
        """
        SELECT d.period_id, d.status AS order_status, s.subscription_id, s.status
        FROM subscriptions.subscription_periods d JOIN subscriptions.user_subscriptions s USING (subscription_id)
        WHERE d.gift_id = %(gift_id)s
        """,
        {"gift_id": gift_id},
    )
