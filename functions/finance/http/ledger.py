"""The books as finance operators read them: accounts, their postings, entries, and what is behind a figure."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime

from functions.finance import ledger_lists as lists
from functions.finance.ledger_errors import LedgerAccountNotFound, LedgerEntryNotFound
from functions.finance.ledger_schemas import AccountOut, Currency, EntryOut, PostingOut, Traced, TraceOut
from functions.finance.service import tracing
from functions.finance.store import trace as store
from shared import clock
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import staff
from shared.http.envelope import Answer, Page, PathId, answer
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read

router = APIRouter(prefix=BASE + "/admin/finance/ledger", tags=["finance"])

Reader = Annotated[Caller, staff("finance:read")]
Name = Annotated[str, Path(pattern=r"^[a-z]+:[a-z0-9_:]+$", max_length=64)]
Moment = Annotated[AwareDatetime | None, Query()]


@router.get("/accounts")
async def list_accounts(
    *,
    _caller: Reader,
    db: Read,
    query: Paging,
    prefix: Annotated[str | None, Query(pattern=r"^[a-z]+(:[a-z0-9_:]*)?$", max_length=64)] = None,
    kind: Literal["owner", "platform"] | None = None,
    currency: Currency | None = None,
    at: Moment = None,
) -> Answer[Page[AccountOut]]:
    """Accounts with what they hold, now or after everything booked up to a moment; `prefix` as `creator:7:` or `channel:`."""
    filters: dict[str, object] = {"at": at or clock.now(), "prefix": prefix, "kind": kind, "currency": currency}
    return answer(lists.ACCOUNTS.page(db, query, filters, lists.account))


@router.get("/accounts/{account}/postings", responses=problems(LedgerAccountNotFound))
async def list_postings(
    *,
    account: Name,
    _caller: Reader,
    db: Read,
    query: Paging,
    currency: Currency = "CNY",
    kind: Annotated[str | None, Query(max_length=64)] = None,
    date_from: Moment = None,
    date_to: Moment = None,
) -> Answer[Page[PostingOut]]:
    """What moved on an account, the latest first, until before `date_to`."""
    account_id = store.account_id(db, account, currency)
    if account_id is None:
        raise LedgerAccountNotFound
    since: datetime | None = date_from
    filters = {"account_id": account_id, "kind": kind, "since": since, "until": date_to}
    return answer(lists.POSTINGS.page(db, query, filters, lists.posting))


@router.get("/entries/{entry_id}", responses=problems(LedgerEntryNotFound))
async def read_entry(entry_id: PathId, _caller: Reader, db: Read) -> Answer[EntryOut]:
    """One entry with its lines, and the seal that proves it."""
    found = store.entry(db, entry_id)
    if found is None:
        raise LedgerEntryNotFound
    return answer(tracing.entry_out(found))


@router.get("/trace")
async def trace(
    kind: Traced,
    name: Annotated[str, Query(alias="id", max_length=64)],
    _caller: Reader,
    db: Read,
    query: Paging,
) -> Answer[TraceOut]:
    """The entries behind a thing. A statement is named by creator and month (`7:2026-03`), a report by its first and last
    day (`2026-03-01:2026-03-31`), everything else by its number.
    """
    return answer(tracing.trace(db, kind, name, query))
