"""One person's jobs as a list. They are few (30 days of what one person asked for), so one Query brings them all."""

from itertools import islice

from shared import clock
from shared.dynamo.jobs import JobItem
from shared.errors import ValidationFailed
from shared.http.envelope import Page
from shared.http.jobs import JobOut, job_out
from shared.paging import TOTAL_CAP, PageQuery, decode_cursor, encode_cursor

SORT = "created_at"


def page(uid: int, query: PageQuery, kind: str | None = None, status: str | None = None) -> Page[JobOut]:
    """The page asked for, in order of creation. Raises ValidationFailed for another sort key or a strange cursor."""
    if query.sort_by not in {None, SORT}:
        raise ValidationFailed([{"field": "query.sort_by", "message": SORT}])
    after = tuple(decode_cursor(query.cursor, SORT, query.sort_order, 2)) if query.cursor else None
    found = _all(uid, kind, status)
    total = len(found)
    newest_first = query.sort_order == "desc"
    found.sort(key=_place, reverse=newest_first)
    if after is not None:
        if not all(isinstance(part, str) for part in after):
            raise ValidationFailed([{"field": "query.cursor", "message": "unknown cursor"}])
        found = [item for item in found if (_place(item) < after if newest_first else _place(item) > after)]
    else:
        found = found[(query.page - 1) * query.page_size :]
    shown = found[: query.page_size]
    return Page.model_construct(
        items=[job_out(item) for item in shown],
        total=min(total, TOTAL_CAP),
        total_is_capped=total > TOTAL_CAP,
        page=query.page,
        page_size=query.page_size,
        next_cursor=encode_cursor(SORT, query.sort_order, [*_place(shown[-1])]) if len(found) > len(shown) else None,
    )


def _all(uid: int, kind: str | None, status: str | None) -> list[JobItem]:
    """Every job that is still kept, one more than is counted at most; the newest of them when there are more."""
    wanted = JobItem.ttl > int(clock.now().timestamp())
    if kind is not None:
        wanted &= JobItem.kind == kind
    if status is not None:
        wanted &= JobItem.status == status
    newest = JobItem.by_gsi1.query(f"U#{uid}", filter_condition=wanted, scan_index_forward=False)
    return list(islice(newest, TOTAL_CAP + 1))


def _place(item: JobItem) -> tuple[str, str]:
    return str(item.gsi1sk), item.job_id
