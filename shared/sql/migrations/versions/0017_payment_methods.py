"""How orders may be paid: the rules of risk control and what they caught."""

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


def upgrade() -> None:
    """Build them, with the rules of rules.md §7."""
    op.execute(READS)
    op.execute(RISK)
    op.execute(STATISTICS)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP INDEX payments.transactions_by_time, payments.transactions_refunded")
    op.execute("DROP TABLE payments.payment_risk_events, payments.payment_risk_rules")
    op.execute("DROP VIEW identity.pub_devices, identity.pub_account_ages")
