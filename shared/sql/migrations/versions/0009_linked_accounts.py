"""Linked accounts."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
