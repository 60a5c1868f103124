"""Administration."""

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
