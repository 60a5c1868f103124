"""Any sequence of notices and of people's words: each fen that came in is fulfilled, back, credited, or somebody's case."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from functions.payments.cases import VERBS, Word
from functions.payments.gateways.base import Bill
from functions.payments.service import cases
from functions.payments.store import cases as store
from shared.ids import new_order_no
from shared.money import Money
from shared.sql.connection import reading
from shared.sql.edge import unit_of_work
from tests.payments.build import OPERATOR, PRICE, Till
from tests.payments.reconciling import SECOND_OPERATOR
from tests.payments.test_order_machine import PICK, Orders

AMOUNTS = st.sampled_from([PRICE, 1, PRICE - 1, PRICE + 1])


class Cases(Orders):
    @rule(amount=AMOUNTS)
    def somebody_pays_what_nobody_ordered(self, amount: int) -> None:
        number = new_order_no()
        bill = Bill(number, number, Money(amount), "?", "qr", self.till.at)
        self.till.gateway.down = False
        self.attempt(lambda: self.till.gateway.create(bill))
        if number in self.till.gateway.trades:
            letter = self.till.buyer_pays(number)
            self.letters.append(letter)
            self.attempt(lambda: self.till.hear(letter))

    @rule(pick=PICK, amount=AMOUNTS)
    def pay_and_hear_any_amount(self, pick: int, amount: int) -> None:
        letter = self.till.buyer_pays(self.payments[pick % len(self.payments)], Money(amount))
        self.letters.append(letter)
        self.attempt(lambda: self.till.hear(letter))

    @rule(
        pick=PICK,
        other=PICK,
        action=st.sampled_from(["refund", "refund", "credit", "credit", "fulfil", "fulfil", "adjust", "write_off"]),
        people=st.sampled_from([(OPERATOR,), (OPERATOR, SECOND_OPERATOR), (OPERATOR, OPERATOR)]),
    )
    def decide_a_case(self, pick: int, other: int, action: str, people: tuple[int, ...]) -> None:
        found = self.till.sql("SELECT case_id FROM payments.payment_cases WHERE status = 'open' ORDER BY case_id")
        if not found:
            return
        with reading() as db:
            case = store.find(db, found[pick % len(found)][0])
        assert case is not None
        if action not in VERBS[case.kind]:
            return
        order_no = self.order(other) if case.order_no is None and action in {"credit", "fulfil"} else None
        amount = case.amount or 1 if action == "adjust" else None
        for by in people:
            word = Word(action, by, "looked into it", self.till.at, order_no, amount)  # type: ignore[arg-type]  # drawn

            def say(case_id: int = case.case_id, word: Word = word) -> None:
                with self.till.time(), unit_of_work() as db:
                    cases.resolve(db, case_id, word)

            self.attempt(say)

    def teardown(self) -> None:
        """In the end, with the vendor up and time passed, the sum of the places is what came in, for every payment."""
        self.till.gateway.down = self.till.gateway.refuses = False
        self.till.gateway.dies = None
        self.till.settle_down(200)
        for payment_no in self.till.gateway.trades:
            self.account_for_payment(payment_no)

    def account_for_payment(self, payment_no: str) -> None:
        trade = self.till.gateway.trades[payment_no]
        order = self.till.sql(
            "SELECT payable_amount, refunded_amount FROM payments.payment_orders WHERE payment_no = %s", (payment_no,)
        )
        fulfilled, returned_of_order = order[0] if order else (0, 0)
        back = sum(one.amount.minor for one in trade.repaid.values()) - returned_of_order
        ((credited,),) = self.till.sql(
            """
            SELECT coalesce(sum(p.amount), 0)::bigint FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
            WHERE e.reference IN ('balance:case:' || %(no)s, 'balance:surplus:' || %(no)s) AND p.amount > 0
            """,
            {"no": payment_no},
        )
        somebodys = self.till.sql(
            """
            SELECT amount FROM payments.payment_cases
            WHERE reference = %s AND kind IN ('surplus', 'amount_mismatch', 'unknown_payment') AND owner <> ''
              AND (status = 'open' OR (resolution IN ('adjusted', 'written_off') AND proposed_by <> resolved_by))
            """,
            (payment_no,),
        )
        in_a_case = sum(amount for (amount,) in somebodys)
        places = {"fulfilled": fulfilled, "back": back, "credited": credited, "case": in_a_case}
        assert sum(places.values()) == trade.received.minor, (payment_no, places)
        named = {name for name, amount in places.items() if amount}
        # Who paid too much for an order that was fulfilled with it has the rest as balance: the one split there is.
        assert len(named) <= 1 or named == {"fulfilled", "credited"}, places


@pytest.mark.parametrize("automatic", [0, 10 * PRICE], ids=["a person gives surplus back", "surplus goes back by itself"])
def test_every_fen_ends_in_exactly_one_place(till: Till, automatic: int) -> None:
    till.sql(
        "INSERT INTO admin.system_settings (key, value, updated_at) VALUES ('payment.auto_refund_max', %s::jsonb, now())",
        (str(automatic),),
    )
    run_state_machine_as_test(
        type("Bound", (Cases,), {"till": till}),
        settings=settings(
            max_examples=8,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],
        ),
    )
