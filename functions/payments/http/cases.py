"""The back office of cases: money that needs a person, whose case it is, and what becomes of it."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.payments import lists
from functions.payments.case_schemas import (
    AssignIn,
    CaseDetailOut,
    CaseOut,
    CaseStatus,
    CommentIn,
    CommentOut,
    ResolveCaseIn,
    case_out,
)
from functions.payments.cases import VERBS, Case, Word
from functions.payments.errors import (
    AmountMismatch,
    CaseNotFound,
    OrderNotFound,
    OrderNotPaid,
    OrderNotPayable,
    RefundExceedsPaid,
    RefundNotPending,
    RefundPending,
)
from functions.payments.models import CaseKind, Channel
from functions.payments.reconciliation_errors import AlreadyResolved, SelfApprovalForbidden
from functions.payments.service import cases
from functions.payments.store import cases as store
from shared import clock
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, Id, Page, PathId, answer
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.sql import audit

router = APIRouter(prefix=BASE + "/admin/payments/cases", tags=["payments"])

_TARGET = "payment_case"


@router.get("")
async def list_cases(  # noqa: PLR0917 - FastAPI passes the query by name
    _caller: Annotated[Caller, staff("payment:read")],
    db: Read,
    query: Paging,
    status: CaseStatus | None = None,
    kind: CaseKind | None = None,
    channel: Channel | None = None,
    order_no: Annotated[str | None, Query(max_length=32)] = None,
    assigned_to: Annotated[Id | None, Query()] = None,
) -> Answer[Page[CaseOut]]:
    """Cases, the latest first."""
    filters = {"status": status, "kind": kind, "channel": channel, "order_no": order_no, "assigned_to": assigned_to}
    return answer(lists.CASES.page(db, query, filters, lists.case_row))


@router.get("/{case_id:int}", responses=problems(CaseNotFound))
async def show_case(case_id: PathId, _caller: Annotated[Caller, staff("payment:read")], db: Read) -> Answer[CaseDetailOut]:
    """One case with what it may become, and what people said about it."""
    case = store.find(db, case_id)
    if case is None:
        raise CaseNotFound
    said = [CommentOut.model_construct(**row) for row in store.comments(db, case_id)]
    actions = list(VERBS[case.kind]) if case.status == "open" else []
    return answer(CaseDetailOut.model_construct(**case_out(case).model_dump(), actions=actions, comments=said))


@router.post("/{case_id:int}/assign", responses=problems(CaseNotFound, AlreadyResolved))
async def assign_case(
    case_id: PathId, body: AssignIn, caller: Annotated[Caller, staff("payment:write")], context: Context, db: Write
) -> Answer[CaseOut]:
    """Take an open case, or give it to a colleague."""
    to = body.operator_id or caller.uid
    before = cases.take(db, case_id, to)
    audit.admin_operation(
        db,
        caller,
        context,
        "payment.case.assign",
        (_TARGET, case_id),
        before={"assigned_to": before.assigned_to},
        after={"assigned_to": to},
    )
    return answer(_now(db, before))


@router.post("/{case_id:int}/comment", responses=problems(CaseNotFound))
async def comment_case(
    case_id: PathId, body: CommentIn, caller: Annotated[Caller, staff("payment:write")], context: Context, db: Write
) -> Answer[CaseOut]:
    """Add what was found out."""
    case = cases.comment(db, case_id, caller.uid, body.comment)
    audit.admin_operation(db, caller, context, "payment.case.comment", (_TARGET, case_id), comment=body.comment)
    return answer(case_out(case))


@router.post(
    "/{case_id:int}/resolve",
    responses=problems(
        CaseNotFound,
        OrderNotFound,
        AlreadyResolved,
        SelfApprovalForbidden,
        AmountMismatch,
        OrderNotPaid,
        OrderNotPayable,
        RefundPending,
        RefundNotPending,
        RefundExceedsPaid,
    ),
)
async def resolve_case(
    case_id: PathId, body: ResolveCaseIn, caller: Annotated[Caller, staff("payment:write")], context: Context, db: Write
) -> Answer[CaseOut]:
    """Say what becomes of the money. A case whose money goes back is open until it went; some words take two people."""
    word = Word(body.action, caller.uid, body.comment, clock.now(), body.order_no, body.amount)
    before, after = cases.resolve(db, case_id, word)
    waits = after.proposed_by == caller.uid and after.status == "open"
    audit.admin_operation(
        db,
        caller,
        context,
        f"payment.case.{'propose' if waits else 'resolve'}",
        (_TARGET, case_id),
        action=body.action,
        comment=body.comment,
        order_no=after.order_no,
        amount=after.amount if body.amount is None else body.amount,
        before=_told(before),
        after=_told(after),
    )
    return answer(case_out(after))


def _told(case: Case) -> dict[str, object]:
    return {name: getattr(case, name) for name in ("status", "kind", "resolution", "proposed_action", "proposed_by")}


def _now(db: Write, case: Case) -> CaseOut:
    return case_out(store.find(db, case.case_id) or case)
