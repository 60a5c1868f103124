"""Membership income shared among creators: by rule, to the fen, once."""

from datetime import date
from threading import Barrier, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.finance import split_pool
from functions.finance.service import pool
from shared import clock
from shared.money import Money
from shared.sql.connection import connect
from tests.finance.build import Desk, add_creator
from tests.finance.conftest import CREATOR, Client
from tests.payments.build import Crash, add_work, dying_before_statement

OTHER, THIRD = 100_003, 100_004
MARCH = "2026-03"
MEMBERSHIP = {"kind": "membership", "channel": "usdt"}
WEIGHTS = [{"creator_id": CREATOR, "weight": 2}, {"creator_id": OTHER, "weight": 5}]


def rule(call: Client, way: str, share_bp: int = 5_000, **fields: Any) -> Any:
    return call.staff("PUT", "/earnings/pool/rule", {"from_month": MARCH, "rule": way, "share_bp": share_bp, **fields})


def month(call: Client, name: str = MARCH) -> Any:
    return call.staff("GET", f"/earnings/pool/{name}").data


def split(desk: Desk) -> int:
    with desk.time():
        return int(split_pool.handler({}, None)["done"])


def shares(desk: Desk) -> dict[int, int]:
    return dict(desk.sql("SELECT creator_id, creator_amount FROM finance.creator_earnings WHERE kind = 'pool'"))


@pytest.fixture
def members(counter: Desk) -> Desk:
    """Memberships of 100.01 yuan in March, of which 0.01 went back, and sales of two of three creators."""
    for creator in (OTHER, THIRD):
        add_creator(counter.sql, creator)
    refunded = counter.sell(0, 1, **MEMBERSHIP)
    counter.sell(0, 10_000, **MEMBERSHIP)
    counter.refund(refunded, 1)
    for creator, times in ((CREATOR, 1), (OTHER, 2)):
        for _ in range(times):
            counter.sell(creator, 1_000)
    counter.refund(counter.sell(THIRD, 1_000), 1_000)
    return counter


@pytest.mark.parametrize(
    ("way", "fields", "expected"),
    [
        ("equal", {}, {CREATOR: 1_667, OTHER: 1_667, THIRD: 1_666}),
        ("weights", {"weights": WEIGHTS}, {CREATOR: 1_429, OTHER: 3_571}),
        ("usage", {}, {CREATOR: 1_667, OTHER: 3_333}),
    ],
)
def test_a_month_is_shared_by_its_rule_when_its_refunds_are_over(
    call: Client, members: Desk, way: str, fields: Any, expected: dict[int, int]
) -> None:
    for creator in (CREATOR, OTHER, THIRD):
        add_work(members.sql, author_id=creator)
    assert month(call)["status"] == "none"
    assert rule(call, way, **fields).data == {"from_month": MARCH, "rule": way, "share_bp": 5_000}
    told = {"month": MARCH, "rule": way, "share_bp": 5_000, "income": 10_000, "amount": 5_000, "creators": len(expected)}
    assert month(call) == told | {"status": "open"}
    members.at = members.at.replace(month=4, day=8, hour=15)
    assert split(members) == 0
    members.pass_time(hours=1)
    assert [split(members), split(members)] == [1, 0]
    assert shares(members) == expected
    assert month(call) == told | {"status": "shared"}
    members.books_hold()
    members.settle()
    assert sum(members.balances(creator)["available"] for creator in expected) >= 5_000
    members.books_hold()
    entries = members.sql("SELECT count(*) FROM finance.ledger_entries WHERE kind = 'pool'")
    assert entries == [(1 + len(expected),)]


def test_a_share_is_an_earning_like_any_other(call: Client, members: Desk) -> None:
    rule(call, "weights", weights=[{"creator_id": CREATOR, "weight": 1}])
    members.pass_time(days=40)
    split(members)
    (item,) = [one for one in call("GET", "/earnings/creator-share").data["items"] if one["order_no"].startswith("pool:")]
    assert (item["creator_amount"], item["platform_amount"]) == (5_000, 0)
    lines = call("GET", "/finance/statements", query={"month": "2026-04"}).data["lines"]
    assert [(line["kind"], line["amount"]) for line in lines] == [("earning", 5_000)]


