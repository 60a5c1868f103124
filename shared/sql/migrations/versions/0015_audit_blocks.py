"""Audit blocks."""

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
