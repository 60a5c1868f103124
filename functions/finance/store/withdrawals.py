"""Payout requests, the steps they went through, who approved them, and who may drive them."""

from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import class_row

from functions.finance.errors import InvalidState
from functions.finance.withdrawal import MOVES, Status, Withdrawal
from shared.sql.connection import Connection

_COLUMNS: Final = """
SELECT withdrawal_id, request_no, creator_id, amount, fee, method, account, account_masked, status, hold_no, run,
       task_token, payout_no, reasons, rate::text, units, lease_no, lease_until, created_at, updated_at
FROM finance.withdrawal_requests
"""
_ONE: Final = _COLUMNS + "WHERE withdrawal_id = %s"


@dataclass(frozen=True, slots=True)
class Request:
    """A payout that is asked for."""

    request_no: str
    creator_id: int
    amount: int
    fee: int
    method: str
    account: str
    account_masked: str
    rate: str | None = None
    units: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides whether a creator may be paid out. Sales and refunds are those of the last 90 days."""

    identity_approved: bool
    real_name_masked: str | None
    asked_today: int
    pending: int
    owes: bool
    ever_paid: bool
    sold: int
    refunded: int


def add(db: Connection, request: Request, now: datetime) -> int | None:
    """Store a request with its first step; None when the creator has an open one. A twin in flight is waited for."""
    row = db.execute(
        """
        WITH added AS (
            INSERT INTO finance.withdrawal_requests (request_no, creator_id, amount, fee, method, account, account_masked,
                rate, units, status, created_at, updated_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'pending', %s, %s)
            ON CONFLICT (creator_id) WHERE status IN ('pending', 'approved', 'processing') DO NOTHING
            RETURNING withdrawal_id, creator_id, status, created_at
        ), step AS (
            INSERT INTO finance.withdrawal_steps (withdrawal_id, status, at, actor)
            SELECT withdrawal_id, status, created_at, creator_id FROM added
        )
        SELECT withdrawal_id FROM added
        """,
        (*astuple(request), now, now),
    ).fetchone()
    return None if row is None else int(row[0])


def standing(db: Connection, creator_id: int, since: datetime) -> Standing:
    """Identity, what was asked for since a moment and not refused, what pending is below zero, whether a debt is open, and
    what sales and refunds were.

    The last three also of accounts that were merged into this one: their money is paid out here.
    """
    row = db.execute(
        """
        WITH RECURSIVE mine (uid) AS (
            SELECT %(creator_id)s::bigint
            UNION SELECT m.from_uid FROM finance.account_merges m JOIN mine ON m.into_uid = mine.uid
            WHERE m.parted_at IS NULL
        ), sales AS (
            SELECT coalesce(sum(gross), 0)::bigint AS sold, coalesce(sum(reversed_gross), 0)::bigint AS refunded
            FROM finance.creator_earnings
            WHERE creator_id IN (SELECT uid FROM mine) AND created_at >= %(since)s::timestamptz - interval '90 days'
        )
        SELECT coalesce((SELECT identity_approved FROM identity.pub_payout_identity WHERE uid = %(creator_id)s), false),
            (SELECT real_name_masked FROM identity.pub_payout_identity WHERE uid = %(creator_id)s),
            (SELECT coalesce(sum(amount), 0)::bigint FROM finance.withdrawal_requests
             WHERE creator_id = %(creator_id)s AND created_at >= %(since)s AND status NOT IN ('rejected', 'failed')),
            coalesce((SELECT sum(least(a.balance, 0)) FROM mine JOIN finance.ledger_accounts a
                      ON a.name = 'creator:' || mine.uid || ':pending' AND a.currency = 'CNY'), 0)::bigint,
            EXISTS (SELECT FROM finance.earning_reversals
             WHERE creator_id IN (SELECT uid FROM mine) AND after_settlement AND settlement_id IS NULL),
            EXISTS (SELECT FROM finance.withdrawal_requests WHERE creator_id = %(creator_id)s AND status = 'paid'),
            sales.sold, sales.refunded
        FROM sales
        """,
        {"creator_id": creator_id, "since": since},
    ).fetchall()[0]
    return Standing(*row)


def find(db: Connection, withdrawal_id: int) -> Withdrawal | None:
    """A request as it stands."""
    with db.cursor(row_factory=class_row(Withdrawal)) as cursor:
        return cursor.execute(_ONE, (withdrawal_id,)).fetchone()


def lock(db: Connection, withdrawal_id: int) -> Withdrawal | None:
    """A request, held until the transaction ends: every change of it starts here."""
    with db.cursor(row_factory=class_row(Withdrawal)) as cursor:
        return cursor.execute(_ONE + " FOR UPDATE", (withdrawal_id,)).fetchone()


def move(
    db: Connection,
    withdrawal: Withdrawal,
    status: Status,
    now: datetime,
    *,
    actor: int | None = None,
    code: str | None = None,
    comment: str | None = None,
    payout_no: str | None = None,
) -> None:
    """Change the state and write the step down: `code` for a known cause, `comment` for a person's words.

    An actor who approves is remembered as the approver. Raises InvalidState when no such change is in the table, when the
    creator has another request open, or when the number of a chain pays another.
    """
    if status not in MOVES[withdrawal.status]:
        raise InvalidState(status=withdrawal.status)
    note(db, withdrawal.withdrawal_id, status, now, actor=actor, code=code, comment=comment)
    again = withdrawal.status == "failed"
    try:
        db.execute(
            """
            UPDATE finance.withdrawal_requests SET status = %(status)s, updated_at = %(now)s,
                comment = coalesce(%(comment)s, comment), payout_no = coalesce(%(payout_no)s, payout_no),
                approved_by = CASE WHEN %(status)s = 'approved' THEN %(actor)s ELSE approved_by END,
                paid_at = CASE WHEN %(status)s = 'paid' THEN %(now)s ELSE paid_at END,
                hold_no = hold_no + %(again)s, run = run + %(again)s,
                driven_at = CASE WHEN %(again)s = 1 THEN NULL ELSE driven_at END
            WHERE withdrawal_id = %(id)s
            """,
            {
                "id": withdrawal.withdrawal_id,
                "status": status,
                "now": now,
                "actor": actor,
                "comment": comment or code,
                "payout_no": payout_no,
                "again": int(again),
            },
        )
    except psycopg.errors.UniqueViolation as error:
        raise InvalidState(reason="withdrawal_in_progress" if again else "payout_no_used") from error


def note(
    db: Connection,
    withdrawal_id: int,
    status: Status,
    now: datetime,
    *,
    actor: int | None = None,
    code: str | None = None,
    comment: str | None = None,
) -> None:
    """Write a step down, for the creator to see."""
    db.execute(
        """
        INSERT INTO finance.withdrawal_steps (withdrawal_id, status, at, actor, code, comment)
        VALUES (%s, %s, %s, %s, %s, %s)
        """,
        (withdrawal_id, status, now, actor, code, comment),
    )


def steps(db: Connection, withdrawal_id: int) -> list[tuple[Status, datetime, str | None, str | None]]:
    """The steps of a payout in order, each with its code and a person's comment."""
    return db.execute(
        "SELECT status, at, code, comment FROM finance.withdrawal_steps WHERE withdrawal_id = %s ORDER BY step_id LIMIT 1000",
        (withdrawal_id,),
    ).fetchall()


