"""Any sequence of anything anyone can do to orders keeps the books: what came in is fulfilled, given back or a case."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from functions.payments.gateways.base import Posted
from functions.payments.service import attempts, notices
from shared.errors import Refusal
from shared.money import Money
from tests.payments.build import BUYER, PRICE, Crash, Till

PICK = st.integers(0, 11)
MOST_ORDERS = 6


class Orders(RuleBasedStateMachine):
    till: Till
    buyers = iter(range(BUYER + 10_000, 10**9))

    def attempt(self, verb: Callable[[], Any]) -> Any:
        """Do it; being refused, or dying on the way, is allowed."""
        try:
            return verb()
        except (Refusal, Crash):
            return None

    @initialize()
    def begin(self) -> None:
        """Two orders, each with two payments started."""
        self.till.begin_again()
        self.buyer = next(self.buyers)
        self.numbers = [self.till.open(uid=self.buyer), self.till.open(uid=self.buyer)]
        self.payments = [self.till.start(number, scene, uid=self.buyer) for number in self.numbers for scene in ("qr", "pc")]
        self.letters: list[Posted] = []

    def order(self, pick: int) -> str:
        return self.numbers[pick % len(self.numbers)]

    @rule()
    def open(self) -> None:
        if len(self.numbers) < MOST_ORDERS:
            self.numbers.append(self.till.open(uid=self.buyer))

    @rule(pick=PICK, scene=st.sampled_from(["qr", "pc", "h5"]))
    def start(self, pick: int, scene: str) -> None:
        payment_no = self.attempt(lambda: self.till.start(self.order(pick), scene, uid=self.buyer))
        self.payments += [payment_no] if payment_no else []

    @rule(pick=PICK, minor=st.sampled_from([PRICE, PRICE, PRICE, 1, PRICE + 1]))
    def pay(self, pick: int, minor: int) -> None:
        self.letters.append(self.till.buyer_pays(self.payments[pick % len(self.payments)], Money(minor)))

    @rule(pick=PICK)
    def pay_and_hear(self, pick: int) -> None:
        letter = self.till.buyer_pays(self.payments[pick % len(self.payments)])
        self.letters.append(letter)
        self.attempt(lambda: self.till.hear(letter))

    @precondition(lambda self: self.letters)
    @rule(pick=PICK)
    def hear(self, pick: int) -> None:
        self.attempt(lambda: self.till.hear(self.letters[pick % len(self.letters)]))

    @precondition(lambda self: self.letters)
    @rule(pick=PICK)
    def hear_while_the_queue_is_lost(self, pick: int) -> None:
        with self.till.time():
            self.attempt(lambda: notices.receive("alipay", self.letters[pick % len(self.letters)]))

    @rule(pick=PICK)
    def verify(self, pick: int) -> None:
        with self.till.time():
            self.attempt(lambda: attempts.verify(self.buyer, self.order(pick)))

    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        self.attempt(lambda: self.till.cancel(self.order(pick), self.buyer))

    @rule(pick=PICK, amount=st.sampled_from([None, 1, 500, PRICE]))
    def ask_refund(self, pick: int, amount: int | None) -> None:
        self.attempt(lambda: self.till.ask_refund(self.order(pick), amount, self.buyer))

    @rule(pick=PICK, amount=st.sampled_from([None, 1, 500, PRICE]))
    def refund(self, pick: int, amount: int | None) -> None:
        self.attempt(lambda: self.till.process_refund(self.till.ask_refund(self.order(pick), amount, self.buyer)))

    @rule(action=st.sampled_from(["approve", "approve", "reject"]))
    def decide(self, action: str) -> None:
        for (refund_id,) in self.till.sql(
            "SELECT refund_id FROM payments.payment_refunds WHERE status = 'pending' ORDER BY refund_id DESC LIMIT 1"
        ):
            self.attempt(partial(self.till.process_refund, refund_id, action))

    @rule(minutes=st.sampled_from([1, 1, 1, 5, 30, 60 * 24 * 8]))
    def wait(self, minutes: int) -> None:
        self.till.pass_time(minutes=minutes)

    @rule()
    def run_schedules(self) -> None:
        self.attempt(self.till.run_workers)

    @rule(down=st.booleans())
    def vendor_goes(self, down: bool) -> None:
        self.till.gateway.down = down

    @rule(refuses=st.booleans())
    def vendor_refunds(self, refuses: bool) -> None:
        self.till.gateway.refuses = refuses

    @precondition(lambda self: self.till.gateway.dies is None)
    @rule(
        verb=st.sampled_from(["create", "query", "close", "refund", "refund_query", "verify"]),
        side=st.sampled_from(["before", "after"]),
    )
    def will_die(self, verb: str, side: str) -> None:
        self.till.gateway.dies = f"{side} {verb}"

    @invariant()
    def an_order_is_announced_as_paid_exactly_when_it_is(self) -> None:
        for order_no in self.numbers:
            was_paid = self.till.order(order_no).paid_at is not None
            assert len(self.till.facts("payments.order_paid.v1", order_no)) == int(was_paid)

    @invariant()
    def never_more_goes_back_than_came_in(self) -> None:
        for order_no in self.numbers:
            order = self.till.order(order_no)
            facts = self.till.facts("payments.refund_succeeded.v1", order_no)
            assert sum(fact["amount"] for fact in facts) == order.refunded_amount <= order.payable_amount
            assert len({fact["refund_id"] for fact in facts}) == len(facts)
        for trade in self.till.gateway.trades.values():
            assert trade.kept >= Money(0)

    def teardown(self) -> None:
        """In the end, with the vendor up, every fen that came in is accounted for in exactly one place."""
        self.till.gateway.down = self.till.gateway.refuses = False
        self.till.gateway.dies = None
        self.till.settle_down(200)
        for order_no in self.numbers:
            self.account_for(order_no)

    def account_for(self, order_no: str) -> None:
        order = self.till.order(order_no)
        assert order.status != "pending"
        fulfilled = given_back = cased = 0
        for payment_no, amount, status in self.till.sql(
            "SELECT payment_no, amount, status FROM payments.payment_transactions WHERE order_no = %s AND kind = 'pay'",
            (order_no,),
        ):
            assert status != "created", "nothing stays open"
            trade = self.till.gateway.trades.get(payment_no)
            received = trade.received.minor if trade else 0
            places = 0
            if order.payment_no == payment_no:
                places += 1
                fulfilled += amount
            surplus = self.till.sql(
                "SELECT status FROM payments.payment_refunds WHERE payment_no = %s AND origin = 'surplus'", (payment_no,)
            )
            if surplus and surplus[0][0] == "succeeded":
                places += 1
                given_back += amount
                assert trade is not None
                assert trade.kept == Money(0)
            elif self.till.sql(
                """
                SELECT 1 FROM payments.payment_cases
                WHERE reference = %s AND kind IN ('surplus', 'amount_mismatch') AND status = 'open'
                """,
                (payment_no,),
            ):
                places += 1
                cased += received
            assert places == (1 if received else 0), (payment_no, status, received)
            if status == "succeeded":
                assert received == amount
        own = self.till.gateway.trades[order.payment_no] if order.payment_no else None
        assert order.refunded_amount == (sum(one.amount.minor for one in own.repaid.values()) if own else 0)
        refunds_open = self.till.sql(
            "SELECT 1 FROM payments.payment_refunds WHERE order_no = %s AND status = 'processing'", (order_no,)
        )
        assert refunds_open == []


@pytest.mark.parametrize("automatic", [0, 10 * PRICE], ids=["a person gives surplus back", "surplus goes back by itself"])
def test_the_books_are_right_after_any_sequence(till: Till, automatic: int) -> None:
    till.sql(
        "INSERT INTO admin.system_settings (key, value, updated_at) VALUES ('payment.auto_refund_max', %s::jsonb, now())",
        (str(automatic),),
    )
    run_state_machine_as_test(
        type("Bound", (Orders,), {"till": till}),
        settings=settings(
            max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), database=None
        ),
    )