def test_what_goes_back_later_lowers_the_month_in_which_it_does(call: Client, members: Desk) -> None:
    late = members.sell(0, 4_000, **MEMBERSHIP)
    rule(call, "weights", weights=WEIGHTS)
    members.pass_time(days=31)
    members.refund(late, 4_000)
    members.pass_time(days=40)
    assert split(members) == 2
    assert members.sql("SELECT month, income, amount, creators FROM finance.pool_splits ORDER BY month") == [
        (date(2026, 3, 1), 14_000, 7_000, 2),
        (date(2026, 4, 1), -4_000, 0, 0),
    ]
    members.books_hold()


def test_nobody_to_share_with_leaves_the_income_where_it_is(call: Client, members: Desk) -> None:
    rule(call, "equal")
    members.pass_time(days=40)
    assert split(members) == 1
    assert members.sql("SELECT amount, creators FROM finance.pool_splits") == [(0, 0)]
    members.books_hold()


def test_what_is_refused_and_what_is_written_down(call: Client, members: Desk) -> None:
    assert rule(call, "equal", from_month="2026-02").error == (422, "effective_from_in_past")
    assert rule(call, "weights", weights=[{"creator_id": 99, "weight": 1}]).error == (404, "creator_not_found")
    for fields in ({"rule": "weights"}, {"weights": WEIGHTS}, {"rule": "weights", "weights": [WEIGHTS[0], WEIGHTS[0]]},
                   {"share_bp": 10_001}, {"from_month": "2026-13"}, {"rule": "fair"}):  # fmt: skip
        body = {"from_month": MARCH, "rule": "equal", "share_bp": 1} | fields
        assert call.staff("PUT", "/earnings/pool/rule", body).status == 422
    assert call.staff("GET", "/earnings/pool/march").status == 422
    assert members.sql("SELECT 1 FROM finance.pool_rules") == []
    rule(call, "equal")
    rule(call, "weights", weights=WEIGHTS, reason="agreed")
    rule(call, "usage")
    assert members.sql("SELECT 1 FROM finance.pool_weights") == []
    logged = members.sql(
        "SELECT details->'after'->>'rule' FROM admin.admin_operation_logs WHERE operation = 'pool_rule.set'"
    )
    assert sorted(logged) == [("equal",), ("usage",), ("weights",)]


def _ready(desk: Desk) -> Desk:
    add_creator(desk.sql, OTHER)
    desk.sell(0, 10_001, **MEMBERSHIP)
    desk.sql("INSERT INTO finance.pool_rules VALUES ('2026-03-01', 'weights', 10000, 1, NULL, now())")
    desk.sql("INSERT INTO finance.pool_weights SELECT '2026-03-01', unnest(%s::bigint[]), 1", ([CREATOR, OTHER],))
    desk.pass_time(days=40)
    return desk


def test_dying_before_any_statement_shares_a_month_once_all_the_same(desk: Desk) -> None:
    _ready(desk)
    for number in range(1, 60):
        with desk.time(), dying_before_statement(number) as sent:
            try:
                pool.split_due()
            except Crash:
                assert shares(desk) == {}
                continue
        break
    assert 7 < sent[0] < number
    assert shares(desk) == {CREATOR: 5_001, OTHER: 5_000}
    desk.books_hold()


def test_eight_at_once_share_a_month_once(desk: Desk, fresh_database: Any) -> None:
    _ready(desk)
    barrier, done = Barrier(8), []

    def one() -> None:
        with connect(fresh_database("finance")) as db, clock.frozen(desk.at), db.transaction():
            barrier.wait()
            done.append(pool._split(db, date(2026, 3, 1)))

    threads = [Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False] * 7 + [True]
    desk.books_hold()


@given(st.integers(0, 10**12), st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
def test_parts_sum_to_the_whole_and_are_fair_to_the_fen(amount: int, weights: list[int]) -> None:
    parts = [part.minor for part in Money(amount).allocate(weights)]
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)
