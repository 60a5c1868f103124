"""Users who behave abnormally: the facts that show it, and what was found (rules.md §17)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from functions.identity.schemas.desk import Anomaly
from shared.sql.connection import Connection
from shared.sql.listing import Listing

ANOMALIES: Listing[Anomaly] = Listing(
    columns="n.anomaly_id, n.user_id, n.kind, n.rule, n.score, n.evidence, n.detected_at",
    source="identity.user_anomalies n",
    key=("anomaly_id", "n.anomaly_id"),
    sorts={"detected_at": "n.detected_at"},
    default_sort="detected_at",
    filters={"kind": "n.kind = %(kind)s", "severity": "n.severity = %(severity)s"},
)


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing a user did that may be part of an anomaly; `what` goes into the evidence."""

    user_id: int
    at: datetime
    what: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """An anomaly, found now."""

    user_id: int
    kind: str
    rule: str
    severity: str
    score: float
    evidence: dict[str, Any]
    window_start: datetime
    window_end: datetime


def seen_until(db: Connection, rule: str, at: datetime) -> datetime:
    """Until when a rule has looked; alone with the rule until the transaction ends. One that never looked begins now."""
    row = db.execute(
        """
        INSERT INTO identity.anomaly_marks AS mark (rule, seen_until) VALUES (%s, %s)
        ON CONFLICT (rule) DO UPDATE SET seen_until = mark.seen_until RETURNING seen_until
        """,
        (rule, at),
    ).fetchall()[0]
    return row[0]  # type: ignore[no-any-return]  # a timestamptz column


def mark_seen(db: Connection, rule: str, at: datetime) -> None:
    """The rule has looked until then."""
    db.execute("UPDATE identity.anomaly_marks SET seen_until = greatest(seen_until, %s) WHERE rule = %s", (at, rule))


def windows(db: Connection, rule: str, since: datetime) -> dict[int, list[tuple[datetime, datetime]]]:
    """What was found already, by user: nothing in these windows counts again."""
    found: dict[int, list[tuple[datetime, datetime]]] = {}
    rows = db.execute(
        "SELECT user_id, window_start, window_end FROM identity.user_anomalies WHERE rule = %s AND window_end > %s",
        (rule, since),
    ).fetchall()
    for user_id, start, end in rows:
        found.setdefault(user_id, []).append((start, end))
    return found


def security_signs(db: Connection, kind: str, why: str, since: datetime, until: datetime) -> list[Sign]:
    """Security events of a kind, by user and time."""
    with db.cursor(row_factory=class_row(Sign)) as cursor:
        return cursor.execute(
            """
            SELECT e.user_id, e.created_at AS at,
                   jsonb_build_object('event_id', e.event_id, 'ip', e.ip, 'at', e.created_at) || e.detail AS what
            FROM admin.pub_security_events e JOIN identity.users u ON u.uid = e.user_id
            WHERE e.kind = %s AND e.detail ->> 'why' = %s AND e.created_at > %s AND e.created_at <= %s
            ORDER BY e.user_id, e.created_at, e.event_id
            """,
            (kind, why, since, until),
        ).fetchall()


def failed_payments(db: Connection, since: datetime, until: datetime) -> list[Sign]:
    """Payments that failed, by user and time."""
    with db.cursor(row_factory=class_row(Sign)) as cursor:
        return cursor.execute(
            """
            SELECT f.user_id, f.failed_at AS at,
                   jsonb_build_object('payment_no', f.payment_no, 'order_no', f.order_no, 'channel', f.channel,
                                      'amount', f.amount, 'at', f.failed_at) AS what
            FROM payments.pub_failed_payments f JOIN identity.users u ON u.uid = f.user_id
            WHERE f.failed_at > %s AND f.failed_at <= %s ORDER BY f.user_id, f.failed_at, f.payment_no
            """,
            (since, until),
        ).fetchall()


def insert(db: Connection, findings: Sequence[Finding], at: datetime) -> int:
    """Store what was found; how many of it is new."""
    return sum(
        db.execute(
            """
            INSERT INTO identity.user_anomalies
                (user_id, kind, rule, severity, score, evidence, window_start, window_end, detected_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT ON CONSTRAINT anomaly_once DO NOTHING
            """,
            (
                one.user_id,
                one.kind,
                one.rule,
                one.severity,
                one.score,
                Jsonb(one.evidence),
                one.window_start,
                one.window_end,
                at,
            ),
        ).rowcount
        for one in findings
    )


def overlap(window: timedelta) -> timedelta:
    """How far behind its mark a rule looks again: what was committed late, and the window it belongs to."""
    return 2 * window + timedelta(minutes=10)
