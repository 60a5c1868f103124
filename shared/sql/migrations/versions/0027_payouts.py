"""Means of payout, limits and decisions of two."""

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
