"""Payouts: asked for by creators, decided on by operators."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks

from functions.finance import lists, workflow
from functions.finance.errors import (
    BelowMinimum,
    DailyLimitExceeded,
    GatewayFailed,
    IdentityNotVerified,
    InsufficientBalance,
    InvalidState,
    SelfApprovalForbidden,
    WithdrawalInProgress,
    WithdrawalNotFound,
)
from functions.finance.models import Withdrawal
from functions.finance.schemas import (
    ProcessIn,
    StepOut,
    WithdrawalDetailOut,
    WithdrawalIn,
    WithdrawalOut,
    WithdrawalStatus,
)
from functions.finance.service import decisions, requests
from functions.finance.service.requests import Target
from functions.finance.store import statements, withdrawals
from shared import observe
from shared.caller import Caller
from shared.errors import ValidationFailed
from shared.http.app import BASE
from shared.http.auth import Context, Creator, owned, staff
from shared.http.envelope import Answer, Page, PathId, answer
from shared.http.idempotency import OnceOnly
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.sql import audit

router = APIRouter(prefix=BASE + "/withdrawals", tags=["finance"])
PAYABLE = frozenset({"alipay"})


@router.post(
    "/request",
    status_code=201,
    responses=problems(InsufficientBalance, BelowMinimum, IdentityNotVerified, WithdrawalInProgress, DailyLimitExceeded),
)
async def request_withdrawal(body: WithdrawalIn, caller: Creator, db: Write, once: OnceOnly) -> Answer[WithdrawalOut]:
    """Ask for a payout: the amount is frozen at once, risk check, decision and transfer follow."""
    once.claim(db, caller)
    if body.method not in PAYABLE:
        raise ValidationFailed([{"field": "body.method", "message": f"{body.method} is not available yet; use alipay"}])
    target = Target(body.method, body.account.number, body.account.name)
    withdrawal = requests.request(db, caller.uid, body.amount, target)
    return once.keep(db, answer(_out(withdrawal)), 201)


@router.get("/history")
async def list_own_withdrawals(
    caller: Creator, db: Read, query: Paging, status: WithdrawalStatus | None = None
) -> Answer[Page[WithdrawalOut]]:
    """Own payouts, the latest first."""
    filters = {"creator_id": caller.uid, "status": status}
    return answer(lists.WITHDRAWALS.page(db, query, filters, lists.withdrawal))


@router.get("/{withdrawal_id:int}", responses=problems(WithdrawalNotFound))
async def own_withdrawal(withdrawal_id: PathId, caller: Creator, db: Read) -> Answer[WithdrawalDetailOut]:
    """One own payout with the states it came to."""
    found = withdrawals.find(db, withdrawal_id)
    withdrawal = owned(found, found.creator_id if found else None, caller, WithdrawalNotFound)
    steps = [
        StepOut.model_construct(status=status, at=at, comment=comment)
        for status, at, comment in statements.steps(db, withdrawal_id)
    ]
    return answer(WithdrawalDetailOut.model_construct(**dict(_out(withdrawal)), steps=steps))


@router.post(
    "/process/{withdrawal_id:int}",
    responses=problems(WithdrawalNotFound, InvalidState, SelfApprovalForbidden, GatewayFailed),
)
async def process_withdrawal(
    withdrawal_id: PathId,
    body: ProcessIn,
    *,
    caller: Annotated[Caller, staff("finance:approve")],
    context: Context,
    db: Write,
    once: OnceOnly,
    after: BackgroundTasks,
) -> Answer[WithdrawalOut]:
    """Decide on somebody else's payout, or drive it; the waiting workflow hears of it after the commit."""
    once.claim(db, caller)
    withdrawal = decisions.decide(
        db, caller.uid, withdrawal_id, action=body.action, comment=body.comment, payout_no=body.payout_no
    )
    audit.admin_operation(
        db,
        caller,
        context,
        f"withdrawal.{body.action}",
        ("withdrawal", withdrawal_id),
        amount=withdrawal.amount,
        status=withdrawal.status,
        comment=body.comment,
        payout_no=body.payout_no,
    )
    after.add_task(_tell_workflow, withdrawal_id)
    return once.keep(db, answer(_out(withdrawal)))


async def _tell_workflow(withdrawal_id: int) -> None:
    """After the commit; what fails here, the sweeper does within a minute."""
    try:
        workflow.deliver(withdrawal_id)
    except Exception:  # noqa: BLE001 - the decision is stored, the answer is out
        observe.error("decision was not delivered", withdrawal_id=withdrawal_id)


def _out(withdrawal: Withdrawal) -> WithdrawalOut:
    return WithdrawalOut.model_construct(**{name: getattr(withdrawal, name) for name in WithdrawalOut.model_fields})
