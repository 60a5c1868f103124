"""The operation log, and the proof that neither audit log was touched. Under `/admin/auth`, whose other paths identity serves."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.admin.schemas.audit import AuditProof, Instant, Number, OperationLog, Result, Word
from functions.admin.service.audit import LOGS
from functions.admin.store.audit import OPERATION_LOG, operation_log
from functions.admin.store.audit_chains import CHAINS
from shared.caller import Caller
from shared.errors import ValidationFailed
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, Page, answer
from shared.http.paging import Paging
from shared.http.sql import Read
from shared.sql.seal_proof import size

router = APIRouter(prefix=BASE + "/admin/auth/operation-logs", tags=["admin"])

MOST_ROWS = 500_000
"""What a database of one capacity unit proves within the 30 s that the gateway waits."""
HEADS_OF_DAYS = 2
"""Before that, the digests tell."""

Reader = Annotated[Caller, staff("audit:read")]
Moment = Annotated[Instant | None, Query()]


@router.get("")
async def list_operations(
    *,
    _caller: Reader,
    context: Context,
    db: Read,
    query: Paging,
    admin_id: Number = None,
    operation: Word = None,
    resource_type: Word = None,
    resource_id: Annotated[int | None, Query(ge=0, le=2**63 - 1)] = None,
    result: Result | None = None,
    date_from: Moment = None,
    date_to: Moment = None,
) -> Answer[Page[OperationLog]]:
    """What was done in the back office, refused and failed attempts included, the latest first."""
    _in_order(date_from, date_to, context.locale)
    filters: dict[str, object] = {
        "admin_id": admin_id,
        "operation": operation,
        "resource_type": resource_type,
        "resource_id": resource_id,
        "result": result,
        "date_from": date_from,
        "date_to": date_to,
    }
    return answer(OPERATION_LOG.page(db, query, filters, operation_log))


@router.get("/verify")
async def verify(
    *, _caller: Reader, context: Context, db: Read, date_from: Moment = None, date_to: Moment = None
) -> Answer[AuditProof]:
    """Prove both audit logs: every row of the days asked for against its hash, and the ends of both chains against their
    anchors outside the database.
    """
    _in_order(date_from, date_to, context.locale)
    if sum(size(db, chain, date_from, date_to) for chain in CHAINS) > MOST_ROWS:
        tells = {
            "zh-CN": f"时间范围超过 {MOST_ROWS} 条记录，请缩小范围",
            "en": f"more than {MOST_ROWS} rows; narrow the range",
        }
        raise ValidationFailed([{"field": "query.date_from", "message": tells[context.locale]}])
    verdict = LOGS.verify(db, HEADS_OF_DAYS, since=date_from, until=date_to)
    return answer(
        AuditProof.model_construct(valid=verdict.valid, checked=verdict.checked, first_broken_id=verdict.first_broken_id)
    )


def _in_order(date_from: Instant | None, date_to: Instant | None, locale: str) -> None:
    if date_from and date_to and date_to < date_from:
        tells = {"zh-CN": "结束时间不能早于开始时间", "en": "must not be before date_from"}
        raise ValidationFailed([{"field": "query.date_to", "message": tells[locale]}])
