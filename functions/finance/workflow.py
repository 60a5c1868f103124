"""The withdrawal's state machine from outside: starting an execution, and telling one that waits what was decided."""

import json

from botocore.exceptions import ClientError

from functions.finance.store import transfers, withdrawals
from functions.finance.withdrawal import FINAL, Withdrawal
from shared import aws, observe, workflow
from shared.sql.connection import Connection, reading

_GONE = frozenset({"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"})


def start(withdrawal: Withdrawal) -> str | None:
    """Start the execution of a request; its ARN, or None when one of that name was started before."""
    return workflow.start("withdrawal", withdrawal.execution_name, {"withdrawal_id": withdrawal.withdrawal_id})


def deliver(withdrawal_id: int) -> bool:
    """Tell a waiting execution the committed decision, if there is one of both; True when that is done with.

    Repeating it is safe: a token counts once. One that is gone belongs to an execution that is, and the sweeper starts
    the next.
    """
    with reading() as db:
        withdrawal = withdrawals.find(db, withdrawal_id)
        if withdrawal is None or withdrawal.task_token is None or not _is_decided(db, withdrawal):
            return False
        decision = "end" if withdrawal.status in FINAL else "send"
        try:
            aws.client("stepfunctions").send_task_success(
                taskToken=withdrawal.task_token, output=json.dumps({"withdrawal_id": withdrawal_id, "next": decision})
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            observe.warn("nobody waits for the decision any more", withdrawal_id=withdrawal_id)
        withdrawals.keep_token(db, withdrawal_id, None, answered=withdrawal.task_token)
    return True


def _is_decided(db: Connection, withdrawal: Withdrawal) -> bool:
    """Whether there is something to tell: neither the request nor a payout by hand waits for a person still."""
    if withdrawal.status == "processing":
        return not any(one.by_hand for one in transfers.of_hold(db, withdrawal.withdrawal_id, withdrawal.hold_no))
    return withdrawal.status != "pending"
