"""Statements as they were given: the figures of a creator's month, and the files made of them."""

from alembic import op

revision = "0029"
down_revision = "0028"

UP = """
CREATE TABLE finance.statements (
    statement_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    creator_id BIGINT NOT NULL REFERENCES identity.users (uid),
    -- The first day of the month, in Shanghai.
    month DATE NOT NULL CHECK (extract(day FROM month) = 1),
    opening_balance BIGINT NOT NULL,
    closing_balance BIGINT NOT NULL,
    line_count BIGINT NOT NULL CHECK (line_count >= 0),
    -- Over every figure in it: what is computed from the postings at any later time must come to the same.
    figures_sha256 TEXT NOT NULL CHECK (figures_sha256 ~ '^[0-9a-f]{64}$'),
    created_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT statements_once UNIQUE (creator_id, month)
);
CREATE TABLE finance.statement_files (
    statement_id BIGINT NOT NULL REFERENCES finance.statements,
    format TEXT NOT NULL CHECK (format IN ('pdf', 'csv', 'xlsx')),
    s3_key TEXT NOT NULL UNIQUE,
    sha256 TEXT NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size BIGINT NOT NULL CHECK (size > 0),
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (statement_id, format)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance.statements
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance.statement_files
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
GRANT SELECT, INSERT ON finance.statements, finance.statement_files TO finance;
"""


def upgrade() -> None:
    """Build them."""
    op.execute(UP)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP TABLE finance.statement_files, finance.statements")
