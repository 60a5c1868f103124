"""The queries of renewals: one row per period that falls due, its notices, its debits, and what was agreed to."""

from datetime import datetime

from functions.subscriptions.prenotices import EXEMPT
from functions.subscriptions.renewals import Renewal
from functions.subscriptions.store.rows import Row, one, rows
from shared.sql.connection import Connection


def begin(db: Connection, subscription_id: int, at: datetime) -> None:
    """Write down that the renewal of a subscription's present period begins; one that was dropped before its end goes on."""
    db.execute(
        """
        INSERT INTO subscriptions.renewals AS known (subscription_id, due_at, created_at, updated_at)
        SELECT subscription_id, current_period_end, %(at)s, %(at)s FROM subscriptions.user_subscriptions
        WHERE subscription_id = %(subscription_id)s
        ON CONFLICT (subscription_id, due_at) DO UPDATE SET status = 'open', ended_at = NULL, started_at = NULL,
            wakes_at = NULL, run = known.run + 1, updated_at = excluded.updated_at
            WHERE known.status = 'dropped' AND known.order_no IS NULL
        """,
        {"subscription_id": subscription_id, "at": at},
    )


def of_subscription(db: Connection, subscription_id: int) -> Row | None:
    """What decides when a subscription is renewed, and its open renewal; call `lock_user` first."""
    return one(
        db,
        """
        SELECT s.subscription_id, s.status, s.current_period_end, s.entry_at, r.renewal_id, r.run, r.started_at,
            s.cancel_at_period_end OR s.pause_at_period_end AS ends
        FROM subscriptions.user_subscriptions s
        LEFT JOIN subscriptions.renewals r ON r.subscription_id = s.subscription_id AND r.status = 'open'
        WHERE s.subscription_id = %(subscription_id)s ORDER BY r.due_at DESC LIMIT 1
        """,
        {"subscription_id": subscription_id},
    )


def owner(db: Connection, subscription_id: int) -> int | None:
    """Whose subscription it is."""
    row = one(
        db,
        "SELECT user_id FROM subscriptions.user_subscriptions WHERE subscription_id = %(subscription_id)s",
        {"subscription_id": subscription_id},
    )
    return None if row is None else int(row["user_id"])


def subscription_of(db: Connection, renewal_id: int) -> int | None:
    """Which subscription a renewal is of."""
    row = one(
        db,
        "SELECT subscription_id FROM subscriptions.renewals WHERE renewal_id = %(renewal_id)s",
        {"renewal_id": renewal_id},
    )
    return None if row is None else int(row["subscription_id"])


def look(db: Connection, renewal_id: int) -> Renewal | None:
    """A renewal and what it depends on, the subscription's plan held; call `lock_user` first.

    Only a signed agreement debits anything, and never more than was signed for.
    """
    row = one(
        db,
        """
        SELECT r.renewal_id, r.subscription_id, s.user_id, s.plan_id, s.next_plan_id, r.due_at, r.status AS stage, s.status,
            s.current_period_end AS period_end, s.grace_until, s.next_attempt_at, s.agreement_id,
            s.auto_renew AND NOT s.cancel_at_period_end AND NOT s.pause_at_period_end AS renews,
            s.cancel_at_period_end OR s.pause_at_period_end AS ends, CASE WHEN a.agreement_id IS NULL THEN s.renew_means ELSE 'agreement' END AS means,
            n.notice_id IS NOT NULL AS announced, n.amount AS announced_amount, n.sent_at AS notified_at,
            r.order_no, d.plan_id AS order_plan_id, CASE WHEN d.status = 'open' THEN d.amount END AS open_amount,
            least(c.amount, a.single_amount) AS agreed, coalesce(t.try_no, 0) AS tries, t.try_no IS NOT NULL AND t.failed_at IS NULL AS in_flight,
            coalesce(t.hard, false) AS hard, t.reason, first.asked_at AS first_try,
            coalesce(a.channel = 'wechat', false) AS foretold,
            CASE WHEN NOT EXISTS (SELECT FROM subscriptions.user_subscriptions o JOIN subscriptions.renewals w USING (subscription_id)
                JOIN subscriptions.renewal_debits b USING (renewal_id) WHERE o.agreement_id = a.agreement_id
                AND b.means = 'agreement' AND b.asked_at >= a.signed_at) THEN a.signed_at + %(exempt)s END AS exempt_until,
            v.next_look_at IS NOT NULL AS telling, v.told_at, v.amount AS told_amount,
            coalesce(v.refused <> 'withdrawn', false) AS untellable
        FROM subscriptions.renewals r
        JOIN subscriptions.user_subscriptions s USING (subscription_id)
        JOIN subscriptions.subscription_plans p ON p.plan_id = s.plan_id
        LEFT JOIN subscriptions.payment_agreements a ON a.agreement_id = s.agreement_id AND a.status = 'signed'
        LEFT JOIN LATERAL (SELECT * FROM subscriptions.renewal_notices WHERE renewal_id = r.renewal_id
            AND kind IN ('renewal', 'reminder') ORDER BY notice_id DESC LIMIT 1) n ON true
        LEFT JOIN subscriptions.subscription_periods d ON d.order_no = r.order_no
        LEFT JOIN subscriptions.renewal_consents c ON c.subscription_id = r.subscription_id AND c.plan_id = coalesce(d.plan_id, n.plan_id)
        LEFT JOIN LATERAL (SELECT * FROM subscriptions.renewal_debits WHERE renewal_id = r.renewal_id
            ORDER BY try_no DESC LIMIT 1) t ON true
        LEFT JOIN subscriptions.renewal_debits first ON first.renewal_id = r.renewal_id AND first.try_no = 1
        LEFT JOIN LATERAL (SELECT * FROM subscriptions.renewal_prenotices WHERE renewal_id = r.renewal_id
            AND agreement_id = a.agreement_id ORDER BY prenotice_id DESC LIMIT 1) v ON true
        WHERE r.renewal_id = %(renewal_id)s FOR UPDATE OF p
        """,
        {"renewal_id": renewal_id, "exempt": EXEMPT},
    )
    return None if row is None else Renewal(**row)


