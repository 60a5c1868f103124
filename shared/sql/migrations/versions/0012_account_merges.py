"""Account merges."""

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
