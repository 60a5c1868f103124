"""The proof of a sealed chain: every hash computed again by the database, block by block, in memory that does not grow.

A row is held against the hash stored before it, so a fault names the row it is in. That each stored hash follows from
the one before it makes, by induction, the whole chain follow from its beginning.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from shared.sql.connection import Connection
from shared.sql.sealing import BLOCK_ROWS, Chain

_FOLLOW: Final = "blocks follow one another"
_BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)
_END: Final = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is off, in how many places, and the first row concerned (None when no row can be named)."""

    what: str
    places: int
    first_id: int | None


@dataclass(frozen=True, slots=True)
class Proof:
    """What was looked at, and what is off."""

    rows: int
    blocks: int
    faults: tuple[Fault, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing is off."""
        return not self.faults

    @property
    def first_broken_id(self) -> int | None:
        """The smallest number of a row with a fault; where only blocks are off, of the first row in one."""
        rows = [fault for fault in self.faults if fault.what != _FOLLOW] or self.faults
        return min((fault.first_id for fault in rows if fault.first_id is not None), default=None)


def size(db: Connection, chain: Chain, since: datetime | None = None, until: datetime | None = None) -> int:
    """How many rows `prove` would look at for these instants."""
    return int(db.execute(chain.sql(_SPAN), _between(since, until)).fetchall()[0][2])


def prove(db: Connection, chain: Chain, since: datetime | None = None, until: datetime | None = None) -> Proof:
    """Prove the blocks that hold rows dated within `since` and `until` (both included), and that no other such row exists
    among those sealed. Without instants, the whole chain from its first block.
    """
    between = _between(since, until)
    whole = since is None and until is None
    first, last, _ = db.execute(chain.sql(_SPAN), between).fetchall()[0]
    found: dict[str, Fault] = {}
    rows = blocks = 0
    block_no = 1 if whole else first
    while block_no is not None and last is not None and block_no <= last:
        part = _part(db, chain, block_no, last)
        seen, off, broken = _one(db, chain, _ROWS, part)
        rows += seen
        _add(found, "rows are as they were sealed", off, broken)
        seen, off, broken = _one(db, chain, _BLOCKS, part)
        blocks += seen
        _add(found, _FOLLOW, off, broken)
        block_no = part["last"] + 1
    _add(found, "no row was slipped in", *_one(db, chain, _SLIPPED_IN, between))
    if whole:
        _add(found, "every seal is in a block", *_one(db, chain, _LOOSE, {}))
    return Proof(rows, blocks, tuple(found.values()))


def _between(since: datetime | None, until: datetime | None) -> dict[str, Any]:
    return {"since": since or _BEGINNING, "until": until or _END}


def _part(db: Connection, chain: Chain, block_no: int, last: int) -> dict[str, Any]:
    """The next blocks whose rows are proved in one statement: some 10,000 rows, at least one block."""
    upto, first_seq, last_seq = db.execute(
        chain.sql(_PART), {"first": block_no, "last": last, "rows": BLOCK_ROWS}
    ).fetchall()[0]
    return {"first": block_no, "last": upto, "first_seq": first_seq, "last_seq": last_seq}


def _one(db: Connection, chain: Chain, text: Any, parameters: dict[str, Any]) -> tuple[int, ...]:
    """One row of figures. Joins by hash: a planner that has not counted the tables yet would try row by row."""
    with db.transaction():
        db.execute("SET LOCAL enable_nestloop = off")
        return db.execute(chain.sql(text), parameters).fetchall()[0]


def _add(found: dict[str, Fault], what: str, places: int, first_id: int | None) -> None:
    if not places:
        return
    known = found.get(what)
    ids = [one for one in (first_id, known.first_id if known else None) if one is not None]
    found[what] = Fault(what, places + (known.places if known else 0), min(ids, default=None))


_SPAN: Final = """
    SELECT min(block_no), max(block_no), coalesce(sum(row_count), 0) FROM {blocks}
    WHERE log = {log} AND last_at >= %(since)s AND first_at <= %(until)s
"""

_PART: Final = """
    SELECT max(block_no), min(first_seq), max(first_seq + row_count - 1) FROM (
        SELECT block_no, first_seq, row_count, first_seq - min(first_seq) OVER () AS rows_before FROM (
            SELECT block_no, first_seq, row_count FROM {blocks}
            WHERE log = {log} AND block_no BETWEEN %(first)s AND %(last)s ORDER BY block_no LIMIT %(rows)s
        ) AS near
    ) AS next WHERE rows_before < %(rows)s
"""

_ROWS: Final = """
    WITH seals AS MATERIALIZED (
        SELECT seq, block_no, id, hash, lag(hash) OVER w AS hash_before, lag(seq) OVER w AS seq_before
        FROM {seals} WHERE seq BETWEEN %(first_seq)s AND %(last_seq)s
        WINDOW w AS (PARTITION BY block_no ORDER BY seq)
    ), held AS (
        SELECT r.{key} AS id, {row} AS canonical FROM {table} r
        WHERE r.{key} BETWEEN (SELECT min(id) FROM seals) AND (SELECT max(id) FROM seals)
    )
    SELECT count(*), count(*) FILTER (WHERE off), min(id) FILTER (WHERE off) FROM (
        SELECT s.id, NOT coalesce(
            s.seq = coalesce(s.seq_before + 1, b.first_seq) AND s.seq < b.first_seq + b.row_count
            AND s.hash = sha256(coalesce(s.hash_before, b.prev_hash) || held.canonical), false) AS off
        FROM seals s
        LEFT JOIN {blocks} b ON b.log = {log} AND b.block_no = s.block_no AND b.block_no BETWEEN %(first)s AND %(last)s
        LEFT JOIN held USING (id)
    ) AS compared
"""

_BLOCKS: Final = """
    WITH chained AS (
        SELECT b.*, lag(block_no) OVER w AS no_before, lag(hash) OVER w AS hash_before,
               lag(first_seq + row_count) OVER w AS next_seq, lag(last_tx) OVER w AS tx_before
        FROM {blocks} b
        WHERE log = {log} AND block_no <= %(last)s AND block_no >= coalesce(
            (SELECT max(block_no) FROM {blocks} WHERE log = {log} AND block_no < %(first)s), 0)
        WINDOW w AS (ORDER BY block_no)
    ), ends AS MATERIALIZED (
        SELECT seq, id, hash FROM {seals} WHERE seq BETWEEN %(first_seq)s AND %(last_seq)s
    )
    SELECT count(*), count(*) FILTER (WHERE off), min(first_id) FILTER (WHERE off) FROM (
        SELECT b.first_id, NOT coalesce(
            b.block_no = coalesce(b.no_before, 0) + 1 AND b.first_seq = coalesce(b.next_seq, 1)
            AND b.prev_hash = coalesce(b.hash_before, {genesis}) AND b.last_tx >= coalesce(b.tx_before, '0')
            AND f.id = b.first_id AND l.id = b.last_id AND b.hash = sha256(l.hash || {block}), false) AS off
        FROM chained b LEFT JOIN ends f ON f.seq = b.first_seq LEFT JOIN ends l ON l.seq = b.first_seq + b.row_count - 1
        WHERE b.block_no >= %(first)s
    ) AS compared
"""

_SLIPPED_IN: Final = """
    SELECT count(*), min(r.{key}) FROM {table} r
    CROSS JOIN (SELECT last_tx, last_id FROM {blocks} WHERE log = {log} ORDER BY block_no DESC LIMIT 1) b
    WHERE (r.tx, r.{key}) <= (b.last_tx, b.last_id) AND r.{at} BETWEEN %(since)s AND %(until)s
      AND NOT EXISTS (SELECT FROM {seals} s WHERE s.id = r.{key})
"""

_LOOSE: Final = """
    SELECT count(*), min(s.id) FROM {seals} s
    WHERE s.seq >= coalesce((SELECT first_seq + row_count FROM {blocks} WHERE log = {log} ORDER BY block_no DESC LIMIT 1), 1)
"""