def wake(db: Connection, renewal_id: int, wakes_at: datetime, at: datetime) -> None:
    """Store when a renewal is to be looked at again."""
    db.execute(
        "UPDATE subscriptions.renewals SET wakes_at = %s, updated_at = %s WHERE renewal_id = %s", (wakes_at, at, renewal_id)
    )


def started(db: Connection, renewal_id: int, run: int, at: datetime) -> None:
    """Store that the execution of this run was started."""
    db.execute(
        """
        UPDATE subscriptions.renewals SET started_at = %(at)s, updated_at = %(at)s
        WHERE renewal_id = %(renewal_id)s AND run = %(run)s AND started_at IS NULL
        """,
        {"renewal_id": renewal_id, "run": run, "at": at},
    )


def next_run(db: Connection, renewal_id: int, at: datetime) -> None:
    """Let another execution take over."""
    db.execute(
        """
        UPDATE subscriptions.renewals SET run = run + 1, started_at = NULL, wakes_at = NULL, updated_at = %(at)s
        WHERE renewal_id = %(renewal_id)s
        """,
        {"renewal_id": renewal_id, "at": at},
    )


def set_order(db: Connection, renewal_id: int, order_no: str, at: datetime) -> None:
    """Store the order that pays a renewal."""
    db.execute(
        "UPDATE subscriptions.renewals SET order_no = %s, updated_at = %s WHERE renewal_id = %s", (order_no, at, renewal_id)
    )


def close(db: Connection, renewal_id: int, status: str, at: datetime) -> None:
    """Say how a renewal ended: `lapsed` or `dropped`."""
    db.execute(
        """
        UPDATE subscriptions.renewals SET status = %(status)s, ended_at = %(at)s, updated_at = %(at)s
        WHERE renewal_id = %(renewal_id)s
        """,
        {"renewal_id": renewal_id, "status": status, "at": at},
    )


def by_order(db: Connection, order_no: str) -> Row | None:
    """The open renewal an order pays."""
    return one(
        db,
        """
        SELECT renewal_id, subscription_id FROM subscriptions.renewals WHERE order_no = %(order_no)s AND status = 'open'
        """,
        {"order_no": order_no},
    )


def notice(db: Connection, renewal_id: int, kind: str, plan_id: int, *, amount: int | None, at: datetime) -> int:
    """Write down that a notice is due; its id."""
    row = one(
        db,
        """
        INSERT INTO subscriptions.renewal_notices (renewal_id, kind, plan_id, amount, recorded_at)
        VALUES (%(renewal_id)s, %(kind)s, %(plan_id)s, %(amount)s, %(at)s) RETURNING notice_id
        """,
        {"renewal_id": renewal_id, "kind": kind, "plan_id": plan_id, "amount": amount, "at": at},
    )
    return int(row["notice_id"]) if row else 0


