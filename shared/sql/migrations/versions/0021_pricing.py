"""Pricing."""

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
