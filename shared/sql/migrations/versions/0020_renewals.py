"""Renewals."""

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
