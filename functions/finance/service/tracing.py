"""Any figure traced to its postings, for those who answer for it."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final

from functions.finance.ledger_schemas import EntryOut, LineOut, SealOut, SumOut, Traced, TraceOut
from functions.finance.store import trace as store
from shared.errors import ValidationFailed
from shared.paging import PageQuery, decode_cursor, encode_cursor
from shared.sql.connection import Connection

MOST_DAYS: Final = 366
_ORDER: Final = ("entry_id", "asc")


def trace(db: Connection, kind: Traced, name: str, query: PageQuery) -> TraceOut:
    """The entries behind a thing, one page of them, and the sums of all. Raises ValidationFailed for a name that cannot be."""
    scope = _scope(kind, name)
    after = decode_cursor(query.cursor, *_ORDER, 1)[0] if query.cursor else 0
    rows = store.entries(db, kind, scope, int(str(after)), query.page_size + 1)
    more, rows = len(rows) > query.page_size, rows[: query.page_size]
    return TraceOut.model_construct(
        kind=kind,
        id=name,
        entries=[entry_out(row) for row in rows],
        sums=[SumOut.model_construct(**row) for row in store.sums(db, kind, scope)],
        next_cursor=encode_cursor(*_ORDER, [rows[-1]["entry_id"]]) if more else None,
    )


def entry_out(row: dict[str, Any]) -> EntryOut:
    """An entry as it is shown."""
    seal = None
    if row["block_no"] is not None:
        seal = SealOut.model_construct(**{name: row[name] for name in SealOut.model_fields})
    shown = {name: row[name] for name in EntryOut.model_fields if name not in {"lines", "seal"}}
    return EntryOut.model_construct(
        **shown, lines=[LineOut.model_construct(**line) for line in row["lines"] or ()], seal=seal
    )


def _scope(kind: Traced, name: str) -> dict[str, object]:
    pattern, scope = _NAMED.get(kind, (store.MEMBERS, _thing))
    found = re.fullmatch(pattern, name)
    try:
        if found:
            return {"kind": kind} | scope(found)
    except ValueError:
        pass  # a day that no calendar has
    raise ValidationFailed([{"field": "query.id", "message": pattern}])


def _thing(found: re.Match[str]) -> dict[str, object]:
    return {"id": found[0]}


def _month(found: re.Match[str]) -> dict[str, object]:
    first = date(int(found[2]), int(found[3]), 1)
    return store.month_scope(int(found[1]), first, (first + timedelta(days=31)).replace(day=1))


def _days(found: re.Match[str]) -> dict[str, object]:
    first, last = date.fromisoformat(found[1]), date.fromisoformat(found[2])
    if not timedelta() <= last - first < timedelta(days=MOST_DAYS):
        raise ValueError(found[0])
    return store.days_scope(first, last)


_NAMED: Final[dict[str, tuple[str, Callable[[re.Match[str]], dict[str, object]]]]] = {
    "statement": (store.MONTH, _month),
    "report": (store.DAYS, _days),
}
