"""The query of every list: page and size, or a cursor; a declared sort key; ascending or descending."""

from typing import Annotated, Literal

from fastapi import Depends, Query

from shared.errors import ValidationFailed
from shared.paging import TOTAL_CAP, PageQuery


async def page_query(
    page: Annotated[int, Query(ge=1, le=TOTAL_CAP)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 10,
    sort_by: Annotated[str | None, Query(max_length=50)] = None,
    sort_order: Literal["asc", "desc"] = "desc",
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> PageQuery:
    """Read the paging parameters; beyond the capped total only a cursor goes on."""
    if cursor is None and page * page_size > TOTAL_CAP:
        raise ValidationFailed([{"field": "query.page", "message": f"page x page_size <= {TOTAL_CAP}; use cursor"}])
    return PageQuery.model_construct(page=page, page_size=page_size, sort_by=sort_by, sort_order=sort_order, cursor=cursor)


Paging = Annotated[PageQuery, Depends(page_query)]
