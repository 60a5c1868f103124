"""The numbers given to channels for payouts, and what became of them."""

from datetime import datetime

from psycopg.rows import class_row

from functions.finance.gateways.base import Said
from functions.finance.withdrawal import Transfer, Withdrawal
from shared.sql.connection import Connection


def of_hold(db: Connection, withdrawal_id: int, hold_no: int) -> list[Transfer]:
    """The numbers used for one hold of a request, in order."""
    with db.cursor(row_factory=class_row(Transfer)) as cursor:
        return cursor.execute(
            """
            SELECT transfer_no, attempt, amount, status, gateway_no, code, sentence, asked, updated_at, confirm
            FROM finance.withdrawal_transfers WHERE withdrawal_id = %s AND hold_no = %s ORDER BY attempt
            """,
            (withdrawal_id, hold_no),
        ).fetchall()


def open_one(db: Connection, withdrawal: Withdrawal, transfer_no: str, now: datetime) -> None:
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
            "amount": withdrawal.net,
            "now": now,
        },
    )


def sent_again(db: Connection, transfer_no: str, now: datetime) -> None:
    """The number is about to be given to the vendor again, which says it never got it."""
    db.execute("UPDATE finance.withdrawal_transfers SET updated_at = %s WHERE transfer_no = %s", (now, transfer_no))


def record(db: Connection, transfer_no: str, said: Said) -> None:
    """What the vendor said of a number; counts the asking."""
    db.execute(
        """
        UPDATE finance.withdrawal_transfers SET status = %s, gateway_no = coalesce(%s, gateway_no), code = %s, sentence = %s,
            confirm = coalesce(%s, confirm), asked = asked + 1
        WHERE transfer_no = %s
        """,
        (said.status, said.gateway_no, said.code, said.sentence, said.confirm, transfer_no),
    )


def whose(db: Connection, transfer_no: str) -> int | None:
    """The withdrawal a number belongs to."""
    row = db.execute(
        "SELECT withdrawal_id FROM finance.withdrawal_transfers WHERE transfer_no = %s", (transfer_no,)
    ).fetchone()
    return None if row is None else int(row[0])
