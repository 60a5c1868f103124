"""Sealing append-only rows into blocks of a hash chain, off the path of those who write them.

A row's hash is `sha256(hash before it || canonical row)`; a block's is `sha256(hash of its last row || canonical block)`
and stands before the first row of the next block. Before the first block stand 32 zero bytes. Canonical is the UTF-8 text
of a JSON array as `jsonb` prints it: no setting of a session changes a byte of it (docs/audit.md has an example).

Which rows are due: a row's number is taken before its transaction commits, so a smaller number may appear after a larger
one. Rows therefore carry `tx`, the transaction that wrote them, and the chain follows `(tx, key)`. PostgreSQL promises
that every transaction below `pg_snapshot_xmin` has ended: what it wrote is visible now or never will be. The sealer takes
rows below that horizon only, so whatever it has passed can gain no more rows, and none is missed or taken twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

from psycopg import sql

from shared.sql.connection import Connection

BLOCK_ROWS: Final = 10_000
"""At most; a block is sealed in one transaction and proved in one statement."""
GENESIS: Final = bytes(32)

_INSTANT: Final = """to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
_CANONICAL: Final = "convert_to(jsonb_build_array({members})::text, 'UTF8')"


class CounterWentBack(Exception):  # noqa: N818 - said to whoever restored the database
    """The database counts transactions from below what is sealed, as after a restore from a dump; rows would be missed."""


@dataclass(frozen=True)
class Chain:
    """Rows that are sealed. `table` has `tx xid8 DEFAULT pg_current_xact_id()`, the number `key` and the instant `at`.

    `row` lists the members of the canonical row, from alias `r`; instants as `{at}`. `blocks` and `seals` are shaped as
    admin.audit_blocks and admin.operator_audit_seals are; `role` alone may insert into them.
    """

    name: str
    table: LiteralString
    key: LiteralString
    at: LiteralString
    row: LiteralString
    blocks: LiteralString
    seals: LiteralString
    role: str

    def sql(self, text: LiteralString) -> sql.Composed:
        """A statement about this chain: names in braces filled in. `{row}` is the canonical row, `{block}` the block."""
        at = sql.SQL(_INSTANT).format(column=sql.SQL("r.") + sql.Identifier(self.at))
        return sql.SQL(text).format(
            table=sql.SQL(self.table),
            key=sql.Identifier(self.key),
            at=sql.Identifier(self.at),
            blocks=sql.SQL(self.blocks),
            seals=sql.SQL(self.seals),
            log=sql.Literal(self.name),
            genesis=sql.Literal(GENESIS),
            row=sql.SQL(_CANONICAL).format(members=sql.Literal(self.name) + sql.SQL(", " + self.row).format(at=at)),
            block=sql.SQL(_CANONICAL).format(members=sql.SQL(_BLOCK).format(**_BLOCK_INSTANTS)),
        )


_BLOCK: Final = """'block', b.log, b.block_no, b.first_seq, b.row_count, b.first_id, b.last_id, b.last_tx::text,
    {first_at}, {last_at}, {sealed_at}"""
_BLOCK_INSTANTS: Final = {
    name: sql.SQL(_INSTANT).format(column=sql.SQL("b.") + sql.Identifier(name))
    for name in ("first_at", "last_at", "sealed_at")
}


@dataclass(frozen=True, slots=True)
class Head:
    """Where a chain ends: its last block, the last row in it, how many rows there are, and when they were sealed."""

    log: str
    block_no: int
    seq: int
    last_id: int
    hash: str
    sealed_at: datetime


def head(db: Connection, chain: Chain) -> Head | None:
    """The end of a chain; None before its first block."""
    return _head(db, chain, "SELECT " + _HEAD + " WHERE log = {log} ORDER BY block_no DESC LIMIT 1", {})


def head_at(db: Connection, chain: Chain, moment: datetime) -> Head | None:
    """Where a chain ended at a moment; None before its first block."""
    found = (
        "SELECT " + _HEAD + " WHERE log = {log} AND sealed_at < %(moment)s ORDER BY sealed_at DESC, block_no DESC LIMIT 1"
    )
    return _head(db, chain, found, {"moment": moment})


_HEAD: Final = """block_no, first_seq + row_count - 1, last_id, encode(hash, 'hex'), sealed_at FROM {blocks}"""


def _head(db: Connection, chain: Chain, text: LiteralString, parameters: dict[str, datetime]) -> Head | None:
    found = db.execute(chain.sql(text), parameters).fetchone()
    return Head(chain.name, *found) if found else None


