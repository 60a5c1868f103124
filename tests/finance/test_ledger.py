"""The ledger by itself: it balances, it is never rewritten, it says everything once."""

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from shared.sql.connection import Connection, connect
from tests.finance.books import AT, IN, POST, A, B, balances, batch, in_parallel, off, post
from tests.fixtures.postgres import House


@pytest.fixture
def db(house: House) -> Iterator[Connection]:
    with house.acting("finance") as connection:
        yield connection


def test_an_entry_moves_money_and_answers_the_balances(db: Connection) -> None:
    rows = post(db, "r1", {IN: -500, A: 500})
    assert {row[1]: row[2:] for row in rows} == {IN: (-500, None, False), A: (500, 500, False)}
    assert balances(db) == {A: 500}


def test_the_same_reference_again_answers_the_same_and_moves_nothing(db: Connection) -> None:
    first = post(db, "r1", {IN: -500, A: 500})
    post(db, "r2", {IN: -1, A: 1})
    again = post(db, "r1", {A: 500, IN: -500})
    assert sorted(row[:4] for row in again) == sorted(row[:4] for row in first)
    assert all(row[4] for row in again)
    assert balances(db) == {A: 501}


@pytest.mark.parametrize(
    ("lines", "other"),
    [({IN: -501, A: 501}, {}), ({IN: -500, B: 500}, {}), ({IN: -500, A: 500}, {"kind": "refund"}),
     ({IN: -500, A: 500}, {"currency": "USDT"}), ({IN: -500, A: 400, B: 100}, {})],
)  # fmt: skip
def test_the_same_reference_with_other_content_is_refused(db: Connection, lines: Any, other: Any) -> None:
    post(db, "r1", {IN: -500, A: 500})
    with pytest.raises(psycopg.Error, match="was posted as") as refused:
        post(db, "r1", lines, **other)
    assert refused.value.sqlstate == "LG002"
    assert balances(db) == {A: 500}


@pytest.mark.parametrize("lines", [{IN: -500, A: 499}, {A: 0}, {IN: 500}, {}, {IN: -1, A: 1, B: 0}])
def test_an_entry_that_does_not_balance_is_refused(db: Connection, lines: dict[str, int]) -> None:
    with pytest.raises(psycopg.Error):
        post(db, "r1", lines)
    assert db.execute("SELECT count(*) FROM finance.ledger_entries").fetchone() == (0,)
    assert balances(db) == {}


def test_arrays_of_different_length_or_an_account_named_twice_are_refused(db: Connection) -> None:
    for accounts, amounts in (([IN, A, B], [-1, 1]), ([IN, A], [-2, 1, 1]), ([A, A], [5, -5]), ([IN, None], [-1, 1])):
        with pytest.raises(psycopg.Error), db.transaction():
            db.execute(POST, ("r1", "capture", AT, "CNY", accounts, amounts))
    assert off(db) == []


