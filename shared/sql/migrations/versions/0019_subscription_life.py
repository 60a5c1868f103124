"""Subscription life."""

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
