"""Invoices: their rows, the orders in them, and numbers without gaps."""

from alembic import op

revision = "0028"
down_revision = "0027"

UP = """
-- The last number given of a series and year. Its row is locked by whoever takes the next, until that is committed.
CREATE TABLE finance.invoice_counters (
    series TEXT NOT NULL,
    year INT NOT NULL,
    last BIGINT NOT NULL CHECK (last > 0),
    PRIMARY KEY (series, year)
);

CREATE TABLE finance.invoices (
    invoice_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('blue', 'red')),
    invoice_no TEXT CONSTRAINT invoices_numbered_once UNIQUE,
    user_id BIGINT NOT NULL REFERENCES identity.users (uid),
    order_nos TEXT[] NOT NULL CHECK (cardinality(order_nos) BETWEEN 1 AND 50),
    -- Tax included, in fen; below zero on a red invoice. Nobody may change them.
    amount BIGINT NOT NULL,
    tax_rate_bp INT NOT NULL CHECK (tax_rate_bp BETWEEN 0 AND 10000),
    tax_amount BIGINT NOT NULL,
    title_type TEXT NOT NULL CHECK (title_type IN ('personal', 'company')),
    title TEXT NOT NULL,
    -- Encrypted under the serial.
    tax_no TEXT,
    email TEXT,
    -- The seller as it was when the invoice was asked for.
    seller JSONB NOT NULL,
    provider TEXT NOT NULL CHECK (provider IN ('platform', 'einvoice')),
    -- Our number of the request, the provider's key of it: it issues once under one serial.
    serial TEXT NOT NULL UNIQUE,
    original_id BIGINT REFERENCES finance.invoices,
    refund_id BIGINT CONSTRAINT invoices_red_once UNIQUE,
    -- Of a red invoice: what earlier ones took back of the original; of a blue one: what all of them do.
    reddened BIGINT NOT NULL DEFAULT 0,
    status TEXT NOT NULL CHECK (status IN ('issuing', 'issued', 'failed', 'void')),
    job_id TEXT,
    sent_at TIMESTAMPTZ,
    calls INT NOT NULL DEFAULT 0,
    refusals INT NOT NULL DEFAULT 0,
    failure TEXT,
    next_try_at TIMESTAMPTZ NOT NULL,
    issued_at TIMESTAMPTZ,
    s3_key TEXT,
    sha256 TEXT,
    -- When the address, if there is one, was told of it.
    mailed_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CHECK ((kind = 'red') = (original_id IS NOT NULL AND refund_id IS NOT NULL)),
    CHECK (CASE kind WHEN 'blue' THEN amount > 0 AND tax_amount >= 0 AND reddened BETWEEN 0 AND amount
                     ELSE amount < 0 AND tax_amount <= 0 AND reddened >= 0 END),
    CHECK (abs(tax_amount) <= abs(amount)),
    CHECK ((title_type = 'company') = (tax_no IS NOT NULL) OR kind = 'red'),
    CHECK ((invoice_no IS NULL) = (issued_at IS NULL)),
    CHECK (status <> 'issued' OR (invoice_no IS NOT NULL AND s3_key IS NOT NULL AND sha256 IS NOT NULL)),
    CHECK (status <> 'failed' OR invoice_no IS NULL)
);
CREATE INDEX invoices_by_user ON finance.invoices (user_id, created_at, invoice_id);
CREATE INDEX invoices_issued ON finance.invoices (issued_at) WHERE issued_at IS NOT NULL;
CREATE INDEX invoices_of_original ON finance.invoices (original_id) WHERE kind = 'red';
CREATE INDEX invoices_to_issue ON finance.invoices (next_try_at)
    WHERE status = 'issuing' OR (status = 'issued' AND email IS NOT NULL AND mailed_at IS NULL);

CREATE FUNCTION finance.refuse_other_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'invoice % keeps its number', OLD.invoice_id USING ERRCODE = 'FP001';
END $$;
CREATE TRIGGER numbered_for_good BEFORE UPDATE OF invoice_no, issued_at ON finance.invoices
    FOR EACH ROW WHEN (OLD.invoice_no IS NOT NULL) EXECUTE FUNCTION finance.refuse_other_number();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON finance.invoices
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();

CREATE TABLE finance.invoice_orders (
    invoice_id BIGINT NOT NULL REFERENCES finance.invoices,
    order_no TEXT NOT NULL,
    title TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    -- What had been refunded of the order when it was invoiced: red invoices begin above it.
    refunded_before BIGINT NOT NULL CHECK (refunded_before >= 0),
    live BOOLEAN NOT NULL DEFAULT true,
    PRIMARY KEY (invoice_id, order_no)
);
CREATE UNIQUE INDEX invoice_orders_once ON finance.invoice_orders (order_no) WHERE live;
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON finance.invoice_orders
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();

GRANT SELECT, INSERT, UPDATE (last) ON finance.invoice_counters TO finance;
GRANT SELECT, INSERT ON finance.invoices, finance.invoice_orders TO finance;
GRANT UPDATE (invoice_no, issued_at, reddened, status, sent_at, calls, refusals, failure, next_try_at, s3_key, sha256,
    mailed_at, updated_at) ON finance.invoices TO finance;
GRANT UPDATE (live) ON finance.invoice_orders TO finance;
"""

DOWN = """
DROP TABLE finance.invoice_orders, finance.invoices, finance.invoice_counters;
DROP FUNCTION finance.refuse_other_number();
"""


def upgrade() -> None:
    """Build them."""
    op.execute(UP)


def downgrade() -> None:
    """Take them away."""
    op.execute(DOWN)
