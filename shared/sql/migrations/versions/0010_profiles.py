"""The follow graph as the counters know it."""

from alembic import op

revision = "0010"
down_revision = "0009"

# The graph itself is in DynamoDB. A row says what of one pair the counters of both profiles contain already, so that a
# follower can be shown their own click before the stream has counted it. `balance` is what was begun minus what was ended:
# 1 while counted as following, and in any order of arrival the same in the end.
UP = """
CREATE TABLE identity.counted_follows (
    follower_id BIGINT NOT NULL,
    followee_id BIGINT NOT NULL,
    balance INT NOT NULL,
    announced_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (follower_id, followee_id)
);
CREATE INDEX counted_follows_followee ON identity.counted_follows (followee_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.counted_follows TO identity;
"""


def upgrade() -> None:
    """Build it."""
    op.execute(UP)


def downgrade() -> None:
    """Take it away."""
    op.execute("DROP TABLE identity.counted_follows")
