"""Lists: every row once whatever the order and page size, one round trip, and cursors nobody can bend."""

import base64
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import ValidationFailed
from shared.paging import PageQuery, encode_cursor
from shared.sql.listing import Listing

ROWS: Listing[tuple[int, int]] = Listing(
    columns="t.id, t.rank",
    source="ranked t",
    key=("id", "t.id"),
    sorts={"rank": "t.rank", "id": "t.id"},
    default_sort="rank",
    filters={"at_least": "t.rank >= %(at_least)s"},
)


def build(row):
    return (row["id"], row["rank"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ranks=st.lists(st.integers(0, 5), max_size=40),
    size=st.integers(1, 7),
    order=st.sampled_from(["asc", "desc"]),
    sort=st.sampled_from(["rank", "id"]),
)
def test_following_the_cursor_visits_every_row_once_in_order(house, ranks, size, order, sort) -> None:
    house.sql("DROP TABLE IF EXISTS ranked")
    house.sql("CREATE TEMP TABLE ranked (id INT, rank INT)")
    rows = list(enumerate(ranks))
    for row in rows:
        house.sql("INSERT INTO ranked VALUES (%s, %s)", row)
    seen, cursor = [], None
    while True:
        page = ROWS.page(
            house.db, PageQuery(page_size=size, sort_by=sort, sort_order=order, cursor=cursor), {"at_least": None}, build
        )
        seen += page.items
        assert page.total == len(rows)
        cursor = page.next_cursor
        if cursor is None:
            break
        assert len(page.items) == size
    key = (lambda r: (r[1], r[0])) if sort == "rank" else (lambda r: r[0])
    assert seen == sorted(rows, key=key, reverse=order == "desc")


def test_pages_and_filters(house) -> None:
    house.sql("CREATE TEMP TABLE ranked AS SELECT g AS id, g % 10 AS rank FROM generate_series(1, 95) g")
    before = house.db.statements
    page = ROWS.page(house.db, PageQuery(page=2, page_size=20, sort_by="id", sort_order="asc"), {"at_least": 5}, build)
    assert house.db.statements - before == 1, "one round trip"
    assert (page.total, len(page.items), page.page) == (46, 20, 2)
    assert ROWS.page(house.db, PageQuery(page=9, page_size=20), {}, build).total == 95, (
        "beyond the end the total is still told"
    )


def test_the_total_is_capped_and_said_so(house) -> None:
    house.sql("CREATE TEMP TABLE ranked AS SELECT g AS id, 1 AS rank FROM generate_series(1, 10050) g")
    page = ROWS.page(house.db, PageQuery(), {}, build)
    assert (page.total, page.total_is_capped) == (10_000, True)


@pytest.mark.parametrize(
    "cursor",
    [
        "garbage", "", "AAAA", encode_cursor("id", "desc", [1, 1]), encode_cursor("rank", "asc", [1, 1]),
        encode_cursor("rank", "desc", [1]), base64.urlsafe_b64encode(json.dumps({"a": 1}).encode()).decode(),
        encode_cursor("rank", "desc", [[1], 1]), encode_cursor("rank", "desc", [None, 1]),
    ],
)  # fmt: skip
def test_a_cursor_of_another_order_or_hand_is_refused(house, cursor) -> None:
    house.sql("CREATE TEMP TABLE ranked (id INT, rank INT)")
    if cursor == "":
        return
    with pytest.raises(ValidationFailed):
        ROWS.page(house.db, PageQuery(cursor=cursor), {}, build)


def test_an_unknown_sort_key_is_refused(house) -> None:
    with pytest.raises(ValidationFailed):
        ROWS.page(house.db, PageQuery(sort_by="id; DROP TABLE ranked"), {}, build)
