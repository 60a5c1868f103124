"""The lists about the books: accounts, postings of one, chargebacks, adjustments."""

from typing import Any

from functions.finance.ledger_schemas import AccountOut, AdjustmentOut, ChargebackOut, PostingOut
from shared.sql.listing import Listing

ACCOUNTS: Listing[AccountOut] = Listing(
    columns="""a.account_id, a.name AS account, a.currency, a.kind, %(at)s::timestamptz AS at,
        finance.balance_at(a.name, %(at)s, a.currency) AS balance""",
    source="finance.ledger_accounts a",
    key=("account_id", "a.account_id"),
    sorts={"account": "a.name"},
    default_sort="account",
    filters={
        "at": "a.created_at <= %(at)s",
        "prefix": "starts_with(a.name, %(prefix)s)",
        "kind": "a.kind = %(kind)s",
        "currency": "a.currency = %(currency)s",
    },
)

POSTINGS: Listing[PostingOut] = Listing(
    columns="p.posting_id, e.entry_id, e.reference, e.kind, e.ref_type, e.ref_id, p.amount, p.balance_after, p.at",
    source="finance.ledger_postings p JOIN finance.ledger_entries e USING (entry_id)",
    key=("posting_id", "p.posting_id"),
    sorts={"at": "p.at"},
    default_sort="at",
    filters={
        "account_id": "p.account_id = %(account_id)s",
        "since": "p.at >= %(since)s",
        "until": "p.at < %(until)s",
        "kind": "e.kind = %(kind)s",
    },
)

CHARGEBACKS: Listing[ChargebackOut] = Listing(
    columns="""c.chargeback_id, c.order_no, c.creator_id, c.channel, c.case_no, c.amount, c.status, c.reason, c.opened_by,
        c.opened_at, c.decided_by, c.decided_at, c.comment""",
    source="finance.chargebacks c",
    key=("chargeback_id", "c.chargeback_id"),
    sorts={"opened_at": "c.opened_at"},
    default_sort="opened_at",
    filters={
        "chargeback_id": "c.chargeback_id = %(chargeback_id)s",
        "status": "c.status = %(status)s",
        "order_no": "c.order_no = %(order_no)s",
        "creator_id": "c.creator_id = %(creator_id)s",
    },
)

ADJUSTMENTS: Listing[AdjustmentOut] = Listing(
    columns="""j.adjustment_id, j.currency, j.from_account, j.to_account, j.amount, j.stands AS status, j.reason, j.proposed_by,
        j.proposed_at, j.expires_at, j.decided_by, j.decided_at, j.comment""",
    source="""(SELECT a.*, CASE WHEN status = 'proposed' AND expires_at <= %(now)s THEN 'expired' ELSE status END AS stands
        FROM finance.adjustments a) j""",
    key=("adjustment_id", "j.adjustment_id"),
    sorts={"proposed_at": "j.proposed_at"},
    default_sort="proposed_at",
    filters={
        "now": "j.proposed_at <= %(now)s",
        "adjustment_id": "j.adjustment_id = %(adjustment_id)s",
        "status": "j.stands = %(status)s",
        "account": "%(account)s IN (j.from_account, j.to_account)",
    },
)


def account(row: dict[str, Any]) -> AccountOut:
    """One account."""
    return AccountOut.model_construct(**{name: row[name] for name in AccountOut.model_fields})


def posting(row: dict[str, Any]) -> PostingOut:
    """One posting."""
    return PostingOut.model_construct(**{name: row[name] for name in PostingOut.model_fields})


def chargeback(row: dict[str, Any]) -> ChargebackOut:
    """One chargeback."""
    return ChargebackOut.model_construct(**{name: row[name] for name in ChargebackOut.model_fields})


def adjustment(row: dict[str, Any]) -> AdjustmentOut:
    """One adjustment."""
    return AdjustmentOut.model_construct(**{name: row[name] for name in AdjustmentOut.model_fields})
