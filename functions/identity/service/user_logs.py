"""The logs of a user as operators read them (ADM-012): sign-ins, and what the user changed."""

from typing import Any

from functions.identity.errors import UserNotFound
from functions.identity.schemas.desk import LogEntry
from functions.identity.store import desk, operations
from functions.identity.store.operations import Span
from shared.errors import ValidationFailed
from shared.http.envelope import Page
from shared.paging import TOTAL_CAP, PageQuery, decode_cursor, encode_cursor
from shared.sql.connection import Connection

_SORT = "at"


def page(db: Connection, span: Span, query: PageQuery) -> Page[LogEntry]:
    """A page of a log. Raises UserNotFound, or ValidationFailed for another sort key or somebody else's cursor."""
    if query.sort_by not in {None, _SORT}:
        raise ValidationFailed([{"field": "query.sort_by", "message": _SORT}])
    after = _after(span, query)
    if not desk.exists(db, span.uid):
        raise UserNotFound
    skip = 0 if after else (query.page - 1) * query.page_size
    size = query.page_size + 1
    items = operations.page(span, after=after, skip=skip, size=size, newest_first=query.sort_order == "desc")
    total = operations.count(span, TOTAL_CAP + 1)
    shown = items[: query.page_size]
    return Page.model_construct(
        items=[_entry(span, item) for item in shown],
        total=min(total, TOTAL_CAP),
        total_is_capped=total > TOTAL_CAP,
        page=query.page,
        page_size=query.page_size,
        next_cursor=encode_cursor(_SORT, query.sort_order, [str(shown[-1].sk)]) if len(items) > len(shown) else None,
    )


def _after(span: Span, query: PageQuery) -> str | None:
    if not query.cursor:
        return None
    key = str(decode_cursor(query.cursor, _SORT, query.sort_order, 1)[0])
    if not key.startswith("L#" if span.kind == "login" else "O#"):
        raise ValidationFailed([{"field": "query.cursor", "message": "unknown cursor"}])
    return key


def _entry(span: Span, item: Any) -> LogEntry:
    if span.kind == "login":
        details = {"reason": item.reason, "device_type": item.device_type, "flags": list(item.flags or [])}
        return _built(item, action=item.method, kind="login", device_id=item.device_id, details=details)
    details = {"target": item.target, "request_id": item.request_id}
    return _built(item, action=item.action, kind="operation", device_id=None, details=details)


def _built(item: Any, *, action: str, kind: str, device_id: str | None, details: dict[str, Any]) -> LogEntry:
    return LogEntry.model_construct(
        at=item.at,
        kind=kind,
        action=action,
        ip=item.ip,
        device_id=device_id,
        user_agent=item.user_agent,
        ok=bool(item.ok),
        details={name: value for name, value in details.items() if value is not None},
    )
