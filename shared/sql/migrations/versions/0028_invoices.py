"""Invoices."""

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