def wait_for_person(db: Connection, withdrawal: Withdrawal, reasons: list[str], now: datetime) -> None:
    """Keep why a person has to decide; the step is written once."""
    db.execute(
        "UPDATE finance.withdrawal_requests SET reasons = %s WHERE withdrawal_id = %s", (reasons, withdrawal.withdrawal_id)
    )
    if not withdrawal.reasons:
        note(db, withdrawal.withdrawal_id, "pending", now, code="in_review")


def approve(db: Connection, withdrawal_id: int, approver: int, now: datetime) -> int | None:
    """Count an approval; how many there are now, or None when this person has approved before."""
    added = db.execute(
        """
        INSERT INTO finance.withdrawal_approvals (withdrawal_id, approver, at) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING
        """,
        (withdrawal_id, approver, now),
    )
    if added.rowcount == 0:
        return None
    found = db.execute("SELECT count(*) FROM finance.withdrawal_approvals WHERE withdrawal_id = %s", (withdrawal_id,))
    return int(found.fetchall()[0][0])


def known_payees(db: Connection, withdrawal: Withdrawal, before: datetime) -> list[Withdrawal]:
    """What was paid to the creator until a moment, to accounts that look like this one; the latest first."""
    with db.cursor(row_factory=class_row(Withdrawal)) as cursor:
        return cursor.execute(
            _COLUMNS
            + """
            WHERE creator_id = %s AND method = %s AND account_masked = %s AND status = 'paid' AND paid_at <= %s
            ORDER BY paid_at DESC LIMIT 5
            """,
            (withdrawal.creator_id, withdrawal.method, withdrawal.account_masked, before),
        ).fetchall()


def take_lease(db: Connection, withdrawal: Withdrawal, now: datetime, until: datetime) -> int | None:
    """Be the only one to talk to the channel until a moment: the number of this lease, or None when somebody else is."""
    row = db.execute(
        """
        UPDATE finance.withdrawal_requests SET lease_no = lease_no + 1, lease_until = %s
        WHERE withdrawal_id = %s AND (lease_until IS NULL OR lease_until <= %s) RETURNING lease_no
        """,
        (until, withdrawal.withdrawal_id, now),
    ).fetchone()
    return None if row is None else int(row[0])


def end_lease(db: Connection, withdrawal_id: int) -> None:
    """Let the next one."""
    db.execute("UPDATE finance.withdrawal_requests SET lease_until = NULL WHERE withdrawal_id = %s", (withdrawal_id,))


def next_run(db: Connection, withdrawal_id: int) -> None:
    """Name a new execution for a request whose last one is not heard of any more."""
    db.execute(
        "UPDATE finance.withdrawal_requests SET run = run + 1, driven_at = NULL WHERE withdrawal_id = %s", (withdrawal_id,)
    )


def touch(db: Connection, withdrawal_id: int, now: datetime) -> None:
    """The workflow was here: the sweeper leaves the request alone for a while."""
    db.execute("UPDATE finance.withdrawal_requests SET driven_at = %s WHERE withdrawal_id = %s", (now, withdrawal_id))


def keep_execution(db: Connection, withdrawal_id: int, execution_arn: str) -> None:
    """Remember which execution drives the request."""
    db.execute(
        "UPDATE finance.withdrawal_requests SET execution_arn = %s WHERE withdrawal_id = %s", (execution_arn, withdrawal_id)
    )


def keep_token(db: Connection, withdrawal_id: int, token: str | None, answered: str | None = None) -> None:
    """Store the token by which the workflow waits for a decision; None once `answered`, unless a newer one is there."""
    db.execute(
        """
        UPDATE finance.withdrawal_requests SET task_token = %(token)s WHERE withdrawal_id = %(id)s
          AND (%(answered)s::text IS NULL OR task_token = %(answered)s)
        """,
        {"id": withdrawal_id, "token": token, "answered": answered},
    )
