"""Sales, refunds, holds, rates, settlements, corrections and the pool in any order: the books tie after every step."""

from contextlib import suppress
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from functions.finance.models import shanghai_day
from functions.finance.service import adjustments, pool, recalculation, terms
from functions.finance.service.recalculation import Calculation
from functions.finance.service.terms import Rate
from functions.finance.store.pool import Rule
from shared import clock
from shared.errors import Refusal
from shared.sql.edge import unit_of_work
from tests.finance.build import OPERATOR, START, Desk, add_creator
from tests.fixtures.postgres import House

CREATORS = (100_010, 100_011)
SECOND = 100_012
KINDS = ("content", "subscription", "renewal", "change_plan", "gift")


class Settling(RuleBasedStateMachine):
    """The verbs of earnings; `left` is what each order may still give back."""

    house: ClassVar[House]
    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.rolled_back = self.house.db.transaction(force_rollback=True)
        self.rolled_back.__enter__()
        for creator in CREATORS:
            add_creator(self.house.sql, creator)
        self.desk = Desk(self.house.sql, lambda: self.house.acting("finance"))
        self.left: dict[str, int] = {}

    def teardown(self) -> None:
        self.desk.machine.detach()
        self.rolled_back.__exit__(None, None, None)

    @rule(
        target=orders,
        creator=st.sampled_from(CREATORS),
        amount=st.integers(1, 50_000),
        kind=st.sampled_from(KINDS),
        discount=st.just(0) | st.integers(1, 50_000),
    )
    def sell(self, creator: int, amount: int, kind: str, discount: int) -> str:
        order_no = self.desk.sell(creator, amount, kind=kind, platform_discount=discount)
        self.left[order_no] = amount
        return order_no

    @rule(target=orders, amount=st.integers(1, 50_000))
    def sell_membership(self, amount: int) -> str:
        order_no = self.desk.sell(0, amount, kind="membership")
        self.left[order_no] = amount
        return order_no

    @rule(order_no=orders, part=st.floats(0.01, 1))
    def refund(self, order_no: str, part: float) -> None:
        """Before settlement, after it, or between two."""
        amount = min(self.left[order_no], max(1, int(self.left[order_no] * part)))
        if amount:
            self.desk.refund(order_no, amount)
            self.left[order_no] -= amount

    @rule(creator=st.sampled_from(CREATORS), days=st.sampled_from([None, 0, 1, 30]))
    def hold(self, creator: int, days: int | None) -> None:
        with self.desk.time(), unit_of_work() as db:
            terms.set_hold(db, OPERATOR, creator, days, None)

    @rule(creator=st.sampled_from(CREATORS), rate_bp=st.integers(0, 10_000), kind=st.sampled_from([None, "subscription"]))
    def rate(self, creator: int, rate_bp: int, kind: Any) -> None:
        """From today on: what was sold earlier today differs from it, and is found by the next recalculation."""
        with self.desk.time(), unit_of_work() as db:
            terms.set_rate(db, OPERATOR, creator, Rate(rate_bp, shanghai_day(clock.now()), kind), None)

    @rule(days=st.sampled_from([0, 1, 7, 31]))
    def settle(self, days: int) -> None:
        self.desk.pass_time(days=days)
        self.desk.settle()

    @rule(dry_run=st.booleans())
    def recalculate(self, dry_run: bool) -> None:
        asked = Calculation(shanghai_day(START), shanghai_day(self.desk.at), None, dry_run, OPERATOR)
        with self.desk.time():
            failed, _ = recalculation.run(asked, lambda _: None)
        assert failed == []

    @rule(approve=st.booleans())
    def decide(self, approve: bool) -> None:
        for (number,) in self.house.sql("SELECT adjustment_id FROM finance.adjustments WHERE status = 'proposed'"):
            with suppress(Refusal), self.desk.time(), unit_of_work() as db:
                adjustments.decide(db, SECOND, number, approve=approve, comment=None)

    @rule(way=st.sampled_from(["equal", "usage", "weights"]), share_bp=st.integers(0, 10_000))
    def pool_rule(self, way: Any, share_bp: int) -> None:
        weights = [(creator, creator - 100_000) for creator in CREATORS] if way == "weights" else []
        with self.desk.time(), unit_of_work() as db:
            first = shanghai_day(clock.now()).replace(day=1)
            pool.set_rule(db, OPERATOR, Rule(first, way, share_bp), weights, None)

    @rule()
    def split(self) -> None:
        with self.desk.time():
            pool.split_due()

    @invariant()
    def the_books_hold(self) -> None:
        """Σ = 0, and every check of the proof: earnings, settlements, the pool and the corrections are the ledger's."""
        self.desk.books_hold()

    @invariant()
    def what_is_owed_is_what_was_earned_and_corrected(self) -> None:
        owed = self.house.sql(
            """
            SELECT coalesce(sum(creator_amount - reversed_creator), 0) + coalesce((
                       SELECT sum(CASE WHEN to_account = 'platform:income' THEN -amount ELSE amount END)
                       FROM finance.adjustments WHERE status = 'approved'), 0)
            FROM finance.creator_earnings WHERE creator_id <> 0
            """
        )
        assert owed == [(sum(sum(self.desk.balances(creator).values()) for creator in CREATORS),)]

    @invariant()
    def the_channels_hold_what_buyers_paid_less_what_they_got_back(self) -> None:
        held = self.house.sql(
            """
            SELECT coalesce(-sum(p.amount), 0) FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id)
            WHERE a.name LIKE 'channel:%'
            """
        )
        assert held == [(sum(self.left.values()),)]


@pytest.mark.timeout(300)
def test_every_sequence_of_earnings_settlements_and_corrections_keeps_the_books(house: House, resources: None) -> None:
    Settling.house = house
    run_state_machine_as_test(
        Settling,
        settings=settings(
            max_examples=7,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
