"""The queries of subscriptions as users see and make them."""

from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg import sql
from psycopg.types.json import Jsonb

from functions.subscriptions.schemas import SubscriptionOut
from functions.subscriptions.store.rows import SUBSCRIPTION, SUBSCRIPTIONS, Row, one, with_plan
from shared.sql.connection import Connection
from shared.sql.listing import Listing
from shared.views.prices import Price

HISTORY: Listing[SubscriptionOut] = Listing(
    columns=SUBSCRIPTION,
    source=SUBSCRIPTIONS,
    key=("subscription_id", "s.subscription_id"),
    sorts={"created_at": "s.created_at"},
    default_sort="created_at",
    filters={
        "user_id": "s.user_id = %(user_id)s",
        "status": "s.status = %(status)s",
        "creator_id": "s.creator_id = %(creator_id)s",
        "plan_id": "s.plan_id = %(plan_id)s",
    },
)


@dataclass(frozen=True, slots=True)
class Opening:
    """A subscription as it begins. `order_no` and `expires_at` are None when nothing is to be paid."""

    user_id: int
    creator_id: int
    plan_id: int
    tier: int
    amount: int
    status: str
    auto_renew: bool
    channel: str | None
    kind: str
    months: int
    days: int
    starts: datetime | None
    ends: datetime | None
    order_no: str | None
    expires_at: datetime | None
    at: datetime
    gift_id: int | None = None


_OPEN = sql.SQL(
    """
    opened AS (
        INSERT INTO subscriptions.user_subscriptions (user_id, creator_id, plan_id, tier, amount, status, auto_renew,
            channel, order_no, current_period_start, current_period_end, version, created_at, updated_at)
        VALUES (%(user_id)s, %(creator_id)s, %(plan_id)s, %(tier)s, %(amount)s, %(status)s, %(auto_renew)s,
            %(channel)s, %(order_no)s, %(starts)s, %(ends)s,
            CASE WHEN %(starts)s::timestamptz IS NOT NULL THEN nextval('subscriptions.entitlement_version') END,
            %(at)s, %(at)s)
        ON CONFLICT (user_id, creator_id) WHERE status IN ('pending', 'trialing', 'active', 'past_due') DO NOTHING
        RETURNING subscription_id, version
    ), given AS (
        INSERT INTO subscriptions.subscription_periods (subscription_id, order_no, gift_id, kind, plan_id, tier, amount, months,
            days, status, expires_at, granted_at, created_at, updated_at)
        SELECT subscription_id, %(order_no)s, %(gift_id)s, %(kind)s, %(plan_id)s, %(tier)s, %(amount)s, %(months)s, %(days)s,
            CASE WHEN %(starts)s::timestamptz IS NULL THEN 'open' ELSE 'granted' END,
            %(expires_at)s, %(starts)s, %(at)s, %(at)s
        FROM opened
    ), agreed AS (
        INSERT INTO subscriptions.renewal_consents (subscription_id, plan_id, amount, given_at)
        SELECT opened.subscription_id, p.plan_id, p.amount, %(at)s
        FROM opened JOIN subscriptions.subscription_plans p ON p.plan_id = %(plan_id)s WHERE %(auto_renew)s
    )
    """
)
_OPEN_GIVEN = sql.SQL("WITH {open} SELECT subscription_id, version FROM opened").format(open=_OPEN)
_OPEN_WITH_ORDER = sql.SQL(
    """
    WITH {open} SELECT subscription_id, version,
        commerce.open_order('subscriptions', 'subscription', subscription_id, %(user_id)s, %(creator_id)s, %(title)s,
            %(order_amount)s, %(discount)s, 'CNY', %(price_lines)s, %(order_no)s, %(at)s, %(expires_at)s)
    FROM opened
    """
).format(open=_OPEN)


def open_given(db: Connection, opening: Opening) -> Row | None:
    """A subscription that runs at once; None when this user has a live one with this creator."""
    return one(db, _OPEN_GIVEN, asdict(opening))


def open_with_order(db: Connection, opening: Opening, title: str, price: Price) -> Row | None:
    """A pending subscription and its order at payments, both or neither; None when the user has a live one."""
    return one(
        db,
        _OPEN_WITH_ORDER,
        asdict(opening)
        | {
            "title": title,
            "order_amount": price.gross,
            "discount": price.discount,
            "price_lines": Jsonb(price.order_lines("plan")),
        },
    )


_PLAN_FOR = with_plan(
    """
    SELECT p.creator_id, p.seats_taken, live.subscription_id, live.status, live.access_until,
        live.order_no, due.expires_at,
        EXISTS (SELECT 1 FROM subscriptions.user_subscriptions s WHERE s.user_id = %(user_id)s
            AND s.creator_id = p.creator_id AND s.version IS NOT NULL) AS had_access,
        c.status IN ('inactive', 'pending_deletion', 'deleted') AS creator_has_left, {plan}
    FROM subscriptions.subscription_plans p JOIN identity.pub_profiles c ON c.uid = p.creator_id
    LEFT JOIN subscriptions.user_subscriptions live ON live.user_id = %(user_id)s AND live.creator_id = p.creator_id
        AND live.status IN ('pending', 'trialing', 'active', 'past_due')
    LEFT JOIN subscriptions.subscription_periods due ON due.order_no = live.order_no AND due.status = 'open'
    WHERE p.plan_id = %(plan_id)s FOR UPDATE OF p
    """
)


def plan_for(db: Connection, plan_id: int, user_id: int) -> Row | None:
    """A plan, held so that its seats are taken one at a time, and what this user has or had with its creator."""
    return one(db, _PLAN_FOR, {"plan_id": plan_id, "user_id": user_id})


_FIND = with_plan(
    """
    SELECT {subscription} FROM {subscriptions}
    WHERE s.subscription_id = %(subscription_id)s AND s.user_id = %(user_id)s
    """
)


def find(db: Connection, subscription_id: int, user_id: int) -> Row | None:
    """One subscription of this user."""
    return one(db, _FIND, {"subscription_id": subscription_id, "user_id": user_id})


def end_at_period_end(db: Connection, subscription_id: int, reason: str | None, at: datetime) -> None:
    """Let a running subscription end with its period; asked again, it only keeps the newer reason."""
    db.execute(
        """
        UPDATE subscriptions.user_subscriptions SET cancel_at_period_end = true, auto_renew = false,
            cancel_reason = coalesce(%(reason)s, cancel_reason), updated_at = %(at)s
        WHERE subscription_id = %(subscription_id)s
        """,
        {"subscription_id": subscription_id, "reason": reason, "at": at},
    )
