"""The list of reconciliation runs, and one of them with its differences."""

from typing import Any

from psycopg.rows import dict_row

from functions.payments.reconciliation_schemas import ReconciliationOut
from shared.sql.connection import Connection
from shared.sql.listing import Listing

RUNS: Listing[ReconciliationOut] = Listing(
    columns="""r.reconciliation_id, r.channel, r.date, r.status, r.matched, r.mismatched, r.missing_local, r.missing_remote,
        r.amount_diff, r.created_at""",
    source="payments.reconciliation_runs r",
    key=("reconciliation_id", "r.reconciliation_id"),
    sorts={"date": "r.date", "created_at": "r.created_at"},
    default_sort="date",
    filters={
        "channel": "r.channel = %(channel)s",
        "status": "r.status = %(status)s",
        "date_from": "r.date >= %(date_from)s",
        "date_to": "r.date <= %(date_to)s",
    },
)


def detail(db: Connection, reconciliation_id: int) -> dict[str, Any] | None:
    """A run and its differences as JSON, open ones first, a thousand at most: what is resolved makes room."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            SELECT r.reconciliation_id, r.channel, r.date, r.status, r.matched, r.mismatched, r.missing_local,
                   r.missing_remote, r.amount_diff,
                   (SELECT coalesce(jsonb_agg(to_jsonb(i) ORDER BY i.status, i.item_id), '[]') FROM (
                        SELECT item_id, kind, movement, order_no, gateway_no, local_amount, remote_amount, status, resolution,
                               outcome, proposed_action, proposed_by
                        FROM payments.reconciliation_items WHERE reconciliation_id = r.reconciliation_id
                        ORDER BY status, item_id LIMIT 1000) i) AS items
            FROM payments.reconciliation_runs r WHERE r.reconciliation_id = %s
            """,
            (reconciliation_id,),
        ).fetchone()
