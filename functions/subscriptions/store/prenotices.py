"""The queries of what WeChat is told before a debit: written down as wanted, then told or refused."""

from dataclasses import dataclass
from datetime import datetime

from psycopg.rows import class_row

from functions.subscriptions.agreements import AgreementChannel
from functions.subscriptions.renewals import Renewal
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Prenotice:
    """One that is to be told. `agreement_no` is the vendor's number, enveloped. Amounts are fen."""

    prenotice_id: int
    renewal_id: int
    subscription_id: int
    channel: AgreementChannel
    external_no: str
    agreement_no: str
    amount: int
    looks: int


def want(db: Connection, renewal: Renewal, amount: int, at: datetime) -> None:
    """Write down that the vendor is to be told of a debit."""
    db.execute(
        """
        INSERT INTO subscriptions.renewal_prenotices (renewal_id, agreement_id, amount, wanted_at, next_look_at)
        VALUES (%(renewal_id)s, %(agreement_id)s, %(amount)s, %(at)s, %(at)s)
        """,
        {"renewal_id": renewal.renewal_id, "agreement_id": renewal.agreement_id, "amount": amount, "at": at},
    )


def withdraw(db: Connection, at: datetime) -> None:
    """Let go of those whose debit nobody wants any more, or wants under another agreement."""
    db.execute(
        """
        UPDATE subscriptions.renewal_prenotices p SET refused = 'withdrawn', next_look_at = NULL
        FROM subscriptions.renewals r, subscriptions.user_subscriptions s, subscriptions.payment_agreements a
        WHERE p.next_look_at <= %s AND r.renewal_id = p.renewal_id AND s.subscription_id = r.subscription_id
            AND a.agreement_id = p.agreement_id AND (r.status <> 'open' OR a.status <> 'signed' OR NOT s.auto_renew
                OR s.cancel_at_period_end OR s.pause_at_period_end OR s.agreement_id IS DISTINCT FROM p.agreement_id)
        """,
        (at,),
    )


def due(db: Connection, at: datetime, limit: int) -> list[Prenotice]:
    """What the vendor is to be told now, the longest overdue first; not held."""
    with db.cursor(row_factory=class_row(Prenotice)) as cursor:
        return cursor.execute(
            """
            SELECT p.prenotice_id, p.renewal_id, r.subscription_id, a.channel, a.external_no, a.agreement_no, p.amount, p.looks
            FROM subscriptions.renewal_prenotices p JOIN subscriptions.renewals r USING (renewal_id)
            JOIN subscriptions.payment_agreements a USING (agreement_id)
            WHERE p.next_look_at <= %s ORDER BY p.next_look_at, p.prenotice_id LIMIT %s
            """,
            (at, limit),
        ).fetchall()


def told(db: Connection, prenotice_id: int, at: datetime) -> None:
    """Store when the vendor was told."""
    db.execute(
        """
        UPDATE subscriptions.renewal_prenotices SET told_at = %s, next_look_at = NULL
        WHERE prenotice_id = %s AND next_look_at IS NOT NULL
        """,
        (at, prenotice_id),
    )


def refused(db: Connection, prenotice_id: int, reason: str) -> None:
    """Store that the vendor will not hear of it."""
    db.execute(
        """
        UPDATE subscriptions.renewal_prenotices SET refused = %s, next_look_at = NULL
        WHERE prenotice_id = %s AND next_look_at IS NOT NULL
        """,
        (reason, prenotice_id),
    )


def look_at(db: Connection, prenotice_id: int, look_at: datetime) -> None:
    """Set when the vendor is told next, after a fruitless time."""
    db.execute(
        """
        UPDATE subscriptions.renewal_prenotices SET next_look_at = %s, looks = looks + 1
        WHERE prenotice_id = %s AND next_look_at IS NOT NULL
        """,
        (look_at, prenotice_id),
    )
