"""Reconciliation: a run per channel and day, the rows of its bills, and what differed; the ledger's side as a view."""

from typing import Any

from alembic import op

revision = "0018"
down_revision = "0017"

UP = """
CREATE TABLE payments.reconciliation_runs (
    reconciliation_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel TEXT NOT NULL CHECK (channel IN ('alipay', 'wechat', 'unionpay', 'usdt')),
    date DATE NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'matched', 'mismatched', 'resolved')),
    matched INT NOT NULL DEFAULT 0,
    mismatched INT NOT NULL DEFAULT 0,
    missing_local INT NOT NULL DEFAULT 0,
    missing_remote INT NOT NULL DEFAULT 0,
    -- The bill's total less ours, in fen.
    amount_diff BIGINT NOT NULL DEFAULT 0,
    -- Whose turn it is, and until when nobody else may take it; NULL when nobody works on it.
    token TEXT NOT NULL,
    leased_until TIMESTAMPTZ,
    -- Which import counts; 0 and NULL before the first was whole.
    import_no INT NOT NULL DEFAULT 0,
    imported_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT reconciliation_once UNIQUE (channel, date),
    CHECK (imported_at IS NOT NULL OR status = 'running')
);
CREATE INDEX reconciliations_by_date ON payments.reconciliation_runs (date, reconciliation_id);

-- As the channel told it; amounts are positive, `kind` says which way the money went.
CREATE TABLE payments.reconciliation_bill_rows (
    reconciliation_id BIGINT NOT NULL REFERENCES payments.reconciliation_runs,
    import_no INT NOT NULL,
    line_no INT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('pay', 'refund')),
    gateway_no VARCHAR(64) NOT NULL,
    payment_no VARCHAR(64),
    refund_no VARCHAR(64),
    amount BIGINT NOT NULL,
    fee BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (reconciliation_id, import_no, line_no)
);
CREATE INDEX bill_rows_of_payment ON payments.reconciliation_bill_rows (payment_no) WHERE kind = 'pay';
CREATE INDEX bill_rows_of_refund ON payments.reconciliation_bill_rows (refund_no) WHERE kind = 'refund';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments.reconciliation_bill_rows
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();

CREATE TABLE payments.reconciliation_items (
    item_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reconciliation_id BIGINT NOT NULL REFERENCES payments.reconciliation_runs,
    kind TEXT NOT NULL CHECK (kind IN ('amount_diff', 'missing_local', 'missing_remote', 'status_diff')),
    movement TEXT NOT NULL CHECK (movement IN ('pay', 'refund')),
    -- Our number of the payment or refund; the channel's word for it when it is none of ours.
    reference VARCHAR(64) NOT NULL,
    order_no VARCHAR(32),
    gateway_no VARCHAR(64),
    local_amount BIGINT,
    remote_amount BIGINT,
    remote_at TIMESTAMPTZ,
    status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved')),
    -- The first of two people whom a large amount takes.
    proposed_action TEXT,
    proposed_by BIGINT,
    resolution TEXT CHECK (resolution IN ('accept_remote', 'accept_local', 'refund', 'ignore')),
    -- What the resolution came to.
    outcome TEXT,
    comment TEXT,
    resolved_by BIGINT,
    resolved_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT difference_once UNIQUE (reconciliation_id, movement, reference),
    CHECK ((status = 'resolved') = (resolution IS NOT NULL AND resolved_by IS NOT NULL AND resolved_at IS NOT NULL)),
    CHECK ((proposed_action IS NULL) = (proposed_by IS NULL)),
    CONSTRAINT two_people CHECK (resolved_by IS DISTINCT FROM proposed_by OR resolved_by IS NULL)
);

CREATE INDEX transactions_by_finish ON payments.payment_transactions (channel, finished_at)
    WHERE status = 'succeeded' AND kind <> 'refund';
CREATE INDEX refunds_by_finish ON payments.payment_refunds (finished_at) WHERE status = 'succeeded';
-- What the vendor holds of a payment, where that is not what was asked for.
ALTER TABLE payments.payment_refunds ADD COLUMN received BIGINT CHECK (received > 0);

-- What the books say went through a channel: captures by order, refunds by number. Positive both.
CREATE VIEW finance.pub_channel_movements AS
    SELECT e.reference, e.kind, e.ref_id AS order_no, split_part(a.name, ':', 2) AS channel, abs(p.amount) AS amount, e.at
    FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
    JOIN finance.ledger_accounts a USING (account_id)
    WHERE e.kind IN ('capture', 'refund') AND a.name LIKE 'channel:%';

-- Where a file that was found harmless lies, for those whose work is to read it.
CREATE VIEW media.pub_originals AS
    SELECT media_id, owner_id, s3_key, size FROM media.media_files WHERE status = 'ready';

GRANT USAGE ON SCHEMA finance, media TO payments;
GRANT SELECT ON finance.pub_channel_movements, media.pub_originals TO payments;
GRANT SELECT, INSERT ON payments.reconciliation_runs, payments.reconciliation_bill_rows, payments.reconciliation_items
    TO payments;
GRANT UPDATE (status, matched, mismatched, missing_local, missing_remote, amount_diff, token, leased_until, import_no,
    imported_at, updated_at) ON payments.reconciliation_runs TO payments;
GRANT UPDATE (kind, order_no, gateway_no, local_amount, remote_amount, remote_at, status, proposed_action, proposed_by,
    resolution, outcome, comment, resolved_by, resolved_at, updated_at) ON payments.reconciliation_items TO payments;
"""

DOWN = """
ALTER TABLE payments.payment_refunds DROP COLUMN received;
DROP VIEW media.pub_originals;
DROP VIEW finance.pub_channel_movements;
DROP INDEX payments.transactions_by_finish, payments.refunds_by_finish;
DROP TABLE payments.reconciliation_items, payments.reconciliation_bill_rows, payments.reconciliation_runs;
"""


def upgrade() -> None:
    """Build them. Past Alembic's text(), which would take the `:` of an account name for a parameter."""
    connection: Any = op.get_bind().connection.dbapi_connection
    connection.execute(UP)


def downgrade() -> None:
    """Take them away; rights to a schema are left to the schema's own migration."""
    op.execute(DOWN)
