"""Gifts, and the platform's own memberships."""

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
