"""What two people bring into the books together: payments that a channel took back, and corrections."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from functions.finance import ledger_lists as lists
from functions.finance.document_errors import OrderNotFound
from functions.finance.errors import InsufficientBalance, InvalidState, SelfApprovalForbidden
from functions.finance.ledger_errors import AdjustmentNotFound, ChargebackNotFound
from functions.finance.ledger_schemas import (
    AdjustmentIn,
    AdjustmentOut,
    AdjustmentStatus,
    ChargebackIn,
    ChargebackOut,
    ChargebackStatus,
    DecisionIn,
    OutcomeIn,
)
from functions.finance.service import adjustments, chargebacks
from functions.finance.store.adjustments import Adjustment
from shared import clock
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, Id, Page, PathId, answer
from shared.http.idempotency import OnceOnly
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.paging import PageQuery
from shared.sql import audit
from shared.sql.connection import Connection

router = APIRouter(prefix=BASE + "/admin/finance", tags=["finance"])

Reader = Annotated[Caller, staff("finance:read")]
Proposer = Annotated[Caller, staff("finance:write")]
Decider = Annotated[Caller, staff("finance:approve")]
Number = Annotated[str | None, Query(max_length=64)]


@router.get("/chargebacks")
async def list_chargebacks(
    *,
    _caller: Reader,
    db: Read,
    query: Paging,
    status: ChargebackStatus | None = None,
    order_no: Number = None,
    creator_id: Annotated[Id | None, Query()] = None,
) -> Answer[Page[ChargebackOut]]:
    """Payments that channels took back, the latest first."""
    filters: dict[str, object] = {"status": status, "order_no": order_no, "creator_id": creator_id}
    return answer(lists.CHARGEBACKS.page(db, query, filters, lists.chargeback))


@router.post("/chargebacks", status_code=201, responses=problems(OrderNotFound, InvalidState))
async def take_chargeback(
    body: ChargebackIn, caller: Proposer, context: Context, db: Write, once: OnceOnly
) -> Answer[ChargebackOut]:
    """Book what a channel took back of a sale; whose it is at last is decided by somebody else when the dispute ends."""
    once.claim(db, caller)
    number = chargebacks.take(db, caller.uid, body.order_no, amount=body.amount, case_no=body.case_no, reason=body.reason)
    audit.admin_operation(db, caller, context, "chargeback.take", ("chargeback", number), after=body.model_dump())
    return once.keep(db, answer(_chargeback(db, number)), 201)


@router.post(
    "/chargebacks/{chargeback_id}/outcome", responses=problems(ChargebackNotFound, SelfApprovalForbidden, InvalidState)
)
async def end_chargeback(
    chargeback_id: PathId, body: OutcomeIn, caller: Decider, context: Context, db: Write
) -> Answer[ChargebackOut]:
    """Say how a dispute ended: won, the money is back; lost, it is taken from those who shared the sale."""
    before = chargebacks.end(db, caller.uid, chargeback_id, body.outcome, body.comment)
    audit.admin_operation(
        db,
        caller,
        context,
        "chargeback.end",
        ("chargeback", chargeback_id),
        before={"status": before.status},
        after={"status": body.outcome},
        comment=body.comment,
    )
    return answer(_chargeback(db, chargeback_id))


@router.get("/adjustments")
async def list_adjustments(
    *, _caller: Reader, db: Read, query: Paging, status: AdjustmentStatus | None = None, account: Number = None
) -> Answer[Page[AdjustmentOut]]:
    """Corrections of the books, the latest first; `account` is on either side."""
    filters: dict[str, object] = {"now": clock.now(), "status": status, "account": account}
    return answer(lists.ADJUSTMENTS.page(db, query, filters, lists.adjustment))


@router.post("/adjustments", status_code=201, responses=problems(InsufficientBalance, SelfApprovalForbidden))
async def propose_adjustment(
    body: AdjustmentIn, caller: Proposer, context: Context, db: Write, once: OnceOnly
) -> Answer[AdjustmentOut]:
    """Propose a correction and say why. What comes from a creator is held until it is decided, a week at most."""
    once.claim(db, caller)
    until = clock.now() + timedelta(days=adjustments.DAYS)
    wanted = Adjustment(0, body.currency, body.from_account, body.to_account, body.amount, "proposed", caller.uid, until)
    number = adjustments.propose(db, caller.uid, wanted, body.reason)
    audit.admin_operation(db, caller, context, "adjustment.propose", ("adjustment", number), after=body.model_dump())
    return once.keep(db, answer(_adjustment(db, number)), 201)


@router.post(
    "/adjustments/{adjustment_id}/decision",
    responses=problems(AdjustmentNotFound, SelfApprovalForbidden, InvalidState, InsufficientBalance),
)
async def decide_adjustment(
    adjustment_id: PathId, body: DecisionIn, caller: Decider, context: Context, db: Write
) -> Answer[AdjustmentOut]:
    """Approve a correction, which books it, or reject it, which gives back what was held."""
    before = adjustments.decide(db, caller.uid, adjustment_id, approve=body.approve, comment=body.comment)
    audit.admin_operation(
        db,
        caller,
        context,
        "adjustment.decide",
        ("adjustment", adjustment_id),
        before={"status": before.status},
        after={"status": "approved" if body.approve else "rejected"},
        comment=body.comment,
    )
    return answer(_adjustment(db, adjustment_id))


def _chargeback(db: Connection, number: int) -> ChargebackOut:
    return lists.CHARGEBACKS.page(db, PageQuery(), {"chargeback_id": number}, lists.chargeback).items[0]


def _adjustment(db: Connection, number: int) -> AdjustmentOut:
    filters = {"now": clock.now(), "adjustment_id": number}
    return lists.ADJUSTMENTS.page(db, PageQuery(), filters, lists.adjustment).items[0]
