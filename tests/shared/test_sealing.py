"""Chains: what is due is sealed once and in order, whoever commits late; the bytes that are hashed are always the same."""

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event
from typing import Any

import psycopg
import pytest

from shared.sql import sealing
from shared.sql.connection import Connection, connect
from shared.sql.seal_proof import Proof, prove
from shared.sql.sealing import Chain, CounterWentBack, head, head_at, seal, waiting
from tests.journey.mortality import Killed, Mortality

AT = datetime(2026, 5, 4, 3, 2, 1, 7, tzinfo=UTC)
NOTES = Chain(
    name="notes",
    table="public.notes",
    key="note_id",
    at="at",
    row="r.note_id, r.tx::text, r.text, r.extra, {at}",
    blocks="public.note_blocks",
    seals="public.note_seals",
    role="sealer",
)
AWKWARD = ["", 'quo"te', "back\\slash", "行 1\n\t行 2", "\x01\x1f\x7f", "emoji 🧾", "null", "1.10", None]


@pytest.fixture
def dsn(fresh_database: Callable[..., str]) -> str:
    with connect(fresh_database()) as db:
        db.execute(
            """
            CREATE TABLE public.notes (
                note_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text TEXT, extra JSONB, at TIMESTAMPTZ NOT NULL,
                tx XID8 NOT NULL DEFAULT pg_current_xact_id()
            );
            CREATE TABLE public.note_blocks (LIKE admin.audit_blocks INCLUDING ALL);
            CREATE TABLE public.note_seals (LIKE admin.operator_audit_seals INCLUDING ALL);
            GRANT SELECT ON public.notes TO sealer;
            GRANT SELECT, INSERT ON public.note_blocks, public.note_seals TO sealer;
            """
        )
    return fresh_database()


@pytest.fixture
def notes(dsn: str) -> Iterator[Connection]:
    with connect(dsn) as db:
        yield db


def write(db: Connection, *texts: str | None, extra: Any = None) -> None:
    for text in texts:
        db.execute("INSERT INTO public.notes (text, extra, at) VALUES (%s, %s, %s)", (text, extra and json.dumps(extra), AT))


def sealed(db: Connection) -> list[str]:
    rows = db.execute("SELECT n.text FROM public.note_seals JOIN public.notes n ON n.note_id = id ORDER BY seq").fetchall()
    return [text for (text,) in rows]


def seal_now(db: Connection, **options: int) -> int:
    with db.transaction():
        return seal(db, NOTES, AT, **options)


def test_a_hash_is_the_one_before_it_and_the_row_as_json(notes: Connection) -> None:
    """Computed by a stranger: Python's json and hashlib, and the columns of the tables."""
    write(notes, *AWKWARD, extra={"b": [1, None, True], "a": {"中": "文"}, "n": 12345678901234567890})
    seal_now(notes, most=4)
    seal_now(notes)
    write(notes, "last")
    seal_now(notes)
    before = bytes(32)
    blocks = notes.execute("SELECT * FROM public.note_blocks ORDER BY block_no").fetchall()
    assert [block[3] for block in blocks] == [4, 5, 1]
    for log, block_no, first_seq, row_count, first_id, last_id, last_tx, first_at, last_at, sealed_at, prev, own in blocks:
        assert prev == before
        rows = notes.execute(
            """
            SELECT n.note_id, n.tx::text, n.text, n.extra, n.at, s.hash FROM public.note_seals s
            JOIN public.notes n ON n.note_id = s.id WHERE s.block_no = %s ORDER BY seq
            """,
            (block_no,),
        ).fetchall()
        for *members, at, found in rows:
            before = _hash(before, ["notes", *members, _instant(at)])
            assert found == before
        times = [_instant(one) for one in (first_at, last_at, sealed_at)]
        before = _hash(before, ["block", log, block_no, first_seq, row_count, first_id, last_id, last_tx, *times])
        assert own == before
    assert prove(notes, NOTES) == Proof(rows=10, blocks=3)


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _hash(before: bytes, members: list[Any]) -> bytes:
    # jsonb prints the members of an object by the length of their names, then by their bytes.
    def ordered(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: ordered(value[k]) for k in sorted(value, key=lambda name: (len(name.encode()), name.encode()))}
        return [ordered(one) for one in value] if isinstance(value, list) else value

    return hashlib.sha256(before + json.dumps(ordered(members), ensure_ascii=False).encode()).digest()