def sent(db: Connection, notice_id: int, at: datetime) -> int | None:
    """Store when a notice was sent, the first time it is said; the subscription it was about."""
    row = one(
        db,
        """
        UPDATE subscriptions.renewal_notices n SET sent_at = %(at)s FROM subscriptions.renewals r
        WHERE n.notice_id = %(notice_id)s AND n.sent_at IS NULL AND r.renewal_id = n.renewal_id RETURNING r.subscription_id
        """,
        {"notice_id": notice_id, "at": at},
    )
    return None if row is None else int(row["subscription_id"])


def debit(db: Connection, renewal: Renewal, at: datetime) -> int:
    """Write down that a debit is asked for; its number."""
    try_no = renewal.tries + 1
    db.execute(
        """
        WITH asked AS (
            INSERT INTO subscriptions.renewal_debits (renewal_id, try_no, means, asked_at)
            VALUES (%(renewal_id)s, %(try_no)s, %(means)s, %(at)s)
        )
        UPDATE subscriptions.user_subscriptions SET renew_attempts = %(try_no)s, next_attempt_at = NULL, updated_at = %(at)s
        WHERE subscription_id = %(subscription_id)s
        """,
        {
            "renewal_id": renewal.renewal_id,
            "try_no": try_no,
            "means": renewal.means,
            "subscription_id": renewal.subscription_id,
            "at": at,
        },
    )
    return try_no


def failed(db: Connection, renewal_id: int, try_no: int, *, reason: str, hard: bool, at: datetime) -> bool:
    """Store that a debit took nothing; False when that, or no such debit, is known."""
    row = one(
        db,
        """
        UPDATE subscriptions.renewal_debits SET failed_at = %(at)s, reason = %(reason)s, hard = %(hard)s
        WHERE renewal_id = %(renewal_id)s AND try_no = %(try_no)s AND failed_at IS NULL RETURNING try_no
        """,
        {"renewal_id": renewal_id, "try_no": try_no, "reason": reason, "hard": hard, "at": at},
    )
    return row is not None


def try_at(db: Connection, subscription_id: int, next_attempt_at: datetime | None, at: datetime) -> None:
    """Store when the next debit is to be tried."""
    db.execute(
        """
        UPDATE subscriptions.user_subscriptions SET next_attempt_at = %(next)s, updated_at = %(at)s
        WHERE subscription_id = %(subscription_id)s
        """,
        {"subscription_id": subscription_id, "next": next_attempt_at, "at": at},
    )


def set_entry(db: Connection, subscription_id: int, entry_at: datetime | None) -> None:
    """Store when a subscription's Scheduler entry fires."""
    db.execute(
        "UPDATE subscriptions.user_subscriptions SET entry_at = %s WHERE subscription_id = %s", (entry_at, subscription_id)
    )


def missed(db: Connection, until: datetime, after_id: int, limit: int) -> list[int]:
    """Subscriptions whose renewal should have begun: the period ends by `until`, and no renewal of it is known."""
    found = rows(
        db,
        """
        SELECT s.subscription_id FROM subscriptions.user_subscriptions s
        WHERE s.status IN ('trialing', 'active') AND s.current_period_end <= %(until)s
            AND NOT s.cancel_at_period_end AND NOT s.pause_at_period_end AND s.subscription_id > %(after_id)s
            AND NOT EXISTS (SELECT FROM subscriptions.renewals r WHERE r.subscription_id = s.subscription_id
                AND r.due_at = s.current_period_end AND (r.status <> 'dropped' OR r.order_no IS NOT NULL))
        ORDER BY s.subscription_id LIMIT %(limit)s
        """,
        {"until": until, "after_id": after_id, "limit": limit},
    )
    return [row["subscription_id"] for row in found]


def silent(db: Connection, since: datetime, after_id: int, limit: int) -> list[int]:
    """Open renewals nobody has looked at though it was time by `since`: never started, or their execution is gone."""
    found = rows(
        db,
        """
        SELECT renewal_id FROM subscriptions.renewals
        WHERE status = 'open' AND coalesce(wakes_at, started_at, created_at) <= %(since)s AND renewal_id > %(after_id)s
        ORDER BY renewal_id LIMIT %(limit)s
        """,
        {"since": since, "after_id": after_id, "limit": limit},
    )
    return [row["renewal_id"] for row in found]
