"""Share rates, recalculation, pools and the settlement's runs."""

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
