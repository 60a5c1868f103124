"""Profiles."""

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
