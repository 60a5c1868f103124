"""The queries of withholding agreements and of what vendors say about them."""

from dataclasses import dataclass
from datetime import date, datetime

from psycopg.rows import class_row

from functions.subscriptions.agreement_schemas import AgreementOut
from functions.subscriptions.agreements import AgreementChannel, AgreementStatus, EndReason
from functions.subscriptions.store.rows import Row, one, rows
from shared.sql.connection import Connection
from shared.sql.listing import Listing

OWN: Listing[AgreementOut] = Listing(
    columns="""a.agreement_id, a.subscription_id, a.channel, a.status, a.single_amount, a.period_months, a.debit_day,
        a.signed_at, a.ended_at, a.end_reason, a.created_at""",
    source="subscriptions.payment_agreements a",
    key=("agreement_id", "a.agreement_id"),
    sorts={"created_at": "a.created_at"},
    default_sort="created_at",
    filters={"user_id": "a.user_id = %(user_id)s", "status": "a.status = %(status)s"},
)


@dataclass(frozen=True, slots=True)
class Agreement:
    """One agreement. `agreement_no` is the vendor's number, enveloped. Amounts are fen."""

    agreement_id: int
    user_id: int
    subscription_id: int
    channel: AgreementChannel
    external_no: str
    agreement_no: str | None
    status: AgreementStatus
    single_amount: int
    period_months: int
    debit_day: date | None
    offered_at: datetime
    unsign_owed: bool
    looks: int
    created_at: datetime


def open_signing(db: Connection, wish: Row) -> Agreement:
    """A new agreement that waits for its subscriber."""
    with db.cursor(row_factory=class_row(Agreement)) as cursor:
        return cursor.execute(
            """
            INSERT INTO subscriptions.payment_agreements (user_id, subscription_id, channel, external_no, status,
                single_amount, period_months, debit_day, offered_at, next_look_at, created_at, updated_at)
            VALUES (%(user_id)s, %(subscription_id)s, %(channel)s, %(external_no)s, 'signing', %(single_amount)s,
                %(period_months)s, %(debit_day)s, %(at)s, %(look_at)s, %(at)s, %(at)s)
            RETURNING agreement_id, user_id, subscription_id, channel, external_no, agreement_no, status, single_amount,
                period_months, debit_day, offered_at, unsign_owed, looks, created_at
            """,
            wish,
        ).fetchall()[0]


def find(db: Connection, agreement_id: int) -> Agreement | None:
    """One agreement, held. Call `lock_user` first where more of its subscriber is changed."""
    with db.cursor(row_factory=class_row(Agreement)) as cursor:
        return cursor.execute(
            """
            SELECT agreement_id, user_id, subscription_id, channel, external_no, agreement_no, status, single_amount,
                period_months, debit_day, offered_at, unsign_owed, looks, created_at
            FROM subscriptions.payment_agreements WHERE agreement_id = %s FOR UPDATE
            """,
            (agreement_id,),
        ).fetchone()


def named(db: Connection, external_no: str) -> tuple[int, int] | None:
    """The agreement that goes by our number, and whose it is; not held."""
    row = one(
        db,
        "SELECT agreement_id, user_id FROM subscriptions.payment_agreements WHERE external_no = %(external_no)s",
        {"external_no": external_no},
    )
    return None if row is None else (int(row["agreement_id"]), int(row["user_id"]))


def signing(db: Connection, subscription_id: int) -> Agreement | None:
    """The agreement a subscription waits for, held."""
    row = one(
        db,
        """
        SELECT agreement_id FROM subscriptions.payment_agreements
        WHERE subscription_id = %(subscription_id)s AND status = 'signing'
        """,
        {"subscription_id": subscription_id},
    )
    return None if row is None else find(db, row["agreement_id"])


