"""A merged creator's money: available follows by entries, at once and later; undone, it comes back exactly or not at all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest

from events.identity import AccountsMerged
from functions.finance import on_accounts_merged, on_order_paid
from functions.finance.errors import InsufficientBalance
from functions.finance.service import merging, sales, settlement, sweep
from shared import clock
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.connection import connect
from tests.finance.build import Desk, add_creator
from tests.finance.conftest import CREATOR
from tests.payments.build import Crash, dying_before_statement

KEPT, THIRD = 100_003, 100_004
ROUNDS = 40


@pytest.fixture(autouse=True)
def people(request: pytest.FixtureRequest) -> None:
    """Two more creators, wherever the test keeps its books."""
    where = request.getfixturevalue("desk" if "desk" in request.fixturenames else "counter")
    add_creator(where.sql, KEPT)
    add_creator(where.sql, THIRD)


def fact(desk: Desk, merge_id: int = 1, dropped: int = CREATOR, into: int = KEPT) -> AccountsMerged:
    return AccountsMerged(
        event_id=new_ulid(), occurred_at=desk.at, merge_id=merge_id, from_uid=dropped, into_uid=into, merged_at=desk.at
    )


def merge(desk: Desk, merge_id: int = 1, dropped: int = CREATOR, into: int = KEPT) -> AccountsMerged:
    told = fact(desk, merge_id, dropped, into)
    assert desk.deliver(on_accounts_merged.handler, told) == []
    return told


def part(desk: Desk, merge_id: int = 1, dropped: int = CREATOR, into: int = KEPT) -> int:
    return int(desk.sql("SELECT finance.part_accounts(%s, %s, %s, %s)", (merge_id, dropped, into, desk.at))[0][0])


def owed(desk: Desk) -> int:
    """What both have, in all their parts."""
    return sum(sum(desk.balances(uid).values()) for uid in (CREATOR, KEPT))


def available(desk: Desk) -> tuple[int, int]:
    return desk.balances(CREATOR)["available"], desk.balances(KEPT)["available"]


def test_what_is_available_follows_and_comes_back(counter: Desk) -> None:
    counter.earned(CREATOR, 5_000)
    counter.earned(KEPT, 1_000)
    mine, theirs = available(counter)
    total = owed(counter)
    merge(counter)
    assert available(counter) == (0, mine + theirs)
    assert owed(counter) == total
    counter.books_hold()
    part(counter)
    assert available(counter) == (mine, theirs)
    assert owed(counter) == total
    counter.books_hold()


def test_a_merge_told_twice_moves_once(counter: Desk) -> None:
    counter.earned(CREATOR, 5_000)
    told = merge(counter)
    assert counter.deliver(on_accounts_merged.handler, told) == []
    merge(counter)
    assert counter.sql("SELECT count(*) FROM finance.ledger_entries WHERE kind = 'merge'") == [(1,)]
    counter.books_hold()


def test_parting_heard_before_the_merge_makes_it_void(counter: Desk) -> None:
    counter.earned(CREATOR, 5_000)
    before = available(counter)
    assert part(counter) == 0
    merge(counter)
    assert available(counter) == before
    counter.books_hold()


def test_parting_twice_gives_back_once(counter: Desk) -> None:
    counter.earned(CREATOR, 5_000)
    before = available(counter)
    merge(counter)
    assert part(counter) > 0
    assert part(counter) == 0
    assert available(counter) == before
    counter.books_hold()


def test_money_that_was_spent_cannot_come_back(desk: Desk) -> None:
    desk.earned(CREATOR, 20_000)
    merge(desk)
    desk.ask(KEPT, available(desk)[1])
    with pytest.raises(psycopg.errors.CheckViolation, match="ledger_accounts_covered"):
        part(desk)
    assert available(desk) == (0, 0)
    assert desk.sql("SELECT parted_at FROM finance.account_merges") == [(None,)]
    desk.books_hold()


def test_what_matures_later_follows_when_it_is_settled_and_all_of_it_comes_back(counter: Desk) -> None:
    counter.sell(CREATOR, 10_000)
    merge(counter)
    assert counter.balances(CREATOR)["pending"] == 7_952
    counter.sell(CREATOR, 20_000)
    counter.pass_time(days=7)
    counter.settle()
    assert available(counter) == (0, 7_952 + 15_904)
    assert counter.balances(CREATOR)["pending"] == 0
    counter.books_hold()
    part(counter)
    assert available(counter) == (7_952 + 15_904, 0)
    counter.books_hold()


def test_a_sale_after_the_parting_stays(counter: Desk) -> None:
    merge(counter)
    part(counter)
    counter.earned(CREATOR, 5_000)
    assert available(counter) == (7_952, 0)
    counter.books_hold()


def test_a_debt_of_the_dropped_account_is_paid_from_where_its_money_went(counter: Desk) -> None:
    order_no = counter.sell(CREATOR, 10_000)
    counter.pass_time(days=7)
    counter.settle()
    merge(counter)
    counter.refund(order_no, 5_000)
    assert counter.balances(CREATOR)["pending"] == -3_976
    counter.books_hold()
    counter.settle()
    assert counter.balances(CREATOR)["pending"] == 0
    assert available(counter) == (0, 3_976)
    counter.books_hold()
    part(counter)
    assert available(counter) == (3_976, 0)
    counter.books_hold()


def test_a_debt_that_cannot_be_paid_waits_and_holds_back_a_withdrawal(counter: Desk) -> None:
    order_no = counter.sell(CREATOR, 40_000)
    counter.pass_time(days=7)
    counter.settle()
    merge(counter)
    counter.refund(order_no, 20_000)
    with pytest.raises(InsufficientBalance):
        counter.ask(KEPT, available(counter)[1])
    assert counter.ask(KEPT, available(counter)[1] - 15_904)
    counter.books_hold()


def test_a_payout_that_comes_back_follows_too(counter: Desk) -> None:
    counter.earned(CREATOR, 50_000)
    withdrawal_id = counter.request(CREATOR, 50_000)
    assert counter.status(withdrawal_id) == "paid"
    merge(counter)
    kept = available(counter)[1]
    [(number,)] = counter.sql(
        "SELECT transfer_no FROM finance.withdrawal_transfers WHERE withdrawal_id = %s", (withdrawal_id,)
    )
    counter.vendor.decide(number, "returned")
    counter.pass_time(hours=13)
    with counter.time():
        assert sweep.find_returned(counter.rails) == 1
    assert available(counter) == (0, kept + 50_000)
    counter.books_hold()


def test_money_goes_all_the_way_through_two_merges(counter: Desk) -> None:
    counter.earned(CREATOR, 5_000)
    counter.sell(CREATOR, 10_000)
    merge(counter)
    merge(counter, 2, KEPT, THIRD)
    assert counter.balances(THIRD)["available"] == 7_952
    counter.pass_time(days=7)
    counter.settle()
    assert [counter.balances(uid)["available"] for uid in (CREATOR, KEPT, THIRD)] == [0, 0, 15_904]
    counter.books_hold()
    part(counter, 2, KEPT, THIRD)
    assert [counter.balances(uid)["available"] for uid in (CREATOR, KEPT, THIRD)] == [0, 15_904, 0]
    counter.books_hold()


def test_a_merge_killed_before_every_statement_ends_as_one_undisturbed(desk: Desk) -> None:
    desk.earned(CREATOR, 5_000)
    mine = available(desk)[0]
    for number in range(1, ROUNDS):
        told = fact(desk)
        try:
            with dying_before_statement(number):
                desk.deliver(on_accounts_merged.handler, told)
        except Crash:
            assert available(desk) == (mine, 0)
            continue
        break
    else:
        raise AssertionError("it never got through")
    assert number > 5
    assert available(desk) == (0, mine)
    desk.books_hold()


def test_a_settlement_killed_before_every_statement_moves_all_or_nothing(desk: Desk) -> None:
    desk.sell(CREATOR, 10_000)
    merge(desk)
    desk.pass_time(days=7)
    for number in range(1, ROUNDS):
        try:
            with dying_before_statement(number):
                desk.settle("killed and repeated")
        except Crash:
            assert available(desk) in {(0, 0), (0, 7_952)}
            desk.books_hold()
            continue
        break
    else:
        raise AssertionError("it never got through")
    assert available(desk) == (0, 7_952)
    desk.settle()
    assert available(desk) == (0, 7_952)
    desk.books_hold()


def at_once(desk: Desk, dsn: Callable[..., str], *works: tuple[str, Callable[[Any], Any]]) -> None:
    """Each piece of work in a transaction of its own, with the rights of a role, all begun at once."""
    barrier = Barrier(len(works))

    def one(work: tuple[str, Callable[[Any], Any]]) -> None:
        role, does = work
        with connect(dsn(role)) as db, clock.frozen(desk.at):
            barrier.wait()
            with db.transaction():
                does(db)
                outbox.store(db)

    with ThreadPoolExecutor(len(works)) as pool:
        list(pool.map(one, works))


@pytest.mark.parametrize("round_", range(6))
def test_a_sale_a_settlement_and_a_merge_at_once_lose_nothing(
    desk: Desk, fresh_database: Callable[..., str], round_: int
) -> None:
    del round_
    desk.sell(CREATOR, 10_000)
    desk.pass_time(days=7)
    sale, told = desk.paid_order(CREATOR, 20_000), fact(desk)
    settles = ("finance", lambda db: settlement.settle_creator(db, CREATOR))
    at_once(
        desk,
        fresh_database,
        ("finance", lambda db: sales.book_sale(db, sale)),
        ("finance", lambda db: merging.hear(db, told)),
        ("finance", lambda db: merging.hear(db, told)),
        settles,
        settles,
    )
    desk.books_hold()
    assert available(desk) == (0, 7_952)
    desk.pass_time(days=7)
    desk.settle()
    assert available(desk) == (0, 7_952 + 15_904)
    desk.books_hold()


def test_a_merge_heard_within_a_settlement_waits_for_it(desk: Desk, fresh_database: Callable[..., str]) -> None:
    desk.sell(CREATOR, 10_000)
    desk.pass_time(days=7)
    told = fact(desk)

    def hear() -> None:
        with connect(fresh_database("finance")) as db, clock.frozen(desk.at), db.transaction():
            merging.hear(db, told)

    with ThreadPoolExecutor(1) as pool, connect(fresh_database("finance")) as db, clock.frozen(desk.at):
        with db.transaction():
            settlement.settle_creator(db, CREATOR)
            outbox.store(db)
            heard = pool.submit(hear)
            while not heard.done() and desk.sql("SELECT 1 FROM pg_locks WHERE NOT granted") == []:
                pass
        heard.result()
    assert available(desk) == (0, 7_952)
    desk.books_hold()


@pytest.mark.parametrize("round_", range(6))
def test_a_merge_a_parting_and_a_settlement_at_once_end_parted(
    desk: Desk, fresh_database: Callable[..., str], round_: int
) -> None:
    del round_
    desk.sell(CREATOR, 10_000)
    desk.pass_time(days=7)
    told = fact(desk)

    def parts(db: Any) -> None:
        db.execute("SELECT finance.part_accounts(1, %s, %s, %s)", (CREATOR, KEPT, desk.at))

    at_once(
        desk,
        fresh_database,
        ("finance", lambda db: merging.hear(db, told)),
        ("identity", parts),
        ("identity", parts),
        ("finance", lambda db: settlement.settle_creator(db, CREATOR)),
    )
    assert available(desk) == (7_952, 0)
    desk.books_hold()


def test_a_sale_is_booked_for_the_account_it_was_made_for(counter: Desk) -> None:
    merge(counter)
    assert counter.deliver(on_order_paid.handler, counter.paid_order(CREATOR, 10_000)) == []
    assert counter.sql("SELECT DISTINCT creator_id FROM finance.creator_earnings") == [(CREATOR,)]
    counter.books_hold()
