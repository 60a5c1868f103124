"""How orders may be paid: the rules of risk control and what they caught, and the balances of buyers."""

from typing import Any

from alembic import op

revision = "0017"
down_revision = "0016"

# What rules of risk control measure beyond payments' own rows: since when an account is, and who uses a device.
READS = """
CREATE VIEW identity.pub_account_ages AS SELECT uid, created_at FROM identity.users;
CREATE VIEW identity.pub_devices AS SELECT device_id, uid FROM identity.user_devices;
GRANT USAGE ON SCHEMA identity TO payments;
GRANT SELECT ON identity.pub_account_ages, identity.pub_devices TO payments;
"""

# rules.md §7. `window_seconds` is how far back a rule looks; a rule about one amount looks at nothing else.
RISK = """
CREATE TABLE payments.payment_risk_rules (
    key TEXT PRIMARY KEY CHECK (key IN
        ('order_count', 'amount_single', 'failed_count', 'new_account_amount', 'device_accounts', 'refund_percent')),
    enabled BOOLEAN NOT NULL,
    threshold BIGINT NOT NULL CHECK (threshold > 0),
    window_seconds INT CHECK (window_seconds > 0),
    action TEXT NOT NULL CHECK (action IN ('review', 'reject')),
    place INT NOT NULL,
    CHECK ((window_seconds IS NULL) = (key = 'amount_single'))
);
INSERT INTO payments.payment_risk_rules (key, enabled, threshold, window_seconds, action, place) VALUES
    ('order_count', true, 10, 600, 'reject', 1),
    ('amount_single', true, 500000, NULL, 'review', 2),
    ('failed_count', true, 3, 3600, 'review', 3),
    ('new_account_amount', true, 100000, 86400, 'review', 4),
    ('device_accounts', true, 5, 86400, 'reject', 5);

CREATE TABLE payments.payment_risk_events (
    event_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_no VARCHAR(32) NOT NULL REFERENCES payments.payment_orders,
    user_id BIGINT NOT NULL,
    rule_key TEXT NOT NULL,
    -- What the rule measured.
    score BIGINT NOT NULL,
    status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'released', 'confirmed')),
    reviewed_by BIGINT,
    comment TEXT,
    reviewed_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT risk_event_once UNIQUE (order_no, rule_key),
    CHECK ((status = 'open') = (reviewed_by IS NULL))
);
CREATE INDEX risk_events_queue ON payments.payment_risk_events (status, created_at, event_id);
CREATE INDEX risk_events_by_time ON payments.payment_risk_events (created_at, event_id);
CREATE INDEX risk_events_of_user ON payments.payment_risk_events (user_id, created_at, event_id);

GRANT SELECT, INSERT, DELETE ON payments.payment_risk_rules TO payments;
GRANT SELECT, INSERT, UPDATE (status, reviewed_by, comment, reviewed_at) ON payments.payment_risk_events TO payments;
"""

STATISTICS = """
CREATE INDEX transactions_by_time ON payments.payment_transactions (created_at) WHERE kind <> 'refund';
CREATE INDEX transactions_refunded ON payments.payment_transactions (finished_at)
    WHERE kind = 'refund' AND status = 'succeeded';
"""