def fitting(db: Connection, user_id: int, channel: AgreementChannel, amount: int, months: int) -> int | None:
    """A signed agreement of a user that may debit so much every so many months.

    One of Alipay's is debited by once a period, so it serves one subscription at a time; WeChat's serve any number.
    """
    row = one(
        db,
        """
        SELECT a.agreement_id FROM subscriptions.payment_agreements a
        WHERE a.user_id = %(user_id)s AND a.channel = %(channel)s AND a.status = 'signed' AND a.single_amount >= %(amount)s
            AND (a.channel = 'wechat' OR (a.period_months = %(months)s AND NOT EXISTS (
                SELECT FROM subscriptions.user_subscriptions s WHERE s.agreement_id = a.agreement_id AND s.auto_renew
                    AND s.status IN ('pending', 'trialing', 'active', 'past_due', 'paused'))))
        ORDER BY a.agreement_id DESC LIMIT 1
        """,
        {"user_id": user_id, "channel": channel, "amount": amount, "months": months},
    )
    return None if row is None else int(row["agreement_id"])


def renewed_by(db: Connection, subscription_id: int) -> Row | None:
    """By what a subscription is renewed, and what the dearer of its present and its next plan costs how often."""
    return one(
        db,
        """
        SELECT s.auto_renew, s.renew_means, s.agreement_id, a.channel, a.status, a.single_amount,
            greatest(p.amount, n.amount) AS amount, coalesce(n.interval, p.interval) AS interval
        FROM subscriptions.user_subscriptions s JOIN subscriptions.subscription_plans p USING (plan_id)
        LEFT JOIN subscriptions.subscription_plans n ON n.plan_id = s.next_plan_id
        LEFT JOIN subscriptions.payment_agreements a ON a.agreement_id = s.agreement_id
        WHERE s.subscription_id = %(subscription_id)s
        """,
        {"subscription_id": subscription_id},
    )


def adopt(db: Connection, subscription_id: int, agreement_id: int, at: datetime) -> None:
    """Let a subscription that is renewed be so by an agreement."""
    db.execute(
        """
        UPDATE subscriptions.user_subscriptions SET agreement_id = %(agreement_id)s, updated_at = %(at)s
        WHERE subscription_id = %(subscription_id)s AND auto_renew
        """,
        {"subscription_id": subscription_id, "agreement_id": agreement_id, "at": at},
    )


def renewing_with(db: Connection, agreement_id: int) -> list[int]:
    """The subscriptions that an agreement is to renew, among them the one it was asked for."""
    found = rows(
        db,
        """
        SELECT s.subscription_id FROM subscriptions.user_subscriptions s
        JOIN subscriptions.payment_agreements a ON a.agreement_id = %(agreement_id)s
        WHERE (s.agreement_id = a.agreement_id OR s.subscription_id = a.subscription_id) AND s.auto_renew
            AND s.status IN ('pending', 'trialing', 'active', 'past_due', 'paused')
        ORDER BY s.subscription_id
        """,
        {"agreement_id": agreement_id},
    )
    return [int(row["subscription_id"]) for row in found]


def offer_again(db: Connection, agreement_id: int, at: datetime) -> None:
    """Store that the address of the vendor's page is made anew."""
    db.execute(
        "UPDATE subscriptions.payment_agreements SET offered_at = %s, updated_at = %s WHERE agreement_id = %s",
        (at, at, agreement_id),
    )


def signed(db: Connection, agreement_id: int, agreement_no: str, signed_at: datetime, at: datetime) -> None:
    """Store that the subscriber agreed, or under which other number they have."""
    db.execute(
        """
        UPDATE subscriptions.payment_agreements SET status = 'signed', agreement_no = %(agreement_no)s,
            signed_at = %(signed_at)s, next_look_at = NULL, looks = 0, updated_at = %(at)s
        WHERE agreement_id = %(agreement_id)s AND status <> 'terminated'
        """,
        {"agreement_id": agreement_id, "agreement_no": agreement_no, "signed_at": signed_at, "at": at},
    )


def end(
    db: Connection, agreement_id: int, reason: EndReason, at: datetime, *, owed: bool, agreement_no: str | None = None
) -> None:
    """Use an agreement no more; when it is `owed`, the vendor is still to be told."""
    db.execute(
        """
        UPDATE subscriptions.payment_agreements SET status = 'terminated', ended_at = %(at)s, end_reason = %(reason)s,
            agreement_no = coalesce(%(agreement_no)s, agreement_no), unsign_owed = %(owed)s,
            next_look_at = CASE WHEN %(owed)s THEN %(at)s::timestamptz END, looks = 0, updated_at = %(at)s
        WHERE agreement_id = %(agreement_id)s AND status <> 'terminated'
        """,
        {"agreement_id": agreement_id, "reason": reason, "at": at, "owed": owed, "agreement_no": agreement_no},
    )


