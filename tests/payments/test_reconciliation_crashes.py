"""Killed between every two steps, and many at once: the same differences as undisturbed, each once; money moves once."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from threading import Barrier
from typing import Any

import pytest

from functions.payments import run_reconciliation
from functions.payments.gateways.base import BillRow
from functions.payments.reconciliation_errors import AlreadyResolved, SelfApprovalForbidden
from functions.payments.service import reconciliation, resolutions
from functions.payments.service.reconciliation import SupersededError, Turn
from functions.payments.store import matching
from functions.payments.store import reconciliations as store
from functions.payments.store.differences import Word
from shared import clock
from shared.dynamo.jobs import find_job
from shared.errors import Refusal
from shared.ids import new_ulid
from shared.money import Money
from shared.sql import connection as house_connection
from shared.sql.connection import Connection, connect
from shared.sql.edge import unit_of_work
from tests.payments.build import BUYER, OPERATOR, PRICE, START, Crash, committed, dying_before_statement
from tests.payments.reconciling import DAY, SECOND_OPERATOR, Books

CROWD = 8


def planted(books: Books) -> None:
    """A day with one of each: agreed, another amount, unknown here, unknown there."""
    books.bill(books.booked())
    books.bill(books.booked(), amount=PRICE + 1)
    books.rows.append(BillRow("G1", "P1", None, "pay", Money(7), Money(0), START))
    books.booked()
    books.till.gateway.bills[DAY] = books.rows


EXPECTED = ("mismatched", 1, 1, 1, 1, 1 + 7 - PRICE)


def kinds(books: Books) -> list[str]:
    return sorted(item[0] for item in books.items())


def forget_runs(books: Books) -> None:
    """As if nobody had reconciled yet."""
    books.sql("ALTER TABLE payments.reconciliation_bill_rows DISABLE TRIGGER append_only")
    books.sql("TRUNCATE payments.reconciliation_items, payments.reconciliation_bill_rows, payments.reconciliation_runs")
    books.sql("ALTER TABLE payments.reconciliation_bill_rows ENABLE TRIGGER append_only")


def start_job(books: Books) -> str:
    with books.till.time(), unit_of_work() as db:
        return reconciliation.ask(db, OPERATOR, "alipay", DAY, None).job_id


def deliver(books: Books, job_id: str) -> list[Any]:
    record = {"messageId": "1", "body": json.dumps({"job_id": job_id})}
    with books.till.time():
        return list(run_reconciliation.handler({"Records": [record]}, None)["batchItemFailures"])


def test_a_job_killed_before_any_statement_ends_the_same_when_delivered_again(books: Books) -> None:
    planted(books)
    number, survived = 1, False
    while not survived:
        forget_runs(books)
        job_id = start_job(books)
        try:
            with dying_before_statement(number):
                deliver(books, job_id)
            survived = True
        except Crash:
            assert deliver(books, job_id) == []
        item = find_job(job_id)
        assert item is not None
        assert item.status == "succeeded"
        assert books.run() == EXPECTED
        assert kinds(books) == ["amount_diff", "missing_local", "missing_remote"]
        assert books.sql("SELECT count(DISTINCT import_no), count(*) FROM payments.reconciliation_bill_rows") == [(1, 3)]
        number += 1
    assert number > 4, "there was something to kill"


@pytest.mark.parametrize("row", [0, 1, 2, 3])
def test_a_job_killed_in_the_middle_of_a_bill_leaves_nothing_of_it(books: Books, row: int) -> None:
    planted(books)
    whole = list(books.rows)

    def dying() -> Any:
        yield from whole[:row]
        raise Crash(row)

    books.till.gateway.bills[DAY] = dying()
    job_id = start_job(books)
    with pytest.raises(Crash):
        deliver(books, job_id)
    assert books.sql("SELECT count(*) FROM payments.reconciliation_bill_rows") == [(0,)]
    books.till.gateway.bills[DAY] = whole
    assert deliver(books, job_id) == []
    assert books.run() == EXPECTED


def test_a_job_killed_after_its_commit_says_so_when_delivered_again(books: Books) -> None:
    planted(books)
    job_id = start_job(books)
    job = find_job(job_id)
    assert job is not None
    job.begin()
    ((run,),) = books.sql("SELECT reconciliation_id FROM payments.reconciliation_runs")
    with books.till.time():
        reconciliation.reconcile(Turn(run, "alipay", DAY, job_id), job.advance)
    # Here the process dies: the run is committed, and the job does not know yet.
    assert books.run() == EXPECTED
    assert job.status == "running"
    assert deliver(books, job_id) == []
    again = find_job(job_id)
    assert again is not None
    assert again.status == "succeeded"
    assert books.sql("SELECT import_no FROM payments.reconciliation_runs") == [(1,)]


@pytest.mark.parametrize("action", ["accept_remote", "refund"])
def test_a_resolution_killed_before_any_statement_moves_all_or_nothing(books: Books, action: Any) -> None:
    number, survived = 1, False
    while not survived:
        order_no, payment_no = books.till.started(uid=BUYER + number)
        books.till.buyer_pays(payment_no)
        books.rows.clear()
        books.bill((order_no, payment_no))
        books.reconcile()
        try:
            with dying_before_statement(number):
                books.resolve(payment_no, action)
            survived = True
        except Crash:
            is_resolved = books.item_status(payment_no) == "resolved"
            assert (books.till.order(order_no).status != "pending") == is_resolved
            assert len(books.till.facts("payments.order_paid.v1", order_no)) == is_resolved
            if not is_resolved:
                books.resolve(payment_no, action)
        assert len(books.till.facts("payments.order_paid.v1", order_no)) == 1
        expected = [("request", "processing", PRICE)] if action == "refund" else []
        assert books.till.refunds(order_no) == expected
        number += 1
    assert number > 5, "there was something to kill"


AtOnce = Callable[[list[Callable[[Connection], Any]]], list[Any]]


@pytest.fixture
def at_once(books: Books, fresh_database: Callable[..., str]) -> AtOnce:
    """Run verbs at the same moment, each on its own connection; their results, refusals by name."""

    def run(verbs: list[Callable[[Connection], Any]]) -> list[Any]:
        barrier = Barrier(len(verbs))

        def one(verb: Callable[[Connection], Any]) -> Any:
            with connect(fresh_database("payments")) as db, clock.frozen(books.till.at):
                barrier.wait()
                try:
                    return committed(db, verb)
                except Refusal as refusal:
                    return type(refusal)

        with ThreadPoolExecutor(len(verbs)) as pool:
            return list(pool.map(one, verbs))

    return run


def test_of_eight_who_take_a_day_one_has_it(books: Books, at_once: AtOnce) -> None:
    def take(db: Connection) -> int | None:
        until = books.till.at + timedelta(minutes=15)
        return store.claim(db, "alipay", DAY, token=new_ulid(), until=until, at=books.till.at)

    taken = at_once([take] * CROWD)
    assert len([one for one in taken if one is not None]) == 1


def test_of_eight_deliveries_of_one_job_one_imports(books: Books, fresh_database: Callable[..., str]) -> None:
    planted(books)
    turn = books.claim()
    barrier = Barrier(CROWD)

    def one(_: int) -> str:
        with connect(fresh_database("payments")) as db, clock.frozen(books.till.at):
            barrier.wait()
            with db.transaction():
                held = store.hold(db, turn.reconciliation_id)
                assert held is not None
                if held.token != turn.token or held.status != "running":
                    return "superseded"
                store.stage(db, held, books.rows, lambda _: None)
                at = books.till.at
                matched = matching.match(db, held, at - timedelta(days=1), at + timedelta(days=1), at)
                store.complete(db, held, matched, at)
            return "imported"

    with ThreadPoolExecutor(CROWD) as pool:
        said = sorted(pool.map(one, range(CROWD)))
    assert said == ["imported"] + ["superseded"] * (CROWD - 1)
    assert books.run() == EXPECTED
    assert books.sql("SELECT count(*) FROM payments.reconciliation_bill_rows") == [(3,)]


def test_of_four_processes_with_one_job_one_reconciles(books: Books, fresh_database: Callable[..., str]) -> None:
    """`reconcile` itself, each time in a process of its own, as deliveries are."""
    planted(books)
    turn, dsn = books.claim(), fresh_database("payments")
    house = get_context("fork")
    begin, said = house.Barrier(4), house.SimpleQueue()

    def process() -> None:
        house_connection.use(connect(dsn))
        with books.till.time():
            begin.wait()
            try:
                reconciliation.reconcile(turn, lambda _: None)
                said.put("reconciled")
            except SupersededError:
                said.put("superseded")

    crowd = [house.Process(target=process) for _ in range(4)]
    for one in crowd:
        one.start()
    answers = sorted(said.get() for _ in crowd)
    for one in crowd:
        one.join()
    assert answers == ["reconciled"] + ["superseded"] * 3
    assert books.run() == EXPECTED
    assert books.sql("SELECT count(*), max(import_no) FROM payments.reconciliation_bill_rows") == [(3, 1)]


@pytest.mark.parametrize("action", ["accept_remote", "refund"])
def test_of_eight_who_resolve_one_difference_one_moves_money(books: Books, at_once: AtOnce, action: Any) -> None:
    order_no, payment_no = books.till.started()
    books.till.buyer_pays(payment_no)
    books.bill((order_no, payment_no))
    books.reconcile()
    numbers = books.item(payment_no)
    word = Word(action, OPERATOR, "x", books.till.at)
    said = at_once([lambda db: resolutions.resolve(db, *numbers, word)[1].status] * CROWD)
    assert sorted(map(str, said)) == sorted(["resolved"] + [str(AlreadyResolved)] * (CROWD - 1))
    assert len(books.till.facts("payments.order_paid.v1", order_no)) == 1
    assert len(books.till.refunds(order_no)) == (action == "refund")


def test_of_eight_with_the_same_word_two_decide(books: Books, at_once: AtOnce) -> None:
    order_no, payment_no = books.till.started(amount=200_000)
    books.till.buyer_pays(payment_no)
    books.bill((order_no, payment_no))
    books.reconcile()
    numbers = books.item(payment_no)
    people = [OPERATOR] * 4 + [SECOND_OPERATOR] * 4

    def say(by: int) -> Callable[[Connection], Any]:
        word = Word("accept_remote", by, "x", books.till.at)
        return lambda db: resolutions.resolve(db, *numbers, word)[1].status

    said = at_once([say(by) for by in people])
    assert said.count("open") == said.count("resolved") == 1
    assert set(said) <= {"open", "resolved", AlreadyResolved, SelfApprovalForbidden}
    assert len(books.till.facts("payments.order_paid.v1", order_no)) == 1
