"""Reconciliation."""

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
