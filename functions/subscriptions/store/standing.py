"""The queries that change what a subscription stands at: periods granted and taken back, rights begun and ended."""

from datetime import datetime

from functions.subscriptions.periods import Period, Standing
from functions.subscriptions.store.rows import Row, one, rows
from shared.sql.connection import Connection


def filed(db: Connection, order_no: str) -> Row | None:
    """What an order was opened for, as it stands now, and the live subscription of the same user and creator.

    The plans it may move between are held, by id, since their counts follow; call `lock_user` first.
    """
    db.execute(
        """
        SELECT FROM subscriptions.subscription_plans WHERE plan_id IN (
            SELECT unnest(ARRAY[given.plan_id, own.plan_id]) FROM subscriptions.subscription_periods d
            JOIN subscriptions.user_subscriptions s USING (subscription_id)
            JOIN subscriptions.user_subscriptions own ON own.user_id = s.user_id AND own.creator_id = s.creator_id
            JOIN subscriptions.subscription_periods given ON given.subscription_id = own.subscription_id
            WHERE d.order_no = %s)
        ORDER BY plan_id FOR UPDATE
        """,
        (order_no,),
    )
    return one(
        db,
        """
        SELECT d.period_id, d.kind, d.status AS order_status, s.subscription_id, s.status, s.current_period_end,
               live.subscription_id AS live_id, live.status AS live_status
        FROM subscriptions.subscription_periods d
        JOIN subscriptions.user_subscriptions s USING (subscription_id)
        JOIN subscriptions.subscription_plans p ON p.plan_id = s.plan_id
        LEFT JOIN subscriptions.user_subscriptions live ON live.user_id = s.user_id AND live.creator_id = s.creator_id
            AND live.status IN ('pending', 'trialing', 'active', 'past_due')
        WHERE d.order_no = %(order_no)s FOR UPDATE OF p
        """,
        {"order_no": order_no},
    )


def hold(db: Connection, subscription_id: int) -> Row | None:
    """A subscription as it stands, its plan held; call `lock_user` first."""
    return one(
        db,
        """
        SELECT s.subscription_id, s.status, s.access_until
        FROM subscriptions.user_subscriptions s JOIN subscriptions.subscription_plans p USING (plan_id)
        WHERE s.subscription_id = %(subscription_id)s FOR UPDATE OF p
        """,
        {"subscription_id": subscription_id},
    )


def due(db: Connection, at: datetime, after_id: int, limit: int) -> list[Row]:
    """Running subscriptions that end with a period that is over, by id. Those to be renewed are left to their renewals."""
    return rows(
        db,
        """
        SELECT subscription_id, user_id FROM subscriptions.user_subscriptions
        WHERE status IN ('trialing', 'active') AND current_period_end <= %(at)s AND subscription_id > %(after_id)s
            AND access_until <= %(at)s AND NOT (auto_renew AND NOT cancel_at_period_end AND NOT pause_at_period_end)
        ORDER BY subscription_id LIMIT %(limit)s
        """,
        {"at": at, "after_id": after_id, "limit": limit},
    )


def grant(db: Connection, period_id: int, subscription_id: int, granted_at: datetime, at: datetime) -> None:
    """Give an order's period to a subscription, as of `granted_at`; if it pays a renewal, that is done."""
    db.execute(
        """
        WITH given AS (
            UPDATE subscriptions.subscription_periods SET status = 'granted', subscription_id = %(subscription_id)s,
                granted_at = %(granted_at)s, updated_at = %(at)s
            WHERE period_id = %(period_id)s RETURNING order_no
        )
        UPDATE subscriptions.renewals r SET status = 'renewed', ended_at = %(at)s, updated_at = %(at)s
        FROM given WHERE r.order_no = given.order_no
        """,
        {"period_id": period_id, "subscription_id": subscription_id, "granted_at": granted_at, "at": at},
    )


def settle(db: Connection, period_id: int, status: str, at: datetime) -> None:
    """Say that an order's period is `closed` or `refunded`."""
    db.execute(
        """
        UPDATE subscriptions.subscription_periods SET status = %(status)s, updated_at = %(at)s WHERE period_id = %(period_id)s
        """,
        {"period_id": period_id, "status": status, "at": at},
    )


