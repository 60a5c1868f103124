"""Share rates by kind, holds by creator, the runs of settlement, and the pool of membership income."""

from alembic import op

revision = "0026"
down_revision = "0025"

TERMS = """
ALTER TABLE finance.creator_share_rates
    ADD COLUMN kind TEXT NOT NULL DEFAULT 'any' CHECK (kind IN ('any', 'article', 'audio', 'video', 'subscription')),
    DROP CONSTRAINT creator_share_rates_pkey, ADD PRIMARY KEY (creator_id, kind, effective_from);

CREATE TABLE finance.settlement_terms (
    creator_id BIGINT PRIMARY KEY REFERENCES identity.users (uid),
    hold_days INT NOT NULL CHECK (hold_days BETWEEN 0 AND 365),
    set_by BIGINT NOT NULL,
    reason TEXT,
    set_at TIMESTAMPTZ NOT NULL
);

-- `rate_kind` is frozen with `rate_bp`: what a work was when it was sold. A share of the pool is an earning too.
ALTER TABLE finance.creator_earnings
    ADD COLUMN rate_kind TEXT NOT NULL DEFAULT 'any',
    DROP CONSTRAINT creator_earnings_kind_check,
    ADD CONSTRAINT creator_earnings_kind_check CHECK (kind IN ('sale', 'pool'));
DROP INDEX finance.creator_earnings_due;
CREATE INDEX creator_earnings_due ON finance.creator_earnings (creator_id, available_at, earning_id)
    WHERE status = 'pending';
CREATE INDEX creator_earnings_by_day ON finance.creator_earnings (paid_at, earning_id) WHERE kind = 'sale';
"""

RUNS = """
CREATE TABLE finance.settlement_runs (
    run TEXT PRIMARY KEY,
    status TEXT NOT NULL CHECK (status IN ('running', 'tied', 'untied', 'lost')),
    settlements INT,
    amount BIGINT,
    creators_left INT,
    off INT,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    CHECK ((status IN ('tied', 'untied')) = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX settlement_runs_one ON finance.settlement_runs (status) WHERE status = 'running';
-- The run that last added to a settlement; what an operator asked for leaves it as it is.
ALTER TABLE finance.settlements ADD COLUMN run TEXT REFERENCES finance.settlement_runs (run);
CREATE INDEX settlements_by_run ON finance.settlements (run) WHERE run IS NOT NULL;
CREATE INDEX earning_reversals_earning ON finance.earning_reversals (earning_id) WHERE earning_id IS NOT NULL;
CREATE INDEX earning_reversals_settled ON finance.earning_reversals (settlement_id) WHERE settlement_id IS NOT NULL;
"""

POOL = """
CREATE TABLE finance.pool_rules (
    effective_from DATE PRIMARY KEY CHECK (extract(day FROM effective_from) = 1),
    rule TEXT NOT NULL CHECK (rule IN ('equal', 'weights', 'usage')),
    share_bp INT NOT NULL CHECK (share_bp BETWEEN 0 AND 10000),
    set_by BIGINT NOT NULL,
    reason TEXT,
    set_at TIMESTAMPTZ NOT NULL
);
CREATE TABLE finance.pool_weights (
    effective_from DATE NOT NULL REFERENCES finance.pool_rules (effective_from),
    creator_id BIGINT NOT NULL REFERENCES identity.users (uid),
    weight INT NOT NULL CHECK (weight > 0),
    PRIMARY KEY (effective_from, creator_id)
);
CREATE TABLE finance.pool_splits (
    month DATE PRIMARY KEY CHECK (extract(day FROM month) = 1),
    rule TEXT NOT NULL,
    share_bp INT NOT NULL,
    income BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    creators INT NOT NULL,
    split_at TIMESTAMPTZ NOT NULL
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance.pool_splits
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
CREATE INDEX creator_earnings_membership ON finance.creator_earnings (paid_at) WHERE source = 'membership';
"""

# What a proposed adjustment corrects, line by line, so that it is not proposed a second time.
CORRECTIONS = """
CREATE TABLE finance.earning_corrections (
    adjustment_id BIGINT NOT NULL REFERENCES finance.adjustments (adjustment_id),
    earning_id BIGINT NOT NULL REFERENCES finance.creator_earnings (earning_id),
    creator_amount BIGINT NOT NULL CHECK (creator_amount <> 0),
    PRIMARY KEY (earning_id, adjustment_id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance.earning_corrections
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
GRANT SELECT, INSERT ON finance.earning_corrections TO finance;
"""

GRANTS = """
GRANT INSERT, UPDATE (rate_bp, set_by, reason, created_at) ON finance.creator_share_rates TO finance;
GRANT SELECT, INSERT, DELETE, UPDATE (hold_days, set_by, reason, set_at) ON finance.settlement_terms TO finance;
GRANT SELECT, INSERT, UPDATE (status, settlements, amount, creators_left, off, finished_at)
    ON finance.settlement_runs TO finance;
GRANT SELECT, INSERT, UPDATE (rule, share_bp, set_by, reason, set_at) ON finance.pool_rules TO finance;
GRANT SELECT, INSERT, DELETE ON finance.pool_weights TO finance;
GRANT SELECT, INSERT ON finance.pool_splits TO finance;
GRANT SELECT ON content.pub_publishing_authors TO finance;
"""

DOWN = """
DROP TABLE finance.earning_corrections;
REVOKE SELECT ON content.pub_publishing_authors FROM finance;
DROP INDEX finance.creator_earnings_membership;
DROP TABLE finance.pool_splits, finance.pool_weights, finance.pool_rules;
DROP INDEX finance.earning_reversals_settled, finance.earning_reversals_earning;
ALTER TABLE finance.settlements DROP COLUMN run;
DROP TABLE finance.settlement_runs;
DROP INDEX finance.creator_earnings_by_day, finance.creator_earnings_due;
CREATE INDEX creator_earnings_due ON finance.creator_earnings (available_at, creator_id) WHERE status = 'pending';
ALTER TABLE finance.creator_earnings
    DROP COLUMN rate_kind,
    DROP CONSTRAINT creator_earnings_kind_check,
    ADD CONSTRAINT creator_earnings_kind_check CHECK (kind = 'sale') NOT VALID;
DROP TABLE finance.settlement_terms;
REVOKE INSERT, UPDATE ON finance.creator_share_rates FROM finance;
DELETE FROM finance.creator_share_rates WHERE kind <> 'any';
ALTER TABLE finance.creator_share_rates DROP COLUMN kind, ADD PRIMARY KEY (creator_id, effective_from);
"""


def upgrade() -> None:
    """Build them."""
    op.execute(TERMS)
    op.execute(RUNS)
    op.execute(POOL)
    op.execute(CORRECTIONS)
    op.execute(GRANTS)


def downgrade() -> None:
    """Take them away."""
    op.execute(DOWN)
