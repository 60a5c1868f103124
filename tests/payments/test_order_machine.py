"""Any sequence of anything anyone can do to orders keeps the books: what came in is fulfilled, given back or a case."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, precondition, rule, run_state_machine_as_test

from functions.payments.service import attempts, notices
from shared.errors import Refusal
from shared.money import Money
from tests.payments.build import BUYER, PRICE, Crash, Till

SCENES = st.sampled_from(["qr", "pc", "h5"])


def machine(till: Till) -> type[RuleBasedStateMachine]:
    """The machine over one till; every example has buyers of its own."""
    buyers = iter(range(BUYER + 10_000, 10**9))

    class Orders(RuleBasedStateMachine):
        orders = Bundle("orders")
        payments = Bundle("payments")
        letters = Bundle("letters")
        requests = Bundle("requests")

        def attempt(self, verb: Callable[[], Any]) -> Any:
            """Do it; being refused, or dying on the way, is allowed."""
            try:
                return verb()
            except (Refusal, Crash):
                return None

        @initialize()
        def begin(self) -> None:
            till.begin_again()
            self.numbers: list[str] = []
            self.buyer = next(buyers)

        @rule(target=orders)
        def open(self) -> str:
            if len(self.numbers) < 8:
                self.numbers.append(till.open(uid=self.buyer))
            return self.numbers[-1]

        @rule(target=payments, order_no=orders, scene=SCENES)
        def start(self, order_no: str, scene: str) -> Any:
            payment_no = self.attempt(lambda: till.start(order_no, scene, uid=self.buyer))
            return multiple() if payment_no is None else payment_no

        @rule(target=letters, payment_no=payments)
        def pay(self, payment_no: str) -> Any:
            return till.buyer_pays(payment_no)

        @rule(target=letters, payment_no=payments, minor=st.sampled_from([1, PRICE - 1, PRICE + 1]))
        def pay_another_amount(self, payment_no: str, minor: int) -> Any:
            return till.buyer_pays(payment_no, Money(minor))

        @rule(letter=letters)
        def deliver(self, letter: bytes) -> None:
            self.attempt(lambda: till.hear(letter))

        @rule(letter=letters)
        def deliver_while_the_queue_is_lost(self, letter: bytes) -> None:
            with till.time():
                self.attempt(lambda: notices.receive("alipay", letter))

        @rule(order_no=orders)
        def verify(self, order_no: str) -> None:
            with till.time():
                self.attempt(lambda: attempts.verify(self.buyer, order_no))

        @rule(order_no=orders)
        def cancel(self, order_no: str) -> None:
            self.attempt(lambda: till.cancel(order_no, self.buyer))

        @rule(target=requests, order_no=orders, amount=st.sampled_from([None, 1, 500, PRICE]))
        def ask_refund(self, order_no: str, amount: int | None) -> Any:
            refund_id = self.attempt(lambda: till.ask_refund(order_no, amount, self.buyer))
            return multiple() if refund_id is None else refund_id

        @rule(refund_id=requests, action=st.sampled_from(["approve", "approve", "reject"]))
        def decide(self, refund_id: int, action: str) -> None:
            self.attempt(lambda: till.process_refund(refund_id, action))

        @rule(order_no=orders, action=st.sampled_from(["approve", "reject"]))
        def decide_on_surplus(self, order_no: str, action: str) -> None:
            for (refund_id,) in till.sql(
                "SELECT refund_id FROM payments.payment_refunds WHERE order_no = %s AND origin = 'surplus'", (order_no,)
            ):
                self.attempt(lambda refund_id=refund_id: till.process_refund(refund_id, action))

        @rule(minutes=st.sampled_from([1, 5, 30, 60 * 24 * 8]))
        def wait(self, minutes: int) -> None:
            till.pass_time(minutes=minutes)

        @rule()
        def run_schedules(self) -> None:
            self.attempt(till.run_workers)

        @rule(down=st.booleans())
        def vendor_goes(self, down: bool) -> None:
            till.gateway.down = down

        @rule(refuses=st.booleans())
        def vendor_refunds(self, refuses: bool) -> None:
            till.gateway.refuses = refuses

        @precondition(lambda self: till.gateway.dies is None)
        @rule(verb=st.sampled_from(["create", "query", "close", "refund", "refund_query", "verify"]), side=st.sampled_from(["before", "after"]))
        def will_die(self, verb: str, side: str) -> None:
            till.gateway.dies = f"{side} {verb}"

        @invariant()
        def an_order_is_announced_as_paid_exactly_when_it_is(self) -> None:
            for order_no in self.numbers:
                was_paid = till.order(order_no).paid_at is not None
                assert len(till.facts("payments.order_paid.v1", order_no)) == int(was_paid)

        @invariant()
        def never_more_goes_back_than_came_in(self) -> None:
            for order_no in self.numbers:
                order = till.order(order_no)
                facts = till.facts("payments.refund_succeeded.v1", order_no)
                assert sum(fact["amount"] for fact in facts) == order.refunded_amount <= order.payable_amount
                assert len({fact["refund_id"] for fact in facts}) == len(facts)
            for trade in till.gateway.trades.values():
                assert trade.kept >= Money(0)

        def teardown(self) -> None:
            """In the end, with the vendor up, every fen that came in is accounted for in exactly one place."""
            till.gateway.down = till.gateway.refuses = False
            till.gateway.dies = None
            till.settle_down(200)
            for order_no in self.numbers:
                self.account_for(order_no)

        def account_for(self, order_no: str) -> None:
            order = till.order(order_no)
            assert order.status != "pending"
            fulfilled = given_back = cased = 0
            for payment_no, amount, status in till.sql(
                "SELECT payment_no, amount, status FROM payments.payment_transactions WHERE order_no = %s AND kind = 'pay'",
                (order_no,),
            ):
                assert status != "created", "nothing stays open"
                trade = till.gateway.trades.get(payment_no)
                received = trade.received.minor if trade else 0
                places = 0
                if order.payment_no == payment_no:
                    places += 1
                    fulfilled += amount
                surplus = till.sql("SELECT status FROM payments.payment_refunds WHERE payment_no = %s AND origin = 'surplus'", (payment_no,))
                if surplus and surplus[0][0] == "succeeded":
                    places += 1
                    given_back += amount
                    assert trade is not None
                    assert trade.kept == Money(0)
                elif till.sql(
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
            own = till.gateway.trades[order.payment_no] if order.payment_no else None
            assert order.refunded_amount == (sum(one.amount.minor for one in own.repaid.values()) if own else 0)
            refunds_open = till.sql(
                "SELECT 1 FROM payments.payment_refunds WHERE order_no = %s AND status = 'processing'", (order_no,)
            )
            assert refunds_open == []

    return Orders


@pytest.mark.parametrize("automatic", [0, 10 * PRICE], ids=["a person gives surplus back", "surplus goes back by itself"])
def test_the_books_are_right_after_any_sequence(till: Till, automatic: int) -> None:
    till.sql(
        "INSERT INTO admin.system_settings (key, value, updated_at) VALUES ('payment.auto_refund_max', %s::jsonb, now())",
        (str(automatic),),
    )
    run_state_machine_as_test(
        machine(till),
        settings=settings(
            max_examples=20, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), database=None
        ),
    )
