"""Payout requests, the steps they went through, and the numbers given to vendors for them."""

from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Final

import psycopg
from psycopg.rows import class_row

from functions.finance.errors import InvalidState
from functions.finance.models import Transfer, Withdrawal
from shared.sql.connection import Connection

_SELECT: Final = """
SELECT withdrawal_id, request_no, creator_id, amount, fee, method, account, account_masked, status, hold_no, run,
       task_token, payout_no, created_at
FROM finance.withdrawal_requests WHERE withdrawal_id = %s
"""


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


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides whether a creator may be paid out."""

    identity_approved: bool
    asked_today: int
    pending: int
    owes: bool


def add(db: Connection, request: Request, now: datetime) -> int | None:
    """Store a request with its first step; None when the creator has an open one. A twin in flight is waited for."""
    row = db.execute(
        """
        WITH added AS (
            INSERT INTO finance.withdrawal_requests (request_no, creator_id, amount, fee, method, account, account_masked,
                status, created_at, updated_at)
            VALUES (%s, %s, %s, %s, %s, %s, %s, 'pending', %s, %s)
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
    """Identity, what was asked for since a moment and not refused, what pending is below zero, and whether a debt is open.

    The last two also of accounts that were merged into this one: their money is paid out here.
    """
    row = db.execute(
        """
        WITH RECURSIVE mine (uid) AS (
            SELECT %(creator_id)s::bigint
            UNION SELECT m.from_uid FROM finance.account_merges m JOIN mine ON m.into_uid = mine.uid
            WHERE m.parted_at IS NULL
        )
        SELECT coalesce((SELECT identity_approved FROM identity.pub_payout_identity WHERE uid = %(creator_id)s), false),
            (SELECT coalesce(sum(amount), 0)::bigint FROM finance.withdrawal_requests
             WHERE creator_id = %(creator_id)s AND created_at >= %(since)s AND status NOT IN ('rejected', 'failed')),
            coalesce((SELECT sum(least(a.balance, 0)) FROM mine JOIN finance.ledger_accounts a
                      ON a.name = 'creator:' || mine.uid || ':pending' AND a.currency = 'CNY'), 0)::bigint,
            EXISTS (SELECT FROM finance.earning_reversals
             WHERE creator_id IN (SELECT uid FROM mine) AND after_settlement AND settlement_id IS NULL)
        """,
        {"creator_id": creator_id, "since": since},
    ).fetchall()[0]
    return Standing(*row)


def find(db: Connection, withdrawal_id: int) -> Withdrawal | None:
    """A request as it stands."""
    with db.cursor(row_factory=class_row(Withdrawal)) as cursor:
        return cursor.execute(_SELECT, (withdrawal_id,)).fetchone()


def lock(db: Connection, withdrawal_id: int) -> Withdrawal | None:
    """A request, held until the transaction ends: every change of it starts here."""
    with db.cursor(row_factory=class_row(Withdrawal)) as cursor:
        return cursor.execute(_SELECT + " FOR UPDATE", (withdrawal_id,)).fetchone()


def move(
    db: Connection,
    withdrawal_id: int,
    status: str,
    now: datetime,
    *,
    actor: int | None = None,
    comment: str | None = None,
    payout_no: str | None = None,
) -> None:
    """Change the state and write the step down. An actor who approves is remembered as the approver."""
    db.execute(
        """
        WITH step AS (
            INSERT INTO finance.withdrawal_steps (withdrawal_id, status, at, actor, comment)
            VALUES (%(id)s, %(status)s, %(now)s, %(actor)s, %(comment)s)
        )
        UPDATE finance.withdrawal_requests SET status = %(status)s, updated_at = %(now)s,
            comment = coalesce(%(comment)s, comment), payout_no = coalesce(%(payout_no)s, payout_no),
            approved_by = CASE WHEN %(status)s = 'approved' THEN %(actor)s ELSE approved_by END,
            paid_at = CASE WHEN %(status)s = 'paid' THEN %(now)s ELSE paid_at END
        WHERE withdrawal_id = %(id)s
        """,
        {"id": withdrawal_id, "status": status, "now": now, "actor": actor, "comment": comment, "payout_no": payout_no},
    )


def hold_again(db: Connection, withdrawal_id: int) -> None:
    """Open a failed request for another round: a new hold and a new execution. InvalidState when another is open."""
    try:
        db.execute(
            """
            UPDATE finance.withdrawal_requests SET status = 'approved', hold_no = hold_no + 1, run = run + 1,
                driven_at = NULL WHERE withdrawal_id = %s
            """,
            (withdrawal_id,),
        )
    except psycopg.errors.UniqueViolation as error:
        raise InvalidState(reason="withdrawal_in_progress") from error


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


def transfers(db: Connection, withdrawal_id: int, hold_no: int) -> list[Transfer]:
    """The numbers used for one hold of a request, in order."""
    with db.cursor(row_factory=class_row(Transfer)) as cursor:
        return cursor.execute(
            """
            SELECT transfer_no, attempt, amount, status, gateway_no, code, sentence, asked, updated_at
            FROM finance.withdrawal_transfers WHERE withdrawal_id = %s AND hold_no = %s ORDER BY attempt
            """,
            (withdrawal_id, hold_no),
        ).fetchall()


def open_transfer(db: Connection, withdrawal: Withdrawal, transfer_no: str, now: datetime) -> None:
    """Write a new number down before it is used; the database refuses a second live one."""
    db.execute(
        """
        INSERT INTO finance.withdrawal_transfers (transfer_no, withdrawal_id, hold_no, attempt, amount, status, created_at,
            updated_at)
        SELECT %(no)s, %(id)s, %(hold_no)s, 1 + count(*), %(amount)s, 'open', %(now)s, %(now)s
        FROM finance.withdrawal_transfers WHERE withdrawal_id = %(id)s
        """,
        {
            "no": transfer_no,
            "id": withdrawal.withdrawal_id,
            "hold_no": withdrawal.hold_no,
            "amount": withdrawal.amount - withdrawal.fee,
            "now": now,
        },
    )


def sent_again(db: Connection, transfer_no: str, now: datetime) -> None:
    """The number is about to be given to the vendor again, which says it never got it."""
    db.execute("UPDATE finance.withdrawal_transfers SET updated_at = %s WHERE transfer_no = %s", (now, transfer_no))


def record(
    db: Connection, transfer_no: str, *, status: str, gateway_no: str | None, code: str | None, sentence: str | None
) -> None:
    """What the vendor said of a number; counts the asking."""
    db.execute(
        """
        UPDATE finance.withdrawal_transfers SET status = %s, gateway_no = coalesce(%s, gateway_no), code = %s, sentence = %s,
            asked = asked + 1
        WHERE transfer_no = %s
        """,
        (status, gateway_no, code, sentence, transfer_no),
    )