# What the platform owes a buyer is an account of the ledger. Payments moves it by these two functions alone, each once
# per reference, in the transaction that moves the order. `channel:balance` lies between a buyer's account and the
# capture, which finance books later: where there is nothing on the way, it is zero.
BALANCES = """
ALTER TABLE finance.ledger_accounts DROP CONSTRAINT ledger_accounts_named, ADD CONSTRAINT ledger_accounts_named CHECK (
    name ~ '^(creator:[1-9][0-9]*:(pending|available|frozen|withdrawn)|buyer:[1-9][0-9]*:balance|(platform|channel):[a-z_]+)$');

CREATE OR REPLACE FUNCTION finance.open_accounts(p_names text[], p_currency text, p_at timestamptz) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO finance.ledger_accounts (name, currency, kind, may_go_negative, balance, created_at)
    SELECT n, p_currency, CASE WHEN n ~ '^(creator|buyer):' THEN 'owner' ELSE 'platform' END,
           n LIKE 'creator:%:pending', CASE WHEN n ~ '^(creator|buyer):' THEN 0 END, p_at
    FROM (SELECT DISTINCT unnest(p_names) AS n) AS wanted
    WHERE NOT EXISTS (SELECT FROM finance.ledger_accounts a WHERE a.name = n AND a.currency = p_currency)
    ORDER BY n
    ON CONFLICT DO NOTHING
$$;
CREATE OR REPLACE VIEW finance.creator_balances AS
    SELECT split_part(name, ':', 2)::bigint AS creator_id, split_part(name, ':', 3) AS part, balance
    FROM finance.ledger_accounts WHERE kind = 'owner' AND currency = 'CNY' AND name LIKE 'creator:%';

CREATE FUNCTION finance.credit_balance(
    p_kind text, p_reference text, p_order_no text, p_uid bigint, p_channel text, p_amount bigint, p_at timestamptz
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_amount <= 0 OR p_kind NOT IN ('surplus', 'refund', 'case') THEN
        RAISE EXCEPTION 'not a credit: % %', p_kind, p_amount USING ERRCODE = 'LG001';
    END IF;
    PERFORM finance.post_entry('balance:' || p_kind || ':' || p_reference, 'balance_' || p_kind, 'order', p_order_no, p_at,
        'CNY', ARRAY['channel:' || p_channel, 'buyer:' || p_uid || ':balance'], ARRAY[-p_amount, p_amount]);
END $$;

CREATE FUNCTION finance.pay_from_balance(p_order_no text, p_uid bigint, p_amount bigint, p_at timestamptz)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_constraint text;
BEGIN
    IF p_amount <= 0 THEN
        RAISE EXCEPTION 'not a payment: %', p_amount USING ERRCODE = 'LG001';
    END IF;
    PERFORM finance.post_entry('balance:payment:' || p_order_no, 'balance_payment', 'order', p_order_no, p_at, 'CNY',
        ARRAY['buyer:' || p_uid || ':balance', 'channel:balance'], ARRAY[-p_amount, p_amount]);
    RETURN true;
EXCEPTION WHEN check_violation THEN
    GET STACKED DIAGNOSTICS v_constraint = CONSTRAINT_NAME;
    IF v_constraint <> 'ledger_accounts_covered' THEN
        RAISE;
    END IF;
    RETURN false;
END $$;

CREATE VIEW finance.pub_buyer_balances AS
    SELECT name AS account, currency, balance AS available FROM finance.ledger_accounts WHERE name LIKE 'buyer:%';
-- What a person is owed as a buyer holds their account back as what they are owed as a creator does.
CREATE OR REPLACE VIEW finance.pub_balances AS
    SELECT split_part(name, ':', 2)::bigint AS creator_id, currency,
           coalesce(sum(balance) FILTER (WHERE name LIKE '%:pending'), 0)::bigint AS pending,
           coalesce(sum(balance) FILTER (WHERE name LIKE '%:available'), 0)::bigint AS available,
           coalesce(sum(balance) FILTER (WHERE name LIKE '%:frozen'), 0)::bigint AS frozen,
           coalesce(sum(balance) FILTER (WHERE name LIKE '%:balance'), 0)::bigint AS credit
    FROM finance.ledger_accounts WHERE kind = 'owner' GROUP BY split_part(name, ':', 2)::bigint, currency;
CREATE VIEW finance.pub_balance_movements AS
    SELECT p.posting_id AS movement_id, a.name AS account, p.amount, substr(e.kind, length('balance_') + 1) AS kind,
           e.ref_id AS order_no, p.at AS created_at
    FROM finance.ledger_accounts a JOIN finance.ledger_postings p USING (account_id)
    JOIN finance.ledger_entries e USING (entry_id) WHERE a.name LIKE 'buyer:%';
REVOKE ALL ON FUNCTION finance.credit_balance, finance.pay_from_balance FROM PUBLIC;
GRANT USAGE ON SCHEMA finance TO payments;
GRANT EXECUTE ON FUNCTION finance.credit_balance, finance.pay_from_balance TO payments;
GRANT SELECT ON finance.pub_buyer_balances, finance.pub_balance_movements TO payments;
"""


OLD_BALANCES = """
DROP VIEW finance.pub_balance_movements, finance.pub_buyer_balances, finance.pub_balances;
CREATE VIEW finance.pub_balances AS
    SELECT split_part(name, ':', 2)::bigint AS creator_id, currency,
           coalesce(sum(balance) FILTER (WHERE name LIKE '%:pending'), 0)::bigint AS pending,
           coalesce(sum(balance) FILTER (WHERE name LIKE '%:available'), 0)::bigint AS available,
           coalesce(sum(balance) FILTER (WHERE name LIKE '%:frozen'), 0)::bigint AS frozen
    FROM finance.ledger_accounts WHERE kind = 'owner' GROUP BY split_part(name, ':', 2)::bigint, currency;
GRANT SELECT ON finance.pub_balances TO identity;
DROP FUNCTION finance.credit_balance, finance.pay_from_balance;
REVOKE USAGE ON SCHEMA finance FROM payments;
"""


def _execute(script: str) -> None:
    """Past Alembic's text(), which would take the `:` of an account's name for a parameter."""
    connection: Any = op.get_bind().connection.dbapi_connection
    connection.execute(script)


def upgrade() -> None:
    """Build them, with the rules of rules.md §7."""
    op.execute(READS)
    op.execute(RISK)
    op.execute(STATISTICS)
    _execute(BALANCES)


def downgrade() -> None:
    """Take them away; no balance may exist any more."""
    _execute(OLD_BALANCES)
    op.execute("DROP INDEX payments.transactions_by_time, payments.transactions_refunded")
    op.execute("DROP TABLE payments.payment_risk_events, payments.payment_risk_rules")
    op.execute("DROP VIEW identity.pub_devices, identity.pub_account_ages")
