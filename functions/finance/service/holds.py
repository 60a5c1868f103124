"""A hold in two phases: freeze, then exactly one of paying or giving back. Also what comes back after it was paid."""

from datetime import datetime

from functions.finance.models import INCOME, PAYOUTS, Entry, Withdrawal, channel_account, creator_account
from functions.finance.store import ledger
from shared.sql.connection import Connection

MANUAL = "manual"
"""The channel of what an operator paid by hand."""


def freeze(db: Connection, withdrawal: Withdrawal, now: datetime) -> int:
    """From available to frozen; what is left available. Raises InsufficientBalance."""
    available = creator_account(withdrawal.creator_id, "available")
    lines = {available: -withdrawal.amount, creator_account(withdrawal.creator_id, "frozen"): withdrawal.amount}
    return ledger.post(db, _entry(withdrawal, withdrawal.hold_reference, "payout_hold", lines, now))[available] or 0


def pay(db: Connection, withdrawal: Withdrawal, channel: str, now: datetime) -> None:
    """From frozen out through the channel; the creator's lifetime total of payouts has its mirror at the platform."""
    lines = {
        creator_account(withdrawal.creator_id, "frozen"): -withdrawal.amount,
        channel_account(channel): withdrawal.amount - withdrawal.fee,
        INCOME: withdrawal.fee,
        creator_account(withdrawal.creator_id, "withdrawn"): withdrawal.amount,
        PAYOUTS: -withdrawal.amount,
    }
    ledger.post(db, _entry(withdrawal, withdrawal.outcome_reference, "payout", lines, now))


def give_back(db: Connection, withdrawal: Withdrawal, now: datetime) -> None:
    """From frozen back to available."""
    lines = {
        creator_account(withdrawal.creator_id, "frozen"): -withdrawal.amount,
        creator_account(withdrawal.creator_id, "available"): withdrawal.amount,
    }
    ledger.post(db, _entry(withdrawal, withdrawal.outcome_reference, "payout_void", lines, now))


def take_returned(db: Connection, withdrawal: Withdrawal, now: datetime) -> None:
    """A payout that had arrived came back through its channel: everything of it is available again, the fee too."""
    lines = {
        channel_account(withdrawal.method): -(withdrawal.amount - withdrawal.fee),
        INCOME: -withdrawal.fee,
        creator_account(withdrawal.creator_id, "available"): withdrawal.amount,
        creator_account(withdrawal.creator_id, "withdrawn"): -withdrawal.amount,
        PAYOUTS: withdrawal.amount,
    }
    ledger.post(db, _entry(withdrawal, f"{withdrawal.outcome_reference}:returned", "payout_return", lines, now))


def _entry(withdrawal: Withdrawal, reference: str, kind: str, lines: dict[str, int], now: datetime) -> Entry:
    return Entry(reference, kind, "withdrawal", str(withdrawal.withdrawal_id), now, lines)
