"""The payout queue of the back office (ADM-027)."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from functions.finance import lists
from functions.finance.service.payees import Target
from functions.finance.withdrawal import Status
from functions.finance.withdrawal_schemas import Method, QueuedWithdrawalOut, SendOut
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, Id, Page, answer
from shared.http.paging import Paging
from shared.http.sql import Read
from shared.money import Money

router = APIRouter(prefix=BASE + "/admin/finance/withdrawals", tags=["finance"])


@router.get("")
async def list_payout_queue(
    caller: Annotated[Caller, staff("finance:read")],
    context: Context,
    db: Read,
    query: Paging,
    *,
    status: Status | None = None,
    creator_id: Annotated[Id | None, Query()] = None,
    method: Method | None = None,
) -> Answer[Page[QueuedWithdrawalOut]]:
    """Who asked, why it waits, who approved. Where a person has to send USDT is shown to who may approve."""
    filters = {"status": status, "creator_id": creator_id, "method": method}
    opens = caller.may("finance:approve")

    def shown(row: dict[str, Any]) -> QueuedWithdrawalOut:
        send = _to_send(row) if opens and (row["method"], row["status"]) == ("usdt", "processing") else None
        return lists.queued(row, context.locale, send)

    return answer(lists.QUEUE.page(db, query, filters, shown))


def _to_send(row: dict[str, Any]) -> SendOut:
    target = Target.opened(row["method"], row["account"], row["request_no"])
    return SendOut.model_construct(
        network=target.network, address=target.number, usdt=Money(row["units"], "USDT").to_yuan(), rate=row["rate"]
    )
