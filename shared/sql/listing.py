"""One small builder for lists: declared filters, declared sort keys, keyset cursors, a capped total; one round trip."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, LiteralString, TypeVar

from psycopg import sql
from psycopg.rows import dict_row

from shared.errors import ValidationFailed
from shared.http.envelope import Page
from shared.paging import TOTAL_CAP, PageQuery, decode_cursor, encode_cursor
from shared.sql.connection import Connection

O = TypeVar("O")  # noqa: E741 - the output model


@dataclass(frozen=True)
class Listing(Generic[O]):
    """A list someone may ask for. All SQL in it is literal, to be pasted into psql.

    `columns` must contain every sort column and the key under the names used in `sorts` and `key`; sort columns are
    NOT NULL. `filters` maps a parameter name to its condition, e.g. `{"status": "o.status = %(status)s"}`.
    """

    columns: LiteralString
    source: LiteralString
    key: tuple[str, LiteralString]
    sorts: Mapping[str, LiteralString]
    default_sort: str
    filters: Mapping[str, LiteralString]
    always: LiteralString = "true"

    def page(
        self, db: Connection, query: PageQuery, filters: Mapping[str, object], build: Callable[[dict[str, Any]], O]
    ) -> Page[O]:
        """The page asked for. Filters that are None do not apply; `build` makes the output of one row.

        Raises ValidationFailed for an unknown sort key or a cursor of another order.
        """
        sort_by = query.sort_by or self.default_sort
        if sort_by not in self.sorts:
            raise ValidationFailed([{"field": "query.sort_by", "message": " | ".join(self.sorts)}])
        given = {name: value for name, value in filters.items() if value is not None}
        where = sql.SQL(" AND ").join([sql.SQL(self.always), *(sql.SQL(self.filters[name]) for name in given)])
        statement, parameters = self._statement(query, sort_by, where)
        with db.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(statement, given | parameters).fetchall()
            if not rows and (query.page > 1 or query.cursor):
                total = cursor.execute(
                    sql.SQL(
                        "SELECT count(*) AS n FROM (SELECT 1 FROM {source} WHERE {where} LIMIT {cap}) AS counted"
                    ).format(source=sql.SQL(self.source), where=where, cap=sql.Literal(TOTAL_CAP + 1)),
                    given,
                ).fetchall()[0]["n"]
            else:
                total = rows[0]["total_"] if rows else 0
        more = len(rows) > query.page_size
        rows = rows[: query.page_size]
        return Page.model_construct(
            items=[build(row) for row in rows],
            total=min(total, TOTAL_CAP),
            total_is_capped=total > TOTAL_CAP,
            page=query.page,
            page_size=query.page_size,
            next_cursor=self._cursor(query, sort_by, rows[-1]) if more else None,
        )

    def _statement(self, query: PageQuery, sort_by: str, where: sql.Composed) -> tuple[sql.Composed, dict[str, object]]:
        column, key = sql.SQL(self.sorts[sort_by]), sql.SQL(self.key[1])
        direction = sql.SQL("DESC" if query.sort_order == "desc" else "ASC")
        parameters: dict[str, object] = {}
        after: sql.Composable = sql.SQL("true")
        if query.cursor:
            parameters["after_sort_"], parameters["after_key_"] = decode_cursor(query.cursor, sort_by, query.sort_order, 2)
            after = sql.SQL("({column}, {key}) {op} (%(after_sort_)s, %(after_key_)s)").format(
                column=column, key=key, op=sql.SQL("<" if query.sort_order == "desc" else ">")
            )
        statement = sql.SQL(
            """
            SELECT {columns},
                   (SELECT count(*) FROM (SELECT 1 FROM {source} WHERE {where} LIMIT {cap}) AS counted) AS total_
            FROM {source} WHERE {where} AND {after}
            ORDER BY {column} {direction}, {key} {direction} LIMIT {limit} OFFSET {offset}
            """
        ).format(
            columns=sql.SQL(self.columns),
            source=sql.SQL(self.source),
            where=where,
            after=after,
            column=column,
            key=key,
            direction=direction,
            cap=sql.Literal(TOTAL_CAP + 1),
            limit=sql.Literal(query.page_size + 1),
            offset=sql.Literal(0 if query.cursor else (query.page - 1) * query.page_size),
        )
        return statement, parameters

    def _cursor(self, query: PageQuery, sort_by: str, last: dict[str, Any]) -> str:
        return encode_cursor(sort_by, query.sort_order, [_plain(last[sort_by]), _plain(last[self.key[0]])])

    def statements(self) -> Sequence[tuple[str, sql.Composed, dict[str, object]]]:
        """Every shape of statement this list can send, for the test that prepares them all."""
        where = sql.SQL(" AND ").join([sql.SQL(self.always), *(sql.SQL(text) for text in self.filters.values())])
        return [(name, *self._statement(PageQuery(page=1, page_size=10), name, where)) for name in self.sorts]


def _plain(value: object) -> object:
    return value if isinstance(value, (str, int)) else value.isoformat() if hasattr(value, "isoformat") else str(value)