def test_no_setting_of_a_session_changes_a_hash(dsn: str, notes: Connection) -> None:
    write(notes, *AWKWARD, extra={"n": 0.1})
    seal_now(notes)
    with connect(dsn) as strange:
        for setting in (
            "TimeZone = 'Asia/Kathmandu'",
            "DateStyle = 'German, DMY'",
            "IntervalStyle = 'iso_8601'",
            "extra_float_digits = -15",
            "bytea_output = 'escape'",
            "standard_conforming_strings = off",
            "client_encoding = 'LATIN1'",
            "lc_time = 'C'",
        ):
            strange.execute("SET " + setting)
        assert prove(strange, NOTES).holds
        strange.execute("RESET client_encoding")
        write(strange, "written there")
        seal_now(strange)
    assert prove(notes, NOTES) == Proof(rows=len(AWKWARD) + 1, blocks=2)


def test_a_row_whose_writer_commits_late_is_neither_missed_nor_taken_before_its_time(dsn: str, notes: Connection) -> None:
    with connect(dsn) as late, connect(dsn) as quick:
        write(quick, "before")
        with late.transaction():
            write(late, "late: takes its number first")
            write(quick, "quick: takes the next, commits at once")
            assert seal_now(notes) == 1
            assert sealed(notes) == ["before"], "behind a transaction that still runs nothing is certain"
        assert seal_now(notes) == 2
    assert sealed(notes)[1:] == ["late: takes its number first", "quick: takes the next, commits at once"]
    assert prove(notes, NOTES).rows == 3


def test_an_old_transaction_that_takes_a_young_number_is_not_missed(dsn: str, notes: Connection) -> None:
    with connect(dsn) as old, connect(dsn) as young:
        with old.transaction():
            old.execute("SELECT pg_current_xact_id()")
            write(young, "young: number 1")
            assert seal_now(notes) == 0
            write(old, "old: number 2")
        assert seal_now(notes) == 2
        write(young, "next")
        assert seal_now(notes) == 1
    assert sealed(notes) == ["old: number 2", "young: number 1", "next"]
    assert prove(notes, NOTES).holds


def test_rows_of_one_transaction_may_span_blocks(notes: Connection) -> None:
    with notes.transaction():
        write(notes, *"abcdefg")
    assert [seal_now(notes, most=3) for _ in range(4)] == [3, 3, 1, 0]
    assert sealed(notes) == list("abcdefg")
    assert prove(notes, NOTES) == Proof(rows=7, blocks=3)


def test_a_number_that_was_rolled_back_leaves_no_gap_in_the_chain(notes: Connection) -> None:
    write(notes, "a")
    with suppress(Killed), notes.transaction():
        write(notes, "never")
        raise Killed
    write(notes, "b")
    assert seal_now(notes) == 2
    assert notes.execute("SELECT seq, id FROM public.note_seals ORDER BY seq").fetchall() == [(1, 1), (2, 3)]


def test_eight_sealers_at_once_seal_every_row_once(dsn: str, notes: Connection) -> None:
    write(notes, *map(str, range(100)))
    barrier = Barrier(8)

    def one(_: int) -> int:
        with connect(dsn) as db:
            barrier.wait()
            return sum(seal_now(db, most=7) for _ in range(20))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 100
    assert prove(notes, NOTES) == Proof(rows=100, blocks=15)


def test_writers_that_come_and_go_while_two_seal_lose_nothing(dsn: str, notes: Connection) -> None:
    """Each transaction writes, dawdles over other statements, writes again, and every fifth rolls back."""
    over = Event()

    def writer(number: int) -> list[str]:
        dice, kept = random.Random(number), []
        with connect(dsn) as db:
            for turn in range(60):
                texts = [f"{number}.{turn}.{part}" for part in range(dice.randint(1, 3))]
                with suppress(Killed), db.transaction():
                    for text in texts:
                        write(db, text)
                        for _ in range(dice.randint(0, 6)):
                            db.execute("SELECT count(*) FROM public.notes")
                    if turn % 5 == 4:
                        raise Killed
                    kept += texts
        return kept

    def sealer(_: int) -> int:
        total = 0
        with connect(dsn) as db:
            while not over.is_set():
                total += seal_now(db, most=5)
        return total

    with ThreadPoolExecutor(6) as pool:
        sealers = [pool.submit(sealer, number) for number in range(2)]
        written = [text for texts in pool.map(writer, range(4)) for text in texts]
        over.set()
        during = sum(one.result() for one in sealers)
    assert during > 0, "nothing was sealed while they wrote"
    while seal_now(notes):
        pass
    assert sorted(sealed(notes)) == sorted(written)
    assert prove(notes, NOTES).rows == len(written)


