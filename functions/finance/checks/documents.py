"""Invoices and statements are what was paid, taken back and posted. Each selects `(key, expected, found)`."""

from typing import Final, LiteralString

DOCUMENTS: Final[dict[str, LiteralString]] = {
    "numbers of invoices are 1 to the last of their year, without a gap": """
        SELECT c.series || c.year, '1 to ' || c.last || ' in ' || c.last,
               min(n.place) || ' to ' || max(n.place) || ' in ' || count(DISTINCT n.place)
        FROM finance.invoice_counters c LEFT JOIN LATERAL (
            SELECT substr(i.invoice_no, length(c.series || c.year) + 1)::bigint AS place FROM finance.invoices i
            WHERE i.provider = 'platform' AND starts_with(i.invoice_no, c.series || c.year)
        ) n ON true GROUP BY c.series, c.year, c.last
    """,
    "invoices hold what their orders do, and no order is in two": """
        SELECT i.invoice_id::text, i.amount || ' once', sum(o.amount) || CASE WHEN count(t.order_no) = 0 THEN ' once' END
        FROM finance.invoices i JOIN finance.invoice_orders o USING (invoice_id)
        LEFT JOIN finance.invoice_orders t ON t.order_no = o.order_no AND t.invoice_id <> o.invoice_id AND t.live AND o.live
        WHERE i.kind = 'blue' GROUP BY i.invoice_id
    """,
    "red invoices take back what their original says, and its tax with the last fen": """
        SELECT i.invoice_id::text, i.reddened || CASE WHEN i.reddened = i.amount THEN ' ' || i.tax_amount ELSE '' END,
               coalesce(-sum(r.amount), 0) || CASE WHEN i.reddened = i.amount THEN ' ' || -sum(r.tax_amount) ELSE '' END
        FROM finance.invoices i LEFT JOIN finance.invoices r ON r.original_id = i.invoice_id
        WHERE i.kind = 'blue' GROUP BY i.invoice_id
    """,
    "invoices are void when red ones took back all of them, and else are not": """
        SELECT i.invoice_id::text, i.status = 'void', coalesce(-sum(r.amount), 0) = i.amount
        FROM finance.invoices i LEFT JOIN finance.invoices r ON r.original_id = i.invoice_id AND r.status = 'issued'
        WHERE i.kind = 'blue' GROUP BY i.invoice_id
    """,
    "statements that were given begin and end as the postings do": """
        SELECT s.statement_id::text, s.opening_balance || ' to ' || s.closing_balance,
               sum(CASE WHEN p.at < s.month::timestamp AT TIME ZONE 'Asia/Shanghai' THEN p.amount ELSE 0 END) || ' to '
               || coalesce(sum(p.amount), 0)
        FROM finance.statements s
        LEFT JOIN finance.ledger_accounts a ON a.currency = 'CNY' AND a.name IN ('creator:' || s.creator_id || ':pending',
            'creator:' || s.creator_id || ':available', 'creator:' || s.creator_id || ':frozen')
        LEFT JOIN finance.ledger_postings p ON p.account_id = a.account_id
            AND p.at < (s.month + interval '1 month') AT TIME ZONE 'Asia/Shanghai'
        GROUP BY s.statement_id
    """,
}