def seal(db: Connection, chain: Chain, at: datetime, *, most: int = BLOCK_ROWS) -> int:
    """Make one block, in the caller's transaction, of the rows that are due; returns how many it holds, 0 without a block.

    Two sealers wait for each other. Raises CounterWentBack.
    """
    db.execute("SELECT pg_advisory_xact_lock(hashtextextended('seal ' || %s, 0))", (chain.name,))
    with _acting(db, chain.role):
        block_no, next_seq, tx, last_id, before, ahead = db.execute(chain.sql(_POSITION)).fetchall()[0]
        if ahead:
            raise CounterWentBack(chain.name)
        made = db.execute(
            chain.sql(_SEAL),
            {
                "block_no": block_no + 1,
                "next_seq": next_seq,
                "tx": tx,
                "last_id": last_id,
                "before": before,
                "sealed_at": at,
                "most": most,
            },
        ).fetchone()
    return int(made[0]) if made else 0


def waiting(db: Connection, chain: Chain, before: datetime) -> int:
    """How many rows dated before an instant are not sealed yet."""
    rows = db.execute(
        chain.sql(
            """
            SELECT count(*) FROM {table} r LEFT JOIN
                (SELECT last_tx, last_id FROM {blocks} WHERE log = {log} ORDER BY block_no DESC LIMIT 1) b ON true
            WHERE r.{at} < %(before)s AND (r.tx, r.{key}) > (coalesce(b.last_tx, '0'), coalesce(b.last_id, 0))
            """
        ),
        {"before": before},
    ).fetchall()
    return int(rows[0][0])


@contextmanager
def _acting(db: Connection, role: str) -> Iterator[None]:
    """Put on a role the session may put on. The name goes back by hand: a test's transaction outlives ours."""
    before = db.execute("SELECT current_setting('role')").fetchall()[0][0]
    db.execute("SELECT set_config('role', %s, true)", (role,))
    yield
    db.execute("SELECT set_config('role', %s, true)", (before,))


_POSITION: Final = """
    SELECT coalesce(b.block_no, 0), coalesce(b.first_seq + b.row_count, 1), coalesce(b.last_tx, '0')::text,
           coalesce(b.last_id, 0), coalesce(b.hash, {genesis}), coalesce(b.last_tx >= pg_snapshot_xmax(pg_current_snapshot()), false)
    FROM (SELECT) AS always LEFT JOIN (SELECT * FROM {blocks} WHERE log = {log} ORDER BY block_no DESC LIMIT 1) b ON true
"""

_SEAL: Final = """
    WITH due AS MATERIALIZED (
        SELECT r.{key} AS id, r.tx, r.{at} AS at, {row} AS canonical FROM {table} r
        WHERE (r.tx, r.{key}) > (%(tx)s::xid8, %(last_id)s::bigint) AND r.tx < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY r.tx, r.{key} LIMIT %(most)s
    ), chained AS MATERIALIZED (
        SELECT %(next_seq)s::bigint + row_number() OVER w - 1 AS seq, id, tx, at,
               platform.hash_chain(%(before)s, canonical) OVER w AS hash
        FROM due WINDOW w AS (ORDER BY tx, id ROWS UNBOUNDED PRECEDING)
    ), sealed AS (
        INSERT INTO {seals} (seq, block_no, id, hash) SELECT seq, %(block_no)s, id, hash FROM chained
    ), block AS (
        SELECT {log}::text AS log, %(block_no)s::bigint AS block_no, f.seq AS first_seq, l.seq - f.seq + 1 AS row_count,
               f.id AS first_id, l.id AS last_id, l.tx AS last_tx, s.first_at, s.last_at,
               %(sealed_at)s::timestamptz AS sealed_at, %(before)s::bytea AS prev_hash, l.hash AS last_hash
        FROM (SELECT min(at) AS first_at, max(at) AS last_at, min(seq) AS first, max(seq) AS last FROM chained) s
        JOIN chained f ON f.seq = s.first JOIN chained l ON l.seq = s.last
    )
    INSERT INTO {blocks} (log, block_no, first_seq, row_count, first_id, last_id, last_tx, first_at, last_at, sealed_at,
                          prev_hash, hash)
    SELECT log, block_no, first_seq, row_count, first_id, last_id, last_tx, first_at, last_at, sealed_at, prev_hash,
           sha256(last_hash || {block})
    FROM block b RETURNING row_count
"""
