"""Accounts at other providers that open an account of ours, and accounts that have no password."""

from alembic import op

revision = "0009"
down_revision = "0008"

LINKS = """
CREATE TABLE identity.user_oauth (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid BIGINT NOT NULL REFERENCES identity.users (uid),
    provider TEXT NOT NULL CHECK (provider IN ('wechat', 'qq', 'weibo', 'google', 'apple')),
    provider_user_id VARCHAR(255) NOT NULL,
    union_id VARCHAR(255),
    access_token TEXT,
    refresh_token TEXT,
    linked_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT user_oauth_subject UNIQUE (provider, provider_user_id),
    CONSTRAINT user_oauth_one_each UNIQUE (uid, provider)
);
-- A provider account opens ours; who opens an account so has no password until one is set.
ALTER TABLE identity.user_auth ALTER COLUMN password_hash DROP NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.user_oauth TO identity;
"""

# Going back, an account without a password gets one that nobody knows: no hash is equal to it.
DOWN = """
DROP TABLE identity.user_oauth;
UPDATE identity.user_auth SET password_hash = '!' WHERE password_hash IS NULL;
ALTER TABLE identity.user_auth ALTER COLUMN password_hash SET NOT NULL;
"""


def upgrade() -> None:
    """Build it."""
    op.execute(LINKS)


def downgrade() -> None:
    """Take it away."""
    op.execute(DOWN)
