"""Debits for renewals: each try once, told once, whoever dies or hears it again; an unknown outcome is asked for until known."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any, Literal

import pytest

from events.subscriptions import DebitRequested
from functions.payments import finish_debits, on_debit_requested
from functions.payments.gateways import debits as debit_gateways
from functions.payments.gateways.base import Paid
from functions.payments.gateways.debits import Debit, Refused
from functions.payments.gateways.null_debits import NullDebits
from functions.payments.service import debits
from shared import clock, crypto
from shared.ids import new_ulid
from shared.money import Money
from shared.views.agreements import number_context
from tests.payments.build import BUYER, PRICE, SELLER, Crash, Till, dying_before_statement
from tests.payments.test_balance import grant, holds
from tests.payments.test_races import AtOnce
from tests.subscriptions.build import messages

MORE_THAN_ANY_WAY_SENDS = 60
BROKE = Refused("insufficient", hard=False, code="BROKE")


class MortalDebits(NullDebits):
    """A vendor in whose calls our process dies, once."""

    dies: str | None = None

    def debit(self, debit: Debit) -> Any:
        self._maybe_die("before debit")
        said = super().debit(debit)
        self._maybe_die("after debit")
        return said

    def _maybe_die(self, moment: str) -> None:
        if self.dies == moment:
            self.dies = None
            raise Crash(moment)


class Renewals:
    """A till whose buyers may be debited."""

    def __init__(self, till: Till) -> None:
        self.till = till
        self.begin_again()

    def begin_again(self) -> None:
        """As if nothing had happened, and nobody had agreed to anything."""
        self.till.begin_again()
        debit_gateways.use(None)
        self.vendor = MortalDebits()
        debit_gateways.use(self.vendor)
        self.agreement_id = self.agree()

    def agree(self, status: str = "signed", channel: str = "alipay") -> int:
        """An agreement, as subscriptions keeps it."""
        sql = self.till.sql
        [(plan_id,)] = sql(
            """
            INSERT INTO subscriptions.subscription_plans (creator_id, name, tier, amount, interval, trial_days, benefits,
                permissions, content_scope, content_ids, status, created_at, updated_at)
            VALUES (%s, %s, 1, 1, 'month', 0, '[]', '{}', 'all', '{}', 'active', now(), now()) RETURNING plan_id
            """,
            (SELLER, new_ulid()),
        )
        [(subscription_id,)] = sql(
            """
            INSERT INTO subscriptions.user_subscriptions (user_id, creator_id, plan_id, tier, amount, status, auto_renew,
                created_at, updated_at)
            VALUES (%s, %s, %s, 1, 1, 'expired', true, now(), now()) RETURNING subscription_id
            """,
            (BUYER, SELLER, plan_id),
        )
        external_no = new_ulid()
        sealed = crypto.encrypt(f"V{external_no}", number_context(external_no))
        [(agreement_id,)] = sql(
            """
            INSERT INTO subscriptions.payment_agreements (user_id, subscription_id, channel, external_no, agreement_no, status,
                single_amount, period_months, offered_at, signed_at, ended_at, end_reason, created_at, updated_at)
            VALUES (%(user)s, %(subscription)s, %(channel)s, %(external)s, %(sealed)s, %(status)s, 100000, 1, now(), now(),
                CASE WHEN %(status)s = 'terminated' THEN now() END, CASE WHEN %(status)s = 'terminated' THEN 'vendor' END,
                now(), now()) RETURNING agreement_id
            """,
            {
                "user": BUYER,
                "subscription": subscription_id,
                "channel": channel,
                "external": external_no,
                "sealed": sealed,
                "status": status,
            },
        )
        return int(agreement_id)

    def asked(
        self, order_no: str, try_no: int = 1, means: Literal["agreement", "balance"] = "agreement", **fields: Any
    ) -> DebitRequested:
        """The fact that a renewal is due."""
        told = {
            "event_id": new_ulid(),
            "occurred_at": self.till.at,
            "order_no": order_no,
            "subscription_id": 1,
            "user_id": BUYER,
            "amount": PRICE,
            "means": means,
            "agreement_id": self.agreement_id if means == "agreement" else None,
            "try_no": try_no,
            "requested_at": self.till.at,
        }
        return DebitRequested.model_validate(told | fields)

    def order(self) -> str:
        return self.till.open(kind="renewal")

    def hear(self, *facts: DebitRequested) -> list[dict[str, str]]:
        """The queue delivers; what failed is named."""
        with self.till.time():
            return list(on_debit_requested.handler(messages(*facts), None)["batchItemFailures"])

    def look_after(self, minutes: int = 1) -> None:
        self.till.pass_time(minutes=minutes)
        with self.till.time():
            finish_debits.handler({}, None)

    def failures(self, order_no: str) -> list[tuple[int, str, bool]]:
        """What was told of tries that took nothing."""
        return [(one["try_no"], one["reason"], one["hard"]) for one in self.till.facts("payments.debit_failed.v1", order_no)]

    def tries(self, order_no: str) -> list[tuple[int, str]]:
        return self.till.sql(
            "SELECT try_no, status FROM payments.payment_debits WHERE order_no = %s ORDER BY try_no", (order_no,)
        )

    def end_state(self, order_no: str) -> Any:
        """Everything that must come out the same whatever happened on the way."""
        kinds = self.till.sql(
            "SELECT kind, status, channel FROM payments.payment_transactions WHERE order_no = %s", (order_no,)
        )
        summary = self.till.summary(order_no)
        told = {name: summary[name] for name in ("order", "payable", "cases", "paid")}
        return told, kinds, self.tries(order_no), self.failures(order_no), len(self.vendor.taken), holds(self.till)


@pytest.fixture
def renewals(till: Till) -> Iterator[Renewals]:
    yield Renewals(till)
    debit_gateways.use(None)


class TestOutcomes:
    def test_a_debit_pays_its_order_as_any_payment_does(self, renewals: Renewals) -> None:
        order_no = renewals.order()
        assert renewals.hear(renewals.asked(order_no)) == []
        [sent] = renewals.vendor.taken.values()
        assert (sent.order_no, sent.amount) == (order_no, Money(PRICE))
        assert sent.agreement_no.startswith("V")
        [paid] = renewals.till.facts("payments.order_paid.v1", order_no)
        assert (paid["kind"], paid["channel"], paid["payment_no"]) == ("renewal", "alipay", sent.payment_no)
        assert renewals.tries(order_no) == [(1, "paid")]
        assert renewals.till.sql("SELECT kind, status FROM payments.payment_transactions") == [("renewal", "succeeded")]

    @pytest.mark.parametrize(
        ("refusal", "told"),
        [
            (BROKE, (1, "insufficient", False)),
            (Refused("limit", hard=True, code="L"), (1, "limit", True)),
            (Refused("agreement_ended", hard=True, code="E"), (1, "agreement_ended", True)),
        ],
    )
    def test_a_refusal_is_told_once_and_the_order_stays_open(self, renewals: Renewals, refusal: Any, told: Any) -> None:
        order_no = renewals.order()
        renewals.vendor.next = [refusal]
        fact = renewals.asked(order_no)
        for heard in (fact, fact, renewals.asked(order_no)):
            assert renewals.hear(heard) == []
        renewals.look_after(40)
        assert renewals.failures(order_no) == [told]
        assert renewals.vendor.calls.count("debit") == 1
        assert renewals.till.sql("SELECT status FROM payments.payment_transactions") == [("closed",)]

    def test_a_refusal_that_the_sweep_hears_first_is_told_once(self, renewals: Renewals) -> None:
        class SlowDebits(NullDebits):
            def debit(self, debit: Debit) -> Any:
                with clock.frozen(clock.now() + timedelta(minutes=1)):
                    assert debits.look_after_due() == 1
                return BROKE

            def debit_query(self, payment_no: str) -> Any:
                return BROKE

        order_no = renewals.order()
        debit_gateways.use(SlowDebits())
        assert renewals.hear(renewals.asked(order_no)) == []
        assert renewals.failures(order_no) == [(1, "insufficient", False)]

    def test_the_next_try_has_a_number_of_its_own(self, renewals: Renewals) -> None:
        order_no = renewals.order()
        renewals.vendor.next = [BROKE]
        renewals.hear(renewals.asked(order_no))
        renewals.hear(renewals.asked(order_no, 2))
        assert renewals.tries(order_no) == [(1, "failed"), (2, "paid")]
        assert len({*renewals.vendor.refused, *renewals.vendor.taken}) == 2
        assert renewals.till.order(order_no).status == "paid"

    def test_an_unknown_outcome_is_asked_for_and_no_other_debit_begins_meanwhile(self, renewals: Renewals) -> None:
        order_no = renewals.order()
        renewals.vendor.next = ["waiting"]
        renewals.hear(renewals.asked(order_no))
        [refused] = renewals.hear(renewals.asked(order_no, 2))
        assert refused["itemIdentifier"]
        assert renewals.tries(order_no) == [(1, "open")]
        for minutes in (1, 5, 20):
            renewals.look_after(minutes)
        assert (renewals.tries(order_no), renewals.failures(order_no)) == ([(1, "open")], [])
        [payment_no] = renewals.vendor.waiting
        renewals.vendor.take(payment_no)
        renewals.look_after(30)
        assert renewals.tries(order_no) == [(1, "paid")]
        # Its time was over meanwhile: it is fulfilled all the same, and somebody looks.
        assert renewals.till.order(order_no).status == "paid"

    @pytest.mark.parametrize("fate", ["lost", "silent"])
    def test_no_answer_is_followed_by_the_same_number(self, renewals: Renewals, fate: str) -> None:
        order_no = renewals.order()
        renewals.vendor.next = [fate]
        renewals.hear(renewals.asked(order_no))
        assert renewals.tries(order_no) == [(1, "open")]
        renewals.look_after()
        assert renewals.tries(order_no) == [(1, "paid")]
        assert len(renewals.vendor.taken) == 1

    def test_what_was_never_sent_is_not_sent_to_an_order_that_closed(self, renewals: Renewals) -> None:
        order_no = renewals.order()
        renewals.vendor.next = ["silent"]
        renewals.hear(renewals.asked(order_no))
        renewals.till.cancel(order_no)
        renewals.look_after()
        assert renewals.failures(order_no) == [(1, "order_closed", True)]
        assert renewals.vendor.taken == {}

    def test_what_was_never_sent_is_not_sent_by_an_agreement_that_ended(self, renewals: Renewals) -> None:
        order_no = renewals.order()
        renewals.vendor.next = ["silent"]
        renewals.hear(renewals.asked(order_no))
        renewals.till.sql(
            "UPDATE subscriptions.payment_agreements SET status = 'terminated', ended_at = now(), end_reason = 'user'"
        )
        renewals.look_after()
        assert renewals.failures(order_no) == [(1, "agreement_ended", True)]
        assert renewals.vendor.taken == {}

    def test_nobody_is_asked_where_nothing_may_be_taken(self, renewals: Renewals) -> None:
        closed = renewals.order()
        renewals.till.cancel(closed)
        dear, ended = renewals.order(), renewals.order()
        renewals.hear(renewals.asked(closed), renewals.asked(dear, amount=PRICE + 1))
        renewals.hear(renewals.asked(ended, agreement_id=renewals.agree("terminated")))
        assert renewals.failures(closed) == [(1, "order_closed", True)]
        assert renewals.failures(dear) == [(1, "declined", True)]
        assert renewals.failures(ended) == [(1, "agreement_ended", True)]
        assert renewals.vendor.calls == []
        assert len(renewals.hear(renewals.asked("nosuchorder"))) == 1

    def test_the_balance_pays_or_says_that_it_does_not_cover(self, renewals: Renewals) -> None:
        grant(renewals.till, PRICE)
        covered, bare = renewals.order(), renewals.order()
        renewals.hear(renewals.asked(covered, means="balance"), renewals.asked(bare, means="balance"))
        assert (renewals.till.order(covered).status, renewals.till.order(covered).channel) == ("paid", "balance")
        assert renewals.failures(bare) == [(1, "insufficient", False)]
        assert holds(renewals.till) == 0
        assert [one["channel"] for one in renewals.till.facts("payments.order_paid.v1")] == ["balance"]

    def test_another_amount_than_was_owed_is_a_case_and_no_renewal(self, renewals: Renewals) -> None:
        class Greedy(MortalDebits):
            def _paid(self, debit: Debit) -> Paid:
                return Paid(f"G{debit.payment_no}", debit.amount + Money(1), clock.now(), "paid")

        debit_gateways.use(Greedy())
        order_no = renewals.order()
        renewals.hear(renewals.asked(order_no))
        assert renewals.till.cases(order_no) == [("amount_mismatch", "open")]
        assert renewals.failures(order_no) == [(1, "declined", True)]


def settled(renewals: Renewals, fate: Any, means: Any) -> Any:
    """How it ends when nobody dies."""
    renewals.begin_again()
    return _walk(renewals, fate, means, lambda verb: verb())


def _walk(renewals: Renewals, fate: Any, means: Any, guard: Callable[[Callable[[], Any]], Any]) -> Any:
    renewals.vendor.next = [fate] if fate else []
    order_no = renewals.order()
    fact = renewals.asked(order_no, means=means)

    def hear() -> None:
        with renewals.till.time():
            debits.hear(fact)

    guard(hear)
    hear()
    renewals.look_after()
    renewals.look_after(5)
    return renewals.end_state(order_no)


@pytest.mark.parametrize(
    ("fate", "means"), [(None, "agreement"), (BROKE, "agreement"), ("lost", "agreement"), (None, "balance")]
)
def test_dying_before_any_statement_changes_nothing_in_the_end(renewals: Renewals, fate: Any, means: Any) -> None:
    expected = settled(renewals, fate, means)
    for number in range(1, MORE_THAN_ANY_WAY_SENDS):
        died: list[bool] = []

        def mortal(verb: Callable[[], Any], number: int = number, died: list[bool] = died) -> None:
            with dying_before_statement(number):
                try:
                    verb()
                except Crash:
                    died.append(True)

        renewals.begin_again()
        assert _walk(renewals, fate, means, mortal) == expected, number
        if not died:
            assert number > 5
            return
    pytest.fail("longer than thought")


@pytest.mark.parametrize("moment", ["before debit", "after debit"])
@pytest.mark.parametrize("fate", [None, BROKE])
def test_dying_around_the_call_changes_nothing_in_the_end(renewals: Renewals, moment: str, fate: Any) -> None:
    expected = settled(renewals, fate, "agreement")
    renewals.begin_again()

    def mortal(verb: Callable[[], Any]) -> None:
        renewals.vendor.dies = moment
        with pytest.raises(Crash):
            verb()

    assert _walk(renewals, fate, "agreement", mortal) == expected


def test_sixteen_who_hear_the_same_begin_one_debit(renewals: Renewals, at_once: AtOnce) -> None:
    order_no = renewals.order()
    facts = [renewals.asked(order_no) for _ in range(16)]
    begun = [one for one in at_once(*(partial(debits.begin, fact=fact) for fact in facts)) if one is not None]
    assert len(begun) == 1
    assert renewals.tries(order_no) == [(1, "open")]
    assert renewals.till.sql("SELECT count(*) FROM payments.payment_transactions") == [(1,)]
