"""Any sequence of money verbs, told once or more often, in order or not, keeps every invariant of the books."""

from contextlib import suppress
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from events.payments import OrderPaid
from functions.finance import on_order_paid, on_refund_succeeded
from functions.finance.service import chargebacks, sweep
from shared.errors import Refusal
from shared.ids import new_ulid
from shared.sql.edge import unit_of_work
from tests.finance.build import OPERATOR, Desk, MortalPayouts, add_creator
from tests.finance.machine import StillRunningError
from tests.fixtures.postgres import House

CREATORS = (100_010, 100_011)
OPEN = ("pending", "approved", "processing")


class Money(RuleBasedStateMachine):
    """The verbs; a model of what each order still holds, and of what each creator is owed in all."""

    house: ClassVar[House]
    orders = Bundle("orders")
    withdrawals = Bundle("withdrawals")

    def __init__(self) -> None:
        super().__init__()
        self.rolled_back = self.house.db.transaction(force_rollback=True)
        self.rolled_back.__enter__()
        for creator in CREATORS:
            add_creator(self.house.sql, creator)
        self.desk = Desk(self.house.sql, lambda: self.house.acting("finance"))
        self.desk.vendor = MortalPayouts()
        self.left: dict[str, int] = {}
        self.unheard: dict[str, OrderPaid] = {}
        self.lost = 0

    def teardown(self) -> None:
        self.desk.machine.detach()
        self.rolled_back.__exit__(None, None, None)

    def outcome(self, fate: Any) -> None:
        """What the vendor does from now on; it keeps what it did."""
        self.desk.vendor.fates = [fate]

    @rule(
        target=orders,
        creator=st.sampled_from(CREATORS),
        amount=st.integers(1, 400_000),
        channel=st.sampled_from(["alipay", "wechat", "usdt"]),
        times=st.integers(1, 2),
        discount=st.just(0) | st.integers(1, 500_000),
    )
    def sell(self, creator: int, amount: int, channel: str, times: int, discount: int) -> str:
        """Sometimes the platform took something off at its own cost."""
        fact = self.desk.paid_order(creator, amount, channel=channel, platform_discount=discount)
        for _ in range(times):
            assert self.desk.deliver(on_order_paid.handler, fact) == []
        self.left[fact.order_no] = amount
        return fact.order_no

    @rule(target=orders, creator=st.sampled_from(CREATORS), amount=st.integers(1, 400_000))
    def pay_unheard(self, creator: int, amount: int) -> str:
        """Paid, but the fact is late."""
        fact = self.desk.paid_order(creator, amount)
        self.unheard[fact.order_no] = fact
        self.left[fact.order_no] = amount
        return fact.order_no

    @precondition(lambda self: self.unheard)
    @rule()
    def hear_late(self) -> None:
        _, fact = self.unheard.popitem()
        assert self.desk.deliver(on_order_paid.handler, fact) == []

    @rule(order_no=orders, part=st.floats(0.01, 1), again=st.booleans())
    def refund(self, order_no: str, part: float, again: bool) -> None:
        amount = min(self.left[order_no], max(1, int(self.left[order_no] * part)))
        if amount == 0:
            return
        fact = self.desk.refund_of(order_no, amount)
        assert self.desk.deliver(on_refund_succeeded.handler, fact) == []
        if again:
            twin = fact.model_copy(update={"event_id": new_ulid()})
            assert self.desk.deliver(on_refund_succeeded.handler, twin) == []
        self.left[order_no] -= amount

    @rule(order_no=orders)
    def refund_the_rest(self, order_no: str) -> None:
        self.refund(order_no, 1.0, False)

    @rule(order_no=orders, outcome=st.sampled_from(["won", "lost"]))
    def dispute(self, order_no: str, outcome: Any) -> None:
        """The channel takes back what is left of a payment, and keeps it or does not."""
        amount = self.left[order_no]
        if amount == 0 or order_no in self.unheard:
            return
        with self.desk.time(), unit_of_work() as db:
            number = chargebacks.take(db, OPERATOR, order_no, amount=amount, case_no=new_ulid(), reason="disputed")
        self.desk.books_hold()
        with self.desk.time(), unit_of_work() as db:
            chargebacks.end(db, OPERATOR - 1, number, outcome, None)
        if outcome == "lost":
            self.left[order_no] = 0
            self.lost += amount

    @rule(days=st.sampled_from([0, 1, 7, 8]))
    def settle(self, days: int) -> None:
        self.desk.pass_time(days=days)
        self.desk.settle()

    @rule(target=withdrawals, creator=st.sampled_from(CREATORS), amount=st.integers(10_000, 300_000))
    def ask(self, creator: int, amount: int) -> Any:
        try:
            return self.desk.ask(creator, amount)
        except Refusal:
            return multiple()

    @rule(withdrawal_id=withdrawals)
    def start(self, withdrawal_id: int) -> None:
        creator = self.house.sql(
            "SELECT creator_id FROM finance.withdrawal_requests WHERE withdrawal_id = %s", (withdrawal_id,)
        )
        self.desk.start(withdrawal_id, creator[0][0])

    @rule(withdrawal_id=withdrawals, action=st.sampled_from(["approve", "reject", "retry", "mark_paid"]))
    def decide(self, withdrawal_id: int, action: str) -> None:
        try:
            self.desk.decide(withdrawal_id, action, payout_no="BY-HAND")
        except Refusal:
            return

    @rule(
        fate=st.sampled_from(["succeeded", "failed", "hopeless", "lost", "unknown", "dealing", "returned"]),
        turns=st.integers(1, 12),
    )
    def work(self, fate: str, turns: int) -> None:
        """Executions go on for a while; the vendor treats new numbers by `fate`."""
        self.outcome(fate)
        with suppress(StillRunningError):
            self.desk.machine.run(turns)

    @rule(status=st.sampled_from(["succeeded", "failed", "returned"]))
    def vendor_decides(self, status: Any) -> None:
        for number, (_, said) in list(self.desk.vendor.numbers.items()):
            if said.status == "open":
                self.desk.vendor.decide(number, status)

    @rule(data=st.data())
    def money_comes_back(self, data: st.DataObject) -> None:
        done = [number for number, (_, said) in self.desk.vendor.numbers.items() if said.status == "succeeded"]
        if done:
            self.desk.vendor.decide(data.draw(st.sampled_from(done)), "returned")

    @rule(hours=st.sampled_from([0, 3, 13]))
    def sweep(self, hours: int) -> None:
        self.desk.pass_time(hours=hours)
        self.desk.sweep()
        with self.desk.time():
            sweep.find_returned(self.desk.rails)

    @invariant()
    def the_books_hold(self) -> None:
        self.desk.books_hold()

    @invariant()
    def nobody_was_paid_twice(self) -> None:
        """Every withdrawal has at most one number under which money is out; what is out is what was paid or is on its way."""
        paid = self.house.sql(
            """
            SELECT w.status, w.amount, w.payout_no, array_agg(t.transfer_no) FROM finance.withdrawal_requests w
            LEFT JOIN finance.withdrawal_transfers t USING (withdrawal_id) GROUP BY w.withdrawal_id
            """
        )
        for status, amount, payout_no, numbers in paid:
            out = [
                n
                for n in numbers
                if n and n in self.desk.vendor.numbers and self.desk.vendor.numbers[n][1].status == "succeeded"
            ]
            assert len(out) <= 1
            if out:
                assert status in {"processing", "paid"}
                assert payout_no != "BY-HAND"
                assert self.desk.vendor.numbers[out[0]][0].amount.minor == amount

    @invariant()
    def what_is_owed_is_what_was_earned_less_what_was_paid(self) -> None:
        for creator in CREATORS:
            balances = self.desk.balances(creator)
            ((earned,),) = self.house.sql(
                "SELECT coalesce(sum(creator_amount - reversed_creator), 0) FROM finance.creator_earnings WHERE creator_id = %s",
                (creator,),
            )
            assert sum(balances.values()) == earned

    @invariant()
    def the_channels_hold_what_buyers_paid_and_marketing_what_the_platform_gave(self) -> None:
        """Σ charged less refunds is what captures and refunds moved through the channels, to the fen."""
        ((moved, cost),) = self.house.sql(
            """
            SELECT coalesce(-sum(p.amount) FILTER (WHERE a.name LIKE 'channel:%'), 0),
                   coalesce(-sum(p.amount) FILTER (WHERE a.name = 'platform:marketing'), 0)
            FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
            JOIN finance.ledger_accounts a USING (account_id) WHERE e.kind IN ('capture', 'refund')
            """
        )
        heard = [number for number in self.left if number not in self.unheard]
        assert moved == sum(self.left[number] for number in heard) + self.lost
        full = all(self.left[number] == self.desk.orders[number].amount for number in heard)
        given = sum(self.desk.orders[number].platform_discount for number in heard)
        assert cost == given if full else 0 <= cost <= given

    @invariant()
    def only_pending_is_ever_negative(self) -> None:
        for creator in CREATORS:
            balances = self.desk.balances(creator)
            assert min(balances["available"], balances["frozen"], balances["withdrawn"]) >= 0


@pytest.mark.timeout(600)
def test_every_sequence_of_money_verbs_keeps_the_books(house: House, resources: None) -> None:
    Money.house = house
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
