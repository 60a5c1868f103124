"""Developers."""

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
