"""Account life."""

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