def owe(db: Connection, agreement_id: int, agreement_no: str, at: datetime) -> None:
    """Somebody agreed to what had ended: tell the vendor that it has."""
    db.execute(
        """
        UPDATE subscriptions.payment_agreements SET agreement_no = %(agreement_no)s, unsign_owed = true,
            next_look_at = %(at)s, looks = 0, updated_at = %(at)s
        WHERE agreement_id = %(agreement_id)s AND status = 'terminated'
        """,
        {"agreement_id": agreement_id, "agreement_no": agreement_no, "at": at},
    )


def settle(db: Connection, agreement_id: int, at: datetime) -> None:
    """Nothing is open between us and the vendor any more."""
    db.execute(
        """
        UPDATE subscriptions.payment_agreements SET unsign_owed = false, next_look_at = NULL, looks = 0, updated_at = %(at)s
        WHERE agreement_id = %(agreement_id)s
        """,
        {"agreement_id": agreement_id, "at": at},
    )


def look_at(db: Connection, agreement_id: int, look_at: datetime, at: datetime, *, counts: bool = False) -> None:
    """Set when the vendor is asked or told next; `counts` after a fruitless look."""
    db.execute(
        """
        UPDATE subscriptions.payment_agreements SET next_look_at = %(look_at)s, looks = looks + %(counts)s::int,
            updated_at = %(at)s
        WHERE agreement_id = %(agreement_id)s
        """,
        {"agreement_id": agreement_id, "look_at": look_at, "at": at, "counts": counts},
    )


def due(db: Connection, at: datetime, limit: int) -> list[Agreement]:
    """Agreements the vendor is to be asked or told about, the longest overdue first; not held."""
    with db.cursor(row_factory=class_row(Agreement)) as cursor:
        return cursor.execute(
            """
            SELECT agreement_id, user_id, subscription_id, channel, external_no, agreement_no, status, single_amount,
                period_months, debit_day, offered_at, unsign_owed, looks, created_at
            FROM subscriptions.payment_agreements WHERE next_look_at <= %s ORDER BY next_look_at LIMIT %s
            """,
            (at, limit),
        ).fetchall()


def users_with_unused(db: Connection, limit: int) -> list[int]:
    """Users with an agreement that renews nothing any more."""
    found = rows(
        db,
        """
        SELECT DISTINCT a.user_id FROM subscriptions.payment_agreements a
        WHERE a.status <> 'terminated' AND NOT EXISTS (
            SELECT FROM subscriptions.user_subscriptions s
            WHERE (s.agreement_id = a.agreement_id OR (s.subscription_id = a.subscription_id AND a.status = 'signing'))
                AND s.auto_renew AND s.status IN ('pending', 'trialing', 'active', 'past_due', 'paused'))
        ORDER BY a.user_id LIMIT %(limit)s
        """,
        {"limit": limit},
    )
    return [int(row["user_id"]) for row in found]


def end_unused(db: Connection, user_id: int, at: datetime) -> int:
    """End the agreements of a user that renew nothing; how many. Call `lock_user` first: what is adopted meanwhile is used."""
    ended = db.execute(
        """
        UPDATE subscriptions.payment_agreements a SET status = 'terminated', ended_at = %(at)s, end_reason = 'unused',
            unsign_owed = true, next_look_at = %(at)s, looks = 0, updated_at = %(at)s
        WHERE a.user_id = %(user_id)s AND a.status <> 'terminated' AND NOT EXISTS (
            SELECT FROM subscriptions.user_subscriptions s
            WHERE (s.agreement_id = a.agreement_id OR (s.subscription_id = a.subscription_id AND a.status = 'signing'))
                AND s.auto_renew AND s.status IN ('pending', 'trialing', 'active', 'past_due', 'paused'))
        """,
        {"user_id": user_id, "at": at},
    )
    return ended.rowcount


def of_subscription(db: Connection, subscription_id: int) -> int | None:
    """The agreement that renews a subscription."""
    row = one(
        db,
        "SELECT agreement_id FROM subscriptions.user_subscriptions WHERE subscription_id = %(id)s",
        {"id": subscription_id},
    )
    return None if row is None or row["agreement_id"] is None else int(row["agreement_id"])
