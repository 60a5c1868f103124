"""Payment methods."""

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