def granted(db: Connection, subscription_id: int) -> list[Period]:
    """The periods a subscription has."""
    found = rows(
        db,
        """
        SELECT period_id, kind, plan_id, tier, amount, months, days, granted_at, created_at AS ordered_at
        FROM subscriptions.subscription_periods
        WHERE subscription_id = %(subscription_id)s AND status = 'granted'
        """,
        {"subscription_id": subscription_id},
    )
    return [Period(**row) for row in found]


def stand(db: Connection, subscription_id: int, status: str, standing: Standing, at: datetime) -> Row | None:
    """Let a subscription give what its periods come to; on an archived plan it ends with them.

    A plan chosen for the next period is chosen no more once another one runs.
    """
    return one(
        db,
        """
        UPDATE subscriptions.user_subscriptions s SET status = %(status)s, plan_id = p.plan_id, tier = %(tier)s,
            amount = %(amount)s, current_period_start = %(start)s, current_period_end = %(end)s, cancelled_at = NULL,
            cancel_at_period_end = cancel_at_period_end OR p.status = 'archived',
            auto_renew = auto_renew AND p.status = 'active',
            resume_at = CASE WHEN s.status <> 'paused' THEN resume_at END,
            next_plan_id = CASE WHEN s.plan_id = p.plan_id THEN next_plan_id END,
            grace_until = NULL, renew_attempts = 0, next_attempt_at = NULL,
            version = nextval('subscriptions.entitlement_version'), updated_at = %(at)s
        FROM subscriptions.subscription_plans p
        WHERE s.subscription_id = %(subscription_id)s AND p.plan_id = %(plan_id)s
        RETURNING s.subscription_id, s.user_id, s.creator_id, s.status, s.plan_id, s.tier, s.current_period_start,
            s.current_period_end, s.access_until, s.version
        """,
        {
            "subscription_id": subscription_id,
            "status": status,
            "plan_id": standing.plan_id,
            "tier": standing.tier,
            "amount": standing.amount,
            "start": standing.start,
            "end": standing.end,
            "at": at,
        },
    )


def end(db: Connection, subscription_id: int, status: str, reason: str | None, at: datetime) -> Row | None:
    """Let a subscription give nothing any more. One that gave nothing keeps its version, or having none: no right changes."""
    return one(
        db,
        """
        UPDATE subscriptions.user_subscriptions SET status = %(status)s,
            auto_renew = auto_renew AND %(status)s = 'paused', pause_at_period_end = false,
            resume_at = CASE WHEN %(status)s = 'paused' THEN resume_at END,
            grace_until = NULL, renew_attempts = 0, next_attempt_at = NULL,
            cancelled_at = CASE WHEN %(status)s = 'cancelled' THEN %(at)s::timestamptz ELSE cancelled_at END,
            cancel_reason = coalesce(%(reason)s, cancel_reason),
            version = CASE WHEN status IN ('trialing', 'active', 'past_due') THEN nextval('subscriptions.entitlement_version')
                ELSE version END,
            updated_at = %(at)s
        WHERE subscription_id = %(subscription_id)s
        RETURNING subscription_id, user_id, creator_id, status, plan_id, tier, current_period_start,
            current_period_end, access_until, version
        """,
        {"subscription_id": subscription_id, "status": status, "reason": reason, "at": at},
    )


def keep(db: Connection, subscription_id: int, status: str, grace_until: datetime, at: datetime) -> Row | None:
    """Let a subscription give access until its renewal is collected or given up."""
    return one(
        db,
        """
        UPDATE subscriptions.user_subscriptions SET status = %(status)s, grace_until = %(grace_until)s,
            version = nextval('subscriptions.entitlement_version'), updated_at = %(at)s
        WHERE subscription_id = %(subscription_id)s
        RETURNING subscription_id, user_id, creator_id, status, plan_id, tier, current_period_start,
            current_period_end, access_until, version
        """,
        {"subscription_id": subscription_id, "status": status, "grace_until": grace_until, "at": at},
    )