def test_a_sealer_killed_anywhere_leaves_a_whole_block_or_none(dsn: str, notes: Connection) -> None:
    mortality = Mortality()
    write(notes, *map(str, range(10)))
    lives: list[Connection] = [mortality.connect(dsn)]

    def work() -> int:
        with lives[-1].transaction():
            done = seal(lives[-1], NOTES, AT, most=6)
            mortality.point("done")
        return done

    def bury() -> None:
        lives[-1].close()
        lives.append(mortality.connect(dsn))
        assert prove(notes, NOTES).holds

    assert mortality.survive(work, bury) == 6
    assert mortality.deaths >= 6
    assert mortality.survive(work, bury) == 4
    lives[-1].close()
    assert sealed(notes) == list(map(str, range(10)))
    assert prove(notes, NOTES) == Proof(rows=10, blocks=2)


def test_a_database_whose_transactions_count_from_below_is_refused(notes: Connection) -> None:
    write(notes, "a")
    seal_now(notes)
    notes.execute("UPDATE public.note_blocks SET last_tx = '999999999'")
    with pytest.raises(CounterWentBack):
        seal_now(notes)


def test_nobody_but_the_sealer_writes_seals_and_blocks(
    dsn: str, notes: Connection, fresh_database: Callable[..., str]
) -> None:
    for role in ("admin", "finance", "identity"):
        with connect(fresh_database(role)) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("INSERT INTO admin.admin_operation_seals VALUES (1, 1, 1, sha256(''))")
    with connect(fresh_database("finance")) as db, pytest.raises(psycopg.errors.InsufficientPrivilege):
        db.execute("SET ROLE sealer")
    with connect(fresh_database("admin")) as db:
        with db.transaction():
            seal(db, replace(NOTES, table="admin.admin_operation_logs", key="id", at="created_at", row="r.id",
                             blocks="admin.audit_blocks", seals="admin.admin_operation_seals"), AT)  # fmt: skip
        assert db.execute("SELECT current_user").fetchone() == ("admin",)
        db.execute("SET ROLE sealer")
        for change in ("UPDATE admin.audit_blocks SET hash = hash", "DELETE FROM admin.audit_blocks"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(change)


def test_the_end_of_a_chain_now_and_at_a_moment(notes: Connection) -> None:
    assert head(notes, NOTES) is None
    for days in range(3):
        write(notes, str(days))
        with notes.transaction():
            seal(notes, NOTES, AT + timedelta(days=days))
    end = head(notes, NOTES)
    assert end is not None
    assert (end.block_no, end.seq, end.last_id, end.sealed_at) == (3, 3, 3, AT + timedelta(days=2))
    then = head_at(notes, NOTES, AT + timedelta(days=1))
    assert then is not None
    assert then.block_no == 1
    assert head_at(notes, NOTES, AT) is None


def test_what_waits_is_counted_from_its_age(notes: Connection) -> None:
    write(notes, "a", "b")
    assert waiting(notes, NOTES, AT) == 0
    assert waiting(notes, NOTES, AT + timedelta(seconds=1)) == 2
    seal_now(notes)
    assert waiting(notes, NOTES, AT + timedelta(seconds=1)) == 0


def test_a_part_of_the_chain_is_proved_with_the_block_before_it(notes: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.sql.seal_proof.BLOCK_ROWS", 4)
    for day in range(6):
        notes.execute("INSERT INTO public.notes (text, at) VALUES ('x', %s), ('y', %s)", [AT + timedelta(days=day)] * 2)
        with notes.transaction():
            assert sealing.seal(notes, NOTES, AT + timedelta(days=day, seconds=5)) == 2
    assert prove(notes, NOTES) == Proof(rows=12, blocks=6)
    since, until = AT + timedelta(days=2), AT + timedelta(days=3)
    assert prove(notes, NOTES, since, until) == Proof(rows=4, blocks=2)
    assert prove(notes, NOTES, since=AT + timedelta(days=60)) == Proof(rows=0, blocks=0)
    notes.execute("UPDATE public.notes SET text = 'z' WHERE note_id = 5")
    broken = prove(notes, NOTES, since, until)
    assert (broken.holds, broken.first_broken_id, broken.rows) == (False, 5, 4)
    assert prove(notes, NOTES, until=AT).holds, "another day is not concerned"
