"""Means of payout, limits and decisions of two: why a withdrawal waits, who approved it, who alone may drive it."""

from alembic import op

revision = "0027"
down_revision = "0026"

# The lease is on the request's own row, which every step holds: `lease_no` fences off whoever lost it.
UP = """
ALTER TABLE finance.withdrawal_requests
    ADD COLUMN reasons TEXT[] NOT NULL DEFAULT '{}',
    ADD COLUMN rate NUMERIC(12, 4) CHECK (rate > 0),
    ADD COLUMN units BIGINT CHECK (units > 0),
    ADD COLUMN lease_no INT NOT NULL DEFAULT 0,
    ADD COLUMN lease_until TIMESTAMPTZ,
    ADD CONSTRAINT withdrawal_requests_promised
        CHECK ((method = 'usdt') = (rate IS NOT NULL) AND (rate IS NULL) = (units IS NULL));
ALTER TABLE finance.withdrawal_steps ADD COLUMN code TEXT;
ALTER TABLE finance.withdrawal_transfers ADD COLUMN confirm TEXT;

-- One transaction on a chain pays one withdrawal.
CREATE UNIQUE INDEX withdrawal_requests_chain_once ON finance.withdrawal_requests (payout_no)
    WHERE method = 'usdt' AND status = 'paid';

CREATE TABLE finance.withdrawal_approvals (
    withdrawal_id BIGINT NOT NULL REFERENCES finance.withdrawal_requests (withdrawal_id),
    approver BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (withdrawal_id, approver)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance.withdrawal_approvals
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
GRANT SELECT, INSERT ON finance.withdrawal_approvals TO finance;
"""

DOWN = """
DROP TABLE finance.withdrawal_approvals;
DROP INDEX finance.withdrawal_requests_chain_once;
ALTER TABLE finance.withdrawal_transfers DROP COLUMN confirm;
ALTER TABLE finance.withdrawal_steps DROP COLUMN code;
ALTER TABLE finance.withdrawal_requests
    DROP CONSTRAINT withdrawal_requests_promised,
    DROP COLUMN reasons, DROP COLUMN rate, DROP COLUMN units, DROP COLUMN lease_no, DROP COLUMN lease_until;
"""


def upgrade() -> None:
    """Add them."""
    op.execute(UP)


def downgrade() -> None:
    """Take them away; what was decided stays in the steps."""
    op.execute(DOWN)
