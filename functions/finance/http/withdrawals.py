"""Payouts: asked for by creators, decided on by operators."""

import json
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks

from functions.finance import lists, words, workflow
from functions.finance.errors import (
    AboveMaximum,
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
from functions.finance.service import decisions, requests
from functions.finance.service.decisions import Decision
from functions.finance.service.payees import Target
from functions.finance.store import transfers, withdrawals
from functions.finance.withdrawal import CONFIRM, Status, Withdrawal
from functions.finance.withdrawal_schemas import (
    NextOut,
    ProcessIn,
    StepOut,
    WithdrawalDetailOut,
    WithdrawalIn,
    WithdrawalOut,
)
from shared import clock, observe
from shared.caller import Caller
from shared.errors import ValidationFailed
from shared.http.app import BASE
from shared.http.auth import Context, Creator, owned, staff
from shared.http.context import RequestContext
from shared.http.envelope import Answer, Page, PathId, answer
from shared.http.idempotency import OnceOnly
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.i18n import validation_sentence
from shared.money import Money
from shared.sql import audit
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

router = APIRouter(prefix=BASE + "/withdrawals", tags=["finance"])


@router.post(
    "/request",
    status_code=201,
    responses=problems(
        InsufficientBalance, BelowMinimum, AboveMaximum, IdentityNotVerified, WithdrawalInProgress, DailyLimitExceeded
    ),
)
async def request_withdrawal(
    body: WithdrawalIn, caller: Creator, context: Context, db: Write, once: OnceOnly
) -> Answer[WithdrawalOut]:
    """Ask for a payout: the amount is frozen at once, risk check, decision and transfer follow."""
    once.claim(db, caller)
    withdrawal = requests.request(db, caller.uid, body.amount, _target(db, body, context))
    return once.keep(db, answer(_out(withdrawal)), 201)


@router.get("/history")
async def list_own_withdrawals(
    caller: Creator, db: Read, query: Paging, status: Status | None = None
) -> Answer[Page[WithdrawalOut]]:
    """Own payouts, the latest first."""
    filters = {"creator_id": caller.uid, "status": status}
    return answer(lists.WITHDRAWALS.page(db, query, filters, lists.withdrawal))


@router.get("/{withdrawal_id:int}", responses=problems(WithdrawalNotFound))
async def own_withdrawal(withdrawal_id: PathId, caller: Creator, context: Context, db: Read) -> Answer[WithdrawalDetailOut]:
    """One own payout: the states it came to and why, what happens next, and what its payee has to confirm."""
    found = withdrawals.find(db, withdrawal_id)
    withdrawal = owned(found, found.creator_id if found else None, caller, WithdrawalNotFound)
    given = transfers.of_hold(db, withdrawal_id, withdrawal.hold_no)
    following = words.following(withdrawal, given, clock.now(), context.locale)
    waiting = [one.confirm for one in given if one.status == "open" and one.code == CONFIRM and one.confirm]
    steps = [
        StepOut.model_construct(status=status, at=at, comment=comment or words.cause(code, context.locale))
        for status, at, code, comment in withdrawals.steps(db, withdrawal_id)
    ]
    return answer(
        WithdrawalDetailOut.model_construct(
            **dict(_out(withdrawal)),
            steps=steps,
            next=NextOut.model_construct(comment=following[0], at=following[1]) if following else None,
            confirm=json.loads(waiting[0]) if waiting else None,
            rate=withdrawal.rate,
            usdt=None if withdrawal.units is None else Money(withdrawal.units, "USDT").to_yuan(),
        )
    )


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
    decision = Decision(caller.uid, body.action, body.comment, body.payout_no, context.locale)
    withdrawal = decisions.decide(db, withdrawal_id, decision)
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


def _target(db: Connection, body: WithdrawalIn, context: RequestContext) -> Target:
    """Where the money shall go, if that can be. Raises ValidationFailed, which names the field."""
    account = body.account
    target = Target(body.method, account.number, account.name, account.bank or "", account.network or "")
    if body.method == "usdt" and not tunable(db, "usdt.enabled"):
        wrong = ("method", "USDT 未启用|USDT is not open")
    else:
        problem = target.problem(tunable(db, "usdt.networks"))
        if problem is None:
            return target
        wrong = (f"account.{problem[0]}", problem[1])
    sentence = validation_sentence("value_error", {"error": ValueError(wrong[1])}, context.locale)
    raise ValidationFailed([{"field": f"body.{wrong[0]}", "message": sentence}])


def _out(withdrawal: Withdrawal) -> WithdrawalOut:
    return WithdrawalOut.model_construct(**{name: getattr(withdrawal, name) for name in WithdrawalOut.model_fields})
