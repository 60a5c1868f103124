"""The back office's reconciliations: start one, look at them, resolve what they found."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter

from functions.payments import reconciliation_lists as lists
from functions.payments.errors import OrderNotPaid, RefundPending
from functions.payments.reconciliation_errors import (
    AlreadyResolved,
    DateInFuture,
    MediaNotFound,
    ReconciliationItemNotFound,
    ReconciliationNotFound,
    ReconciliationRunning,
    SelfApprovalForbidden,
)
from functions.payments.reconciliation_schemas import (
    BillChannel,
    DifferenceOut,
    ReconcileIn,
    ReconciliationDetailOut,
    ReconciliationOut,
    ResolveIn,
    RunStatus,
    difference_out,
    run_detail,
    run_row,
)
from functions.payments.service import reconciliation, resolutions
from functions.payments.store.differences import Difference, Word
from shared import clock
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, Page, PathId, answer
from shared.http.jobs import JobOut, job_out
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Steps, Write
from shared.sql import audit
from shared.sql.edge import unit_of_work

router = APIRouter(prefix=BASE + "/admin/payments/reconciliations", tags=["payments"])


@router.post("", status_code=202, responses=problems(ReconciliationRunning, DateInFuture, MediaNotFound))
async def reconcile(
    body: ReconcileIn, caller: Annotated[Caller, staff("payment:write")], context: Context, _steps: Steps
) -> Answer[JobOut]:
    """Hold a channel's bill of a day against attempts, refunds and ledger, in the background."""
    with unit_of_work() as db:
        job = reconciliation.ask(db, caller.uid, body.channel, body.date, body.statement_media_id)
        audit.admin_operation(
            db,
            caller,
            context,
            "reconciliation.start",
            ("reconciliation", None),
            job_id=job.job_id,
            channel=body.channel,
            date=body.date.isoformat(),
            statement_media_id=body.statement_media_id,
        )
    reconciliation.send(job)
    return answer(job_out(job))


@router.get("")
async def list_reconciliations(  # noqa: PLR0917 - FastAPI passes the query by name
    _caller: Annotated[Caller, staff("payment:read")],
    db: Read,
    query: Paging,
    channel: BillChannel | None = None,
    date_from: date | None = None,
    date_to: date | None = None,
    status: RunStatus | None = None,
) -> Answer[Page[ReconciliationOut]]:
    """Runs, the latest day first."""
    filters = {"channel": channel, "date_from": date_from, "date_to": date_to, "status": status}
    return answer(lists.RUNS.page(db, query, filters, run_row))


@router.get("/{reconciliation_id:int}", responses=problems(ReconciliationNotFound))
async def show_reconciliation(
    reconciliation_id: PathId, _caller: Annotated[Caller, staff("payment:read")], db: Read
) -> Answer[ReconciliationDetailOut]:
    """One run with its differences."""
    row = lists.detail(db, reconciliation_id)
    if row is None:
        raise ReconciliationNotFound
    return answer(run_detail(row))


@router.post(
    "/{reconciliation_id:int}/items/{item_id:int}/resolve",
    responses=problems(ReconciliationItemNotFound, AlreadyResolved, SelfApprovalForbidden, RefundPending, OrderNotPaid),
)
async def resolve_difference(  # noqa: PLR0917 - FastAPI passes them by name
    reconciliation_id: PathId,
    item_id: PathId,
    body: ResolveIn,
    caller: Annotated[Caller, staff("payment:write")],
    context: Context,
    db: Write,
) -> Answer[DifferenceOut]:
    """Say what holds. A large amount takes a second person who says the same."""
    word = Word(body.action, caller.uid, body.comment, clock.now())
    before, after = resolutions.resolve(db, reconciliation_id, item_id, word)
    audit.admin_operation(
        db,
        caller,
        context,
        f"reconciliation.{'resolve' if after.status == 'resolved' else 'propose'}",
        ("reconciliation_item", item_id),
        before=_told(before),
        after=_told(after),
        comment=body.comment,
        order_no=after.order_no,
        amount=after.stake,
    )
    return answer(difference_out(after))


def _told(item: Difference) -> dict[str, object]:
    names = ("status", "kind", "resolution", "outcome", "proposed_action", "proposed_by")
    return {name: getattr(item, name) for name in names}
