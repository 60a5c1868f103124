"""The sessions of one's own account, page by page. They are few, so one query brings them all."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from functions.identity.errors import SessionNotFound
from functions.identity.schemas.security import Session
from functions.identity.service import sessions
from functions.identity.store import sessions as store
from shared import clock
from shared.api_keys import KIND as API_KEY
from shared.caller import Caller
from shared.dynamo.sessions import SessionItem
from shared.errors import ValidationFailed
from shared.http.envelope import Page
from shared.paging import PageQuery, decode_cursor, encode_cursor

_SORTS: dict[str, Callable[[SessionItem], int]] = {
    "created_at": lambda item: int(item.created_at),
    "last_seen_at": lambda item: int(item.last_seen_at),
}


def page(caller: Caller, wanted: PageQuery) -> Page[Session]:
    """The live sessions. Raises ValidationFailed for another sort key or a strange cursor."""
    sort_by = wanted.sort_by or "last_seen_at"
    if sort_by not in _SORTS:
        raise ValidationFailed([{"field": "query.sort_by", "message": f"must be one of {', '.join(_SORTS)}"}])
    now, descending = clock.now().timestamp(), wanted.sort_order == "desc"
    live = [item for item in store.all_of(caller.uid) if item.kind != API_KEY and (item.ttl is None or item.ttl > now)]
    live.sort(key=lambda item: _place(item, sort_by), reverse=descending)
    start = (wanted.page - 1) * wanted.page_size
    if wanted.cursor:
        last = _cursor(wanted.cursor, sort_by, wanted.sort_order)
        start = sum(1 for item in live if _place(item, sort_by) == last or (_place(item, sort_by) > last) == descending)
    shown = live[start : start + wanted.page_size]
    more = start + wanted.page_size < len(live)
    return Page.model_construct(
        items=[_session(item, caller.session_id) for item in shown],
        total=len(live),
        total_is_capped=False,
        page=wanted.page,
        page_size=wanted.page_size,
        next_cursor=encode_cursor(sort_by, wanted.sort_order, list(_place(shown[-1], sort_by))) if more and shown else None,
    )


def revoke(caller: Caller, session_id: str) -> int:
    """End one of one's own sessions, at once here and within 30 s everywhere. Raises SessionNotFound."""
    item = store.find(caller.uid, session_id)
    if item is None or item.kind == API_KEY or not sessions.revoke(caller.uid, session_id):
        raise SessionNotFound
    return 1


def _place(item: SessionItem, sort_by: str) -> tuple[int, str]:
    return _SORTS[sort_by](item), store.id_of(item)


def _cursor(text: str, sort_by: str, sort_order: str) -> tuple[int, str]:
    moment, session_id = decode_cursor(text, sort_by, sort_order, 2)
    if not isinstance(moment, int) or not isinstance(session_id, str):
        raise ValidationFailed([{"field": "query.cursor", "message": "unknown cursor"}])
    return moment, session_id


def _session(item: SessionItem, current: str) -> Session:
    def moment(seconds: Any) -> datetime:
        return datetime.fromtimestamp(int(seconds), UTC)

    return Session.model_construct(
        session_id=store.id_of(item),
        device_id=item.device_id,
        device_type=item.device_type,
        app_version=item.app_version,
        ip=item.ip or "",
        user_agent=item.user_agent or "",
        created_at=moment(item.created_at),
        last_seen_at=moment(item.last_seen_at),
        current=store.id_of(item) == current,
    )
