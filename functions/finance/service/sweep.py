"""What a crash left undone around the workflow: executions never started, decisions never told, executions that died.

All of it may be done twice: an execution has one name, a token counts once, and every step reads the rows first.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from functions.finance import workflow
from functions.finance.gateways.base import Rails
from functions.finance.service import payouts as steps
from functions.finance.store import sweeps, withdrawals
from functions.finance.withdrawal import FINAL
from shared import clock, observe
from shared.sql.connection import reading
from shared.sql.edge import unit_of_work

_GRACE = timedelta(minutes=1)
_DEAD_AT_BIRTH = timedelta(minutes=15)
# Longer than the longest wait between two polls, so that a living execution is left alone.
_SILENCE = timedelta(hours=2)
_MAY_RETURN = timedelta(days=7)
_BETWEEN_LOOKS = timedelta(hours=12)


def sweep() -> int:
    """Tell, start and replace; returns how many requests were helped."""
    now = clock.now()
    with reading() as db:
        untold = sweeps.untold(db)
        unstarted = sweeps.unstarted(db, now - _GRACE)
        silent = sweeps.silent(db, now - _SILENCE)
    return _each(untold, workflow.deliver) + _each(unstarted, _start) + _each(silent, _replace)


def find_returned(rails: Rails) -> int:
    """Ask after what was paid within a week, twice a day each; returns how many came back."""
    now = clock.now()
    with reading() as db:
        paid = sweeps.paid_since(db, now - _MAY_RETURN, now - _BETWEEN_LOOKS)
    return _each(paid, lambda withdrawal_id: _look_after(withdrawal_id, rails))


def _each(withdrawal_ids: Sequence[int], help_one: Callable[[int], bool]) -> int:
    helped = 0
    for withdrawal_id in withdrawal_ids:
        try:
            helped += help_one(withdrawal_id)
        except Exception:  # noqa: BLE001 - the next run tries again; the others must not wait for it
            observe.error("withdrawal could not be swept", withdrawal_id=withdrawal_id)
    return helped


def _start(withdrawal_id: int) -> bool:
    with unit_of_work() as db:
        withdrawal = withdrawals.lock(db, withdrawal_id)
        if withdrawal is None or withdrawal.status in FINAL:
            return False
        started = workflow.start(withdrawal)
        if started is not None:
            withdrawals.keep_execution(db, withdrawal_id, started)
        elif withdrawal.created_at < clock.now() - _DEAD_AT_BIRTH:
            withdrawals.next_run(db, withdrawal_id)
    return started is not None


def _replace(withdrawal_id: int) -> bool:
    with unit_of_work() as db:
        withdrawal = withdrawals.lock(db, withdrawal_id)
        if withdrawal is None or withdrawal.status in FINAL:
            return False
        withdrawals.next_run(db, withdrawal_id)
    observe.warn("execution is silent, starting another", withdrawal_id=withdrawal_id)
    return _start(withdrawal_id)


def _look_after(withdrawal_id: int, rails: Rails) -> bool:
    came_back = steps.notice_return(withdrawal_id, rails)
    with reading() as db:
        sweeps.looked_after(db, withdrawal_id, clock.now())
    return came_back
