"""The ledger sealed, holds that end by themselves, balances of any moment."""

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Build it."""


def downgrade() -> None:
    """Take it away."""
