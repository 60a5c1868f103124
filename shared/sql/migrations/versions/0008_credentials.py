"""Credentials."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