@pytest.mark.parametrize(
    "name", ["creator:0:available", "creator:7:savings", "creator:x:pending", "bank:alipay", "channel:", "Channel:a"]
)
def test_an_account_of_no_known_form_is_refused(db: Connection, name: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        post(db, "r1", {IN: -5, name: 5})


def test_a_balance_may_not_go_below_zero_but_pending_may(db: Connection) -> None:
    post(db, "r1", {IN: -500, A: 500})
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        post(db, "r2", {A: -501, IN: 501})
    assert refused.value.diag.constraint_name == "ledger_accounts_covered"
    post(db, "r3", {"creator:7:pending": -501, IN: 501})
    assert balances(db) == {A: 500, "creator:7:pending": -501}
    assert off(db) == []


def test_currencies_do_not_mix(db: Connection) -> None:
    post(db, "r1", {IN: -500, A: 500})
    post(db, "r2", {IN: -7, A: 7}, currency="USDT")
    assert db.execute("SELECT name, currency, balance FROM finance.ledger_accounts WHERE kind = 'owner' ORDER BY 2").fetchall() == [
        (A, "CNY", 500), (A, "USDT", 7),
    ]  # fmt: skip
    assert off(db) == []
    with pytest.raises(psycopg.errors.CheckViolation):
        post(db, "r3", {IN: -7, A: 7}, currency="EUR")


def test_the_ledger_cannot_be_rewritten_not_even_by_its_owner(fresh_database: Callable[..., str]) -> None:
    with connect(fresh_database("finance")) as db:
        post(db, "r1", {IN: -500, A: 500})
    columns = {"ledger_entries": "kind = kind", "ledger_postings": "amount = amount", "ledger_accounts": "name = name"}
    for role in ("finance", "postgres"):
        with psycopg.connect(fresh_database(role), autocommit=True) as db:
            for table, column in columns.items():
                for verb in ("UPDATE finance.{} SET {}", "DELETE FROM finance.{}", "TRUNCATE finance.{}"):
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        db.execute(verb.format(table, column))


def test_the_role_writes_only_through_the_function(db: Connection) -> None:
    for statement in (
        "INSERT INTO finance.ledger_entries (reference, kind, ref_type, ref_id, currency, at) VALUES ('x', 'x', 'x', 'x', 'CNY', now())",
        "INSERT INTO finance.ledger_postings (entry_id, account_id, amount, at) VALUES (1, 1, 1, now())",
        "UPDATE finance.ledger_accounts SET balance = 1",
        "SELECT finance.open_accounts('{channel:x}', 'CNY', now())",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), db.transaction():
            db.execute(statement)


def test_even_the_owner_cannot_commit_postings_that_do_not_sum_to_zero(fresh_database: Callable[..., str]) -> None:
    with connect(fresh_database("finance")) as db:
        post(db, "r1", {IN: -500, A: 500})
    with psycopg.connect(fresh_database(), autocommit=True) as owner:
        entry = (
            "INSERT INTO finance.ledger_entries (reference, kind, ref_type, ref_id, currency, at)"
            " VALUES ('x', 'x', 'x', 'x', 'CNY', now())"
        )
        late = (
            "INSERT INTO finance.ledger_postings (entry_id, account_id, amount, at)"
            " SELECT min(entry_id), 999, 1, now() FROM finance.ledger_entries"
        )
        for statement in (entry, late):
            with pytest.raises(psycopg.Error) as refused, owner.transaction():
                owner.execute(statement)  # passes: the check waits for the commit
            assert refused.value.sqlstate == "LG001"


def test_a_batch_posts_what_its_entries_would_one_by_one(db: Connection) -> None:
    entries = [{"reference": f"b{i}", "lines": {IN: -i, A: i} if i % 3 else {A: -1, B: 1}} for i in range(1, 101)]
    rows = batch(db, entries)
    assert [(row[0], row[2]) for row in rows] == [(entry["reference"], False) for entry in entries]
    expected = {"a": sum(i if i % 3 else -1 for i in range(1, 101)), "b": 33}
    assert balances(db) == {A: expected["a"], B: expected["b"]}
    assert off(db) == []


def test_a_batch_skips_what_was_posted_and_what_it_holds_twice(db: Connection) -> None:
    post(db, "b1", {IN: -5, A: 5})
    entries = [{"reference": name, "lines": {IN: -5, A: 5}} for name in ("b1", "b2", "b2", "b3")]
    assert [row[2] for row in batch(db, entries)] == [True, False, True, False]
    assert [row[2] for row in batch(db, entries)] == [True, True, True, True]
    assert balances(db) == {A: 15}
    assert batch(db, []) == []
    assert off(db) == []


def test_a_batch_with_one_wrong_entry_posts_nothing(db: Connection) -> None:
    good = {"reference": "b1", "lines": {IN: -5, A: 5}}
    post(db, "old", {IN: -5, A: 5})
    for wrong, state in (
        ({"reference": "b2", "lines": {IN: -5, A: 4}}, "LG001"),
        ({"reference": "b2", "lines": {}}, "LG002"),
        ({"reference": "b1", "lines": {IN: -6, A: 6}}, "LG002"),
        ({"reference": "old", "lines": {IN: -6, A: 6}}, "LG002"),
        ({"reference": "b2", "lines": {A: -11, B: 11}}, "23514"),
    ):
        with pytest.raises(psycopg.Error) as refused:
            batch(db, [good, wrong])
        assert refused.value.sqlstate == state, wrong
    assert balances(db) == {A: 5}


def test_a_batch_may_not_overdraw_in_the_middle(db: Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        batch(db, [{"reference": "b1", "lines": {A: -5, B: 5}}, {"reference": "b2", "lines": {IN: -5, A: 5}}])
    assert balances(db) == {}


def test_eight_at_once_with_one_reference_post_it_once(fresh_database: Callable[..., str]) -> None:
    dsn = fresh_database("finance")
    said = in_parallel(dsn, 8, lambda db, _: post(db, "r1", {IN: -500, A: 500})[0][4])
    assert sorted(said) == [False] + [True] * 7
    with connect(dsn) as db:
        assert balances(db) == {A: 500}
        assert off(db) == []


def test_eight_at_once_cannot_spend_the_same_money(fresh_database: Callable[..., str]) -> None:
    dsn = fresh_database("finance")
    with connect(dsn) as db:
        post(db, "r0", {IN: -500, A: 500})
    said = in_parallel(dsn, 8, lambda db, i: post(db, f"spend{i}", {A: -300, IN: 300})[0][4])
    assert sorted(map(str, said)) == ["23514"] * 7 + ["False"]
    with connect(dsn) as db:
        assert balances(db) == {A: 200}
        assert off(db) == []


def test_transfers_to_and_fro_do_not_deadlock(fresh_database: Callable[..., str]) -> None:
    dsn = fresh_database("finance")
    with connect(dsn) as db:
        post(db, "r0", {IN: -20_000, A: 10_000, B: 10_000})

    def to_and_fro(db: Connection, index: int) -> None:
        for turn in range(40):
            amount = 1 if (index + turn) % 2 else -1
            if turn % 10 == 9:
                batch(db, [{"reference": f"{index}:{turn}:{i}", "lines": {A: amount, B: -amount}} for i in range(5)])
            else:
                post(db, f"{index}:{turn}", {A: amount, B: -amount} if index % 2 else {B: -amount, A: amount})

    assert in_parallel(dsn, 8, to_and_fro) == [None] * 8
    with connect(dsn) as db:
        assert sum(balances(db).values()) == 20_000
        assert off(db) == []


def test_many_at_once_open_an_account_once(fresh_database: Callable[..., str]) -> None:
    dsn = fresh_database("finance")
    said = in_parallel(dsn, 8, lambda db, i: post(db, f"r{i}", {IN: -1, A: 1, B: 3, "platform:income": -3})[0][4])
    assert said == [False] * 8
    with connect(dsn) as db:
        assert balances(db) == {A: 8, B: 24}
        assert off(db) == []
