"""A withdrawal's hold: freeze, then exactly one of paying or giving back. Also what comes back after it was paid."""

from datetime import datetime

from functions.finance.models import INCOME, PAYOUTS, Entry, channel_account, creator_account
from functions.finance.store import holds as store
from functions.finance.store import ledger
from functions.finance.store.holds import Hold
from functions.finance.withdrawal import Withdrawal
from shared.sql.connection import Connection

MANUAL = "manual"
"""The channel of what an operator paid by hand."""
EXCHANGE = "platform:exchange"
"""What was changed from one currency into another: yuan owed for, and USDT spent on, payouts in USDT."""


def freeze(db: Connection, withdrawal: Withdrawal, now: datetime) -> int:
    """From available to frozen; what is left available. The workflow ends it, so it has no time. Raises InsufficientBalance."""
    hold = Hold(
        reference=withdrawal.hold_reference,
        kind="payout",
        ref_type="withdrawal",
        ref_id=str(withdrawal.withdrawal_id),
        at=now,
        currency="CNY",
        account=creator_account(withdrawal.creator_id, "available"),
        held_in=creator_account(withdrawal.creator_id, "frozen"),
        amount=withdrawal.amount,
    )
    return store.place(db, hold)


def pay(db: Connection, withdrawal: Withdrawal, now: datetime, *, by_hand: bool = False) -> None:
    """From frozen out through the channel; the creator's lifetime total of payouts has its mirror at the platform.

    What leaves as USDT is changed on the way, at the rate that was promised: two entries, one in each currency.
    """
    way_out = channel_account(MANUAL) if by_hand and withdrawal.units is None else _way_out(withdrawal)
    lines = {
        way_out: withdrawal.net,
        INCOME: withdrawal.fee,
        creator_account(withdrawal.creator_id, "withdrawn"): withdrawal.amount,
        PAYOUTS: -withdrawal.amount,
    }
    store.post(db, withdrawal.hold_reference, lines, now)
    if withdrawal.units is not None:
        sent = {channel_account(withdrawal.method): withdrawal.units, EXCHANGE: -withdrawal.units}
        reference = f"{withdrawal.outcome_reference}:sent"
        ledger.post(db, Entry(reference, "payout_sent", "withdrawal", str(withdrawal.withdrawal_id), now, sent, "USDT"))


def give_back(db: Connection, withdrawal: Withdrawal, now: datetime) -> None:
    """From frozen back to available."""
    store.void(db, withdrawal.hold_reference, now)


def take_returned(db: Connection, withdrawal: Withdrawal, now: datetime) -> None:
    """A payout that had arrived came back through its channel: everything of it is available again, the fee too."""
    lines = {
        _way_out(withdrawal): -withdrawal.net,
        INCOME: -withdrawal.fee,
        creator_account(withdrawal.creator_id, "available"): withdrawal.amount,
        creator_account(withdrawal.creator_id, "withdrawn"): -withdrawal.amount,
        PAYOUTS: withdrawal.amount,
    }
    reference = f"{withdrawal.outcome_reference}:returned"
    ledger.post(db, Entry(reference, "payout_return", "withdrawal", str(withdrawal.withdrawal_id), now, lines))


def _way_out(withdrawal: Withdrawal) -> str:
    """Cards are paid from what Alipay holds for us."""
    if withdrawal.units is not None:
        return EXCHANGE
    return channel_account("alipay" if withdrawal.method == "bank" else withdrawal.method)
