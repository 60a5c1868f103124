"""A payout was asked for: its workflow starts, under a name that makes a second start the same one."""

from events.finance import WithdrawalRequested
from functions.finance import workflow
from functions.finance.store import withdrawals
from shared.batch import on_fact
from shared.sql.connection import Connection


def start(db: Connection, fact: WithdrawalRequested) -> None:
    """Start the execution; one that runs already is left to run."""
    withdrawal = withdrawals.lock(db, fact.withdrawal_id)
    if withdrawal is not None and (arn := workflow.start(withdrawal)) is not None:
        withdrawals.keep_execution(db, fact.withdrawal_id, arn)


handler = on_fact(WithdrawalRequested, start, consumer="finance.on_withdrawal_requested")
