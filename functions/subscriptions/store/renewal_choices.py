"""The queries of what a subscriber chooses and sees of renewals: whether, by what means, up to which price."""

from datetime import datetime

from functions.subscriptions.store.rows import Row, one
from shared.sql.connection import Connection


def turn_on(db: Connection, subscription_id: int, renew_means: str, agreement_id: int | None, at: datetime) -> None:
    """Let a subscription be renewed by a means, also one that was to end with its period."""
    db.execute(
        """
        UPDATE subscriptions.user_subscriptions SET auto_renew = true, cancel_at_period_end = false, renew_means = %(renew_means)s,
            agreement_id = %(agreement_id)s, updated_at = %(at)s
        WHERE subscription_id = %(subscription_id)s
        """,
        {"subscription_id": subscription_id, "renew_means": renew_means, "agreement_id": agreement_id, "at": at},
    )


def agree(db: Connection, subscription_id: int, plan_id: int, amount: int, at: datetime) -> None:
    """Store up to which price of a plan its subscriber agreed to be debited; the later word holds."""
    db.execute(
        """
        INSERT INTO subscriptions.renewal_consents (subscription_id, plan_id, amount, given_at)
        VALUES (%(subscription_id)s, %(plan_id)s, %(amount)s, %(at)s)
        ON CONFLICT (subscription_id, plan_id) DO UPDATE SET amount = excluded.amount, given_at = excluded.given_at
        """,
        {"subscription_id": subscription_id, "plan_id": plan_id, "amount": amount, "at": at},
    )


def agree_to_plans(db: Connection, subscription_id: int, at: datetime) -> None:
    """Store that the list prices of a subscription's plan, and of the one chosen next, are agreed to."""
    db.execute(
        """
        INSERT INTO subscriptions.renewal_consents (subscription_id, plan_id, amount, given_at)
        SELECT s.subscription_id, p.plan_id, p.amount, %(at)s FROM subscriptions.user_subscriptions s
        JOIN subscriptions.subscription_plans p ON p.plan_id IN (s.plan_id, s.next_plan_id)
        WHERE s.subscription_id = %(subscription_id)s
        ON CONFLICT (subscription_id, plan_id) DO UPDATE SET amount = excluded.amount, given_at = excluded.given_at
        """,
        {"subscription_id": subscription_id, "at": at},
    )


def agreed(db: Connection, subscription_id: int, plan_id: int) -> int | None:
    """The price of a plan its subscriber agreed to, in fen."""
    row = one(
        db,
        """
        SELECT amount FROM subscriptions.renewal_consents
        WHERE subscription_id = %(subscription_id)s AND plan_id = %(plan_id)s
        """,
        {"subscription_id": subscription_id, "plan_id": plan_id},
    )
    return None if row is None else int(row["amount"])


def state(db: Connection, subscription_id: int) -> Row | None:
    """How a subscription is renewed next, as its user may see it."""
    return one(
        db,
        """
        SELECT s.auto_renew AND NOT s.cancel_at_period_end AND NOT s.pause_at_period_end AS renews,
            CASE WHEN a.agreement_id IS NULL THEN s.renew_means ELSE 'agreement' END AS means, s.current_period_end AS due_at,
            n.sent_at AS notified_at, CASE WHEN d.status = 'open' THEN r.order_no END AS order_no,
            d.plan_id AS order_plan_id, CASE WHEN d.status = 'open' THEN d.amount END AS open_amount,
            s.renew_attempts AS tries, t.reason AS failure, s.next_attempt_at, s.grace_until
        FROM subscriptions.user_subscriptions s
        LEFT JOIN subscriptions.payment_agreements a ON a.agreement_id = s.agreement_id AND a.status = 'signed'
        LEFT JOIN subscriptions.renewals r ON r.subscription_id = s.subscription_id AND r.due_at = s.current_period_end
        LEFT JOIN LATERAL (SELECT sent_at FROM subscriptions.renewal_notices WHERE renewal_id = r.renewal_id
            AND kind = 'renewal' ORDER BY notice_id DESC LIMIT 1) n ON true
        LEFT JOIN subscriptions.subscription_periods d ON d.order_no = r.order_no
        LEFT JOIN LATERAL (SELECT reason FROM subscriptions.renewal_debits WHERE renewal_id = r.renewal_id
            ORDER BY try_no DESC LIMIT 1) t ON true
        WHERE s.subscription_id = %(subscription_id)s
        """,
        {"subscription_id": subscription_id},
    )
