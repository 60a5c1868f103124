"""Agreements to debit a buyer."""

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
