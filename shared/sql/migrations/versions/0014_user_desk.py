"""User desk."""

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
