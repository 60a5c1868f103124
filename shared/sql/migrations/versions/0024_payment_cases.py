"""Cases of payments and who decides them."""

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
