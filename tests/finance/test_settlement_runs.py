"""The settlement's workflow: re-entrant, page by page, tied out; killed at any state it is simply repeated."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier
from typing import Any

import pytest

from functions.finance import settle_earnings
from functions.finance.manifest import MANIFEST
from functions.finance.service import runs, settlement
from functions.finance.store import runs as store
from functions.finance.verify import verify
from shared.sql import connection as house_connection
from tests.bench import settlement as bench
from tests.finance import settling
from tests.finance.build import Desk, add_creator
from tests.finance.conftest import CREATOR
from tests.payments.build import Crash, dying_before_statement

OTHER, THIRD = 100_003, 100_004
MORE_THAN_A_RUN_SENDS = 200


def ledger(desk: Desk) -> dict[int, int]:
    """What is available to whom."""
    return dict(
        desk.sql("SELECT creator_id, balance FROM finance.creator_balances WHERE part = 'available' AND balance > 0")
    )


def run_row(desk: Desk, name: str) -> tuple[Any, ...]:
    (row,) = desk.sql(
        "SELECT status, settlements, amount, creators_left, off FROM finance.settlement_runs WHERE run = %s", (name,)
    )
    return row


def three_due(desk: Desk) -> None:
    """Three creators with a sale past its hold each."""
    for creator in (OTHER, THIRD):
        add_creator(desk.sql, creator)
    for creator in (CREATOR, OTHER, THIRD):
        desk.sell(creator, 10_000)
    desk.pass_time(days=7)


def test_the_workflow_calls_exactly_the_tasks_of_the_manifest() -> None:
    text = settling.ASL.read_text()
    states = json.loads(text)["States"]
    (declared,) = (one for one in MANIFEST.workflows if one.name == "settlement")
    assert set(declared.tasks) == set(settling.EVERY_TASK)
    reachable = {json.loads(text)["StartAt"]}
    for state in states.values():
        reachable |= {state.get("Next"), state.get("Default"), *(c["Next"] for c in state.get("Choices", ()))}
    assert reachable - {None} == set(states)
    assert json.loads(text)["TimeoutSeconds"] < runs.SILENT.total_seconds()


def test_a_run_settles_everyone_and_ties_out(counter: Desk) -> None:
    three_due(counter)
    with counter.time():
        ended = settling.run("night")
    assert (ended.status, ended.data) == ("SUCCEEDED", {"run": "night", "next": "end", "settlements": 3, "amount": 23_856})
    assert ledger(counter) == dict.fromkeys((CREATOR, OTHER, THIRD), 7_952)
    assert run_row(counter, "night") == ("tied", 3, 23_856, 0, 0)
    counter.books_hold()


def test_a_second_run_while_one_runs_does_nothing(counter: Desk) -> None:
    three_due(counter)
    with counter.time():
        assert runs.begin({"run": "first"})["next"] == "settle"
        assert runs.start() == 0
        assert settling.run("second").data == {"run": "second", "next": "end", "pages": []}
    assert ledger(counter) == {}
    with counter.time():
        assert settling.run("first").data["settlements"] == 3
        assert settling.run("first").data["next"] == "end"
    assert counter.sql("SELECT run FROM finance.settlement_runs") == [("first",)]


def test_a_run_that_died_gives_way_to_the_next_after_two_hours(counter: Desk) -> None:
    three_due(counter)
    with counter.time():
        runs.begin({"run": "dead"})
    counter.pass_time(hours=2)
    with counter.time():
        assert runs.start() == 0
    counter.pass_time(seconds=1)
    with counter.time():
        assert runs.start() == 1
        assert settling.run("next").data["settlements"] == 3
    assert run_row(counter, "dead")[0] == "lost"
    counter.books_hold()


def test_what_a_run_settled_that_could_not_close_is_tied_out_by_the_next(counter: Desk) -> None:
    three_due(counter)

    def closed(_: dict[str, Any]) -> dict[str, Any]:
        raise TimeoutError

    with counter.time(), pytest.raises(TimeoutError):
        settling.run("dead", {**settling.EVERY_TASK, "close_settlement": closed})
    assert len(ledger(counter)) == 3
    counter.sql("UPDATE finance.settlements SET gross = gross + 1, refund = refund + 1 WHERE creator_id = 100003")
    counter.pass_time(hours=3)
    with counter.time():
        assert runs.start() == 1
        assert settling.run("next").status == "FAILED"
    assert run_row(counter, "next") == ("untied", 3, 23_856, 0, 1)


def test_nobody_due_starts_nothing(counter: Desk) -> None:
    counter.sell(CREATOR, 10_000)
    with counter.time():
        assert settle_earnings.handler({}, None) == {"done": 0, "skipped": False}


@pytest.mark.parametrize("times", [1, 99])
def test_a_page_that_fails_leaves_the_others_alone(counter: Desk, times: int) -> None:
    """Once is mended by Retry; for good, its creators stay due, are counted, and settled by the next run."""
    three_due(counter)
    far = add_creator(counter.sql, 100_100)
    counter.sql(
        """
        INSERT INTO finance.creator_earnings (creator_id, order_no, source, target_id, channel, gross, channel_fee,
            platform_amount, creator_amount, rate_bp, status, paid_at, available_at, created_at, updated_at)
        SELECT c, 'free' || c, 'content', 1, 'alipay', 0, 0, 0, 0, 8000, 'pending', %(at)s, %(at)s, %(at)s, %(at)s
        FROM generate_series(200000, 200000 + %(page)s) c
        """,
        {"at": counter.at, "page": runs.PAGE},
    )
    counter.sell(far, 10_000)
    left = [times]

    def failing(event: dict[str, Any]) -> dict[str, Any]:
        if event["page"]["first"] == CREATOR and left[0]:
            left[0] -= 1
            raise TimeoutError
        return settling.EVERY_TASK["settle_creators"](event)

    with counter.time():
        ended = settling.run("night", {**settling.EVERY_TASK, "settle_creators": failing})
    assert ended.status == "SUCCEEDED"
    assert run_row(counter, "night")[0] == "tied"
    if times == 1:
        assert run_row(counter, "night")[3] == 0
    else:
        assert run_row(counter, "night")[3] == runs.PAGE
        assert CREATOR not in ledger(counter)
        with counter.time():
            settling.run("next")
    assert ledger(counter) == dict.fromkeys((CREATOR, OTHER, THIRD), 7_952)
    counter.books_hold()


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE finance.settlements SET creator_amount = creator_amount + 1, platform_amount = platform_amount - 1",
        "UPDATE finance.settlements SET gross = gross + 1, refund = refund + 1",
        "UPDATE finance.creator_earnings SET settlement_id = NULL WHERE creator_id = 100003",
        """
        SET session_replication_role = replica;
        UPDATE finance.ledger_entries SET reference = 'lost' WHERE reference = (
            SELECT min(reference) FROM finance.ledger_entries WHERE kind = 'settlement');
        SET session_replication_role = DEFAULT
        """,
    ],
)
def test_a_run_that_does_not_tie_out_fails_and_says_so(counter: Desk, wrong: str, capsys: Any) -> None:
    three_due(counter)

    def late(event: dict[str, Any]) -> dict[str, Any]:
        counter.sql(wrong)
        return settling.EVERY_TASK["close_settlement"](event)

    with counter.time():
        ended = settling.run("night", {**settling.EVERY_TASK, "close_settlement": late})
    assert ended.status == "FAILED"
    assert run_row(counter, "night")[0] == "untied"
    assert run_row(counter, "night")[4] == (3 if "UPDATE finance.settlements" in wrong else 1)
    assert "settlement_untied" in capsys.readouterr().out


def test_eight_runs_that_begin_at_once_are_one(desk: Desk, fresh_database: Callable[..., str]) -> None:
    """Also when they find a dead one: one of them answers for it."""
    three_due(desk)
    for again in ("first", "second"):
        barrier = Barrier(8)

        def begin(number: int, again: str = again, barrier: Barrier = barrier) -> bool:
            with house_connection.connect(fresh_database("finance")) as db, db.transaction():
                barrier.wait()
                return store.claim(db, f"{again}-{number}", desk.at, desk.at - runs.SILENT)

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(begin, range(8))) == [False] * 7 + [True]
        desk.pass_time(hours=3)
    assert desk.sql("SELECT status FROM finance.settlement_runs ORDER BY run") == [("lost",), ("running",)]


def test_dying_before_any_statement_of_any_state_is_repaired_by_the_same_run(desk: Desk) -> None:
    """Killed with the whole execution, and started again from its first state, as the emulator and an operator would."""
    uids = iter(range(300_000, 10**6))

    def arrange() -> tuple[int, int]:
        pair = add_creator(desk.sql, next(uids)), add_creator(desk.sql, next(uids))
        returned = desk.sell(pair[0], 10_000)
        desk.pass_time(days=7)
        desk.settle()
        desk.refund(returned, 2_500)
        for creator in pair:
            desk.sell(creator, 20_000)
        desk.pass_time(days=7)
        return pair

    def outcome(pair: tuple[int, int]) -> Any:
        desk.books_hold()
        return [
            desk.sql(statement, (list(pair),))
            for statement in (
                "SELECT part, balance FROM finance.creator_balances WHERE creator_id = ANY(%s) ORDER BY creator_id, part",
                """
                SELECT gross, refund, creator_amount, batches FROM finance.settlements WHERE creator_id = ANY(%s)
                ORDER BY settlement_id
                """,
                """
                SELECT payload->>'amount' FROM platform.outbox_events
                WHERE topic = 'finance.earnings_settled.v1' AND (payload->>'creator_id')::bigint = ANY(%s) ORDER BY id
                """,
            )
        ]

    pair = arrange()
    desk.settle()
    expected = outcome(pair)
    for number in range(1, MORE_THAN_A_RUN_SENDS):
        pair = arrange()
        with dying_before_statement(number) as sent, suppress(Crash):
            desk.settle(f"run-{number}")
        if sent[0] < number:
            break
        desk.settle(f"run-{number}")
        assert outcome(pair) == expected, f"died before statement {number}"
        assert run_row(desk, f"run-{number}")[0] == "tied"
    assert number > 20


def test_thousands_of_orders_take_as_many_statements_as_a_few(fresh_database: Callable[..., str], resources: None) -> None:
    """The same code as the bench's; what one transaction does not hold is settled by the next."""
    with house_connection.connect(fresh_database()) as owner, house_connection.connect(fresh_database("finance")) as db:
        house_connection.use(db)
        try:
            bench.fill(owner, 2, 20)
            few = bench.settle("few")
            bench.fill(owner, 2, settlement.MOST + 100, first=bench.FIRST + 10)
            many = bench.settle("many")
            assert [check for check in verify(db) if check.off] == []
        finally:
            house_connection.use(None)
    assert (few["settlements"], few["amount"]) == (2, 2 * 20 * 7_952)
    assert (many["settlements"], many["amount"]) == (2, 2 * (settlement.MOST + 100) * 7_952)
    assert many["statements"] <= 2 * few["statements"]
