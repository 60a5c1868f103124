"""Statements and reports."""

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
