"""Anything may happen in any order and twice; in the end the read model says what SQL says, and the counts are exact."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as some
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule, run_state_machine_as_test

from events.subscriptions import DebitRequested
from functions.subscriptions.schemas import PauseIn, SubscribeIn, UnsubscribeIn
from functions.subscriptions.service import changing, pausing, renewals, renewing, subscribing, unsubscribing
from functions.subscriptions.states import GIVES_ACCESS, LIVE
from functions.subscriptions.store import renewals as renewal_store
from shared import clock
from shared.errors import Refusal
from shared.sql.edge import unit_of_work
from shared.views.entitlements import held
from tests.subscriptions import build
from tests.subscriptions.conftest import Shop

PLANS: list[dict[str, Any]] = [
    {"tier": 1},
    {"tier": 2, "interval": "quarter"},
    {"tier": 1, "amount": 0},
    {"tier": 3, "trial_days": 7},
    {"tier": 1, "max_subscribers": 1},
]


class Subscribing(RuleBasedStateMachine):
    """Every run has a customer and a creator of its own in the one self.shop."""

    shop: ClassVar[Shop]
    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        self.now = build.NOON
        self.creator, self.customer = build.person(self.shop.house.sql), build.person(self.shop.house.sql)
        self.plans = [build.plan(self.shop.house.sql, self.creator, **fields) for fields in PLANS]
        self.made: list[dict[str, Any]] = []
        self.undelivered: list[Any] = []
        self.seen = len(self._rights())
        self.debited = len(self.shop.house.facts("subscriptions.debit_requested.v1"))

    def _rights(self) -> list[dict[str, Any]]:
        return self.shop.house.facts("subscriptions.entitlement_changed.v1")

    @rule(target=orders, which=some.integers(0, len(PLANS) - 1))
    def subscribe(self, which: int) -> Any:
        with clock.frozen(self.now), self.shop.house.acting("subscriptions"):
            try:
                with unit_of_work() as db:
                    made = subscribing.subscribe(db, self.customer, SubscribeIn(plan_id=self.plans[which]))
            except Refusal:
                return multiple()
        if made.order is None:
            return multiple()
        return self._ordered(made.order)

    def _ordered(self, opened: Any) -> Any:
        """An order that was opened, unless it is one that waited already."""
        if opened is None or any(made["order"][0] == opened.order_no for made in self.made):
            return multiple()
        return self._made(
            (opened.order_no, opened.target_id, self.customer), opened.kind, covered=opened.payable_amount == 0
        )

    def _made(self, order: tuple[str, int, int], kind: str, *, covered: bool) -> dict[str, Any]:
        """One that leaves nothing to pay is as good as paid."""
        with clock.frozen(self.now):
            paid = build.paid(*order, kind=kind) if covered else None
        self.made.append({"closed": None, "paid": paid, "refunded": None, "order": order, "kind": kind})
        return self.made[-1]

    def _asks(self, verb: Callable[..., Any], *wishes: Any) -> Iterator[Any]:
        """What each of the customer's subscriptions answers to a verb; refusals are none."""
        for subscription_id, *_ in self._subscriptions():
            with clock.frozen(self.now), self.shop.house.acting("subscriptions"):
                try:
                    with unit_of_work() as db:
                        yield verb(db, self.customer, subscription_id, *wishes)
                except Refusal:
                    pass

    @rule(until=some.sampled_from([None, 40, 200]))
    def pause(self, until: int | None) -> None:
        resume_at = None if until is None else self.now + timedelta(days=until)
        list(self._asks(pausing.pause, PauseIn(resume_at=resume_at)))

    @rule(target=orders)
    def resume(self) -> Any:
        return self._one_of(self._asks(pausing.resume))

    @rule(target=orders, which=some.integers(0, len(PLANS) - 1))
    def change(self, which: int) -> Any:
        return self._one_of(self._asks(changing.change, self.plans[which]))

    def _one_of(self, answers: Iterator[Any]) -> Any:
        found = [self._ordered(answer.order) for answer in list(answers)]
        return multiple(*(one for one in found if isinstance(one, dict)))

    @rule()
    def renew(self) -> None:
        list(self._asks(renewing.turn_on, "balance"))

    @rule(target=orders, answers=some.sampled_from(["paid", "insufficient", "declined", "unknown"]))
    def collect(self, answers: str) -> Any:
        """Renewals do what is due, every notice is sent, and payments answers what they ask for."""
        for subscription_id, *_ in self._subscriptions():
            with clock.frozen(self.now), self.shop.house.acting("subscriptions"), unit_of_work() as db:
                renewals.hold(db, subscription_id)
                row = renewal_store.of_subscription(db, subscription_id)
                if row is not None and row["renewal_id"] is None and row["status"] in {"trialing", "active"}:
                    renewal_store.begin(db, subscription_id, self.now)
                    row = renewal_store.of_subscription(db, subscription_id)
                if row is not None and row["renewal_id"] is not None:
                    renewals.drive(db, row["renewal_id"], self.now)
        self.shop.house.sql("UPDATE subscriptions.renewal_notices SET sent_at = recorded_at WHERE sent_at IS NULL")
        ordered = self.shop.house.sql(
            """
            SELECT order_no, target_id, payable_amount = 0 FROM payments.payment_orders
            WHERE user_id = %s AND kind = 'renewal'
            """,
            (self.customer,),
        )
        known = {made["order"][0] for made in self.made}
        fresh = [
            self._made((order_no, target_id, self.customer), "renewal", covered=covered)
            for order_no, target_id, covered in ordered
            if order_no not in known
        ]
        debits = self.shop.house.facts("subscriptions.debit_requested.v1")
        for asked in debits[self.debited :]:
            self._answer(DebitRequested.model_validate(asked), answers)
        self.debited = len(debits)
        return multiple(*fresh)

    def _answer(self, asked: DebitRequested, answer: str) -> None:
        [order] = [made for made in self.made if made["order"][0] == asked.order_no]
        with clock.frozen(self.now):
            if answer == "paid":
                order["paid"] = order["paid"] or build.paid(*order["order"], kind="renewal")
                self.shop.deliver(order["paid"])
                self.undelivered.append(order["paid"])
            elif answer != "unknown":
                self.shop.deliver(build.debit_failed(asked, answer))

    @rule()
    def resume_what_is_due(self) -> None:
        """It opens orders too; who owes them finds them by asking to resume."""
        with clock.frozen(self.now):
            self.shop.resume_due()

    @rule(order=orders, name=some.sampled_from(["paid", "paid", "paid", "closed", "refunded"]), now=some.booleans())
    def happen(self, order: dict[str, Any], name: str, now: bool) -> None:
        """Something becomes true of an order, once; it is heard now or at the end, or both."""
        with clock.frozen(self.now):
            order[name] = order[name] or getattr(build, name)(*order["order"], kind=order["kind"])
            if now:
                self.shop.deliver(order[name])
            self.undelivered.append(order[name])

    @rule(at_once=some.booleans())
    def leave(self, at_once: bool) -> None:
        for subscription_id, status, _ in self._subscriptions():
            if status in LIVE:
                with clock.frozen(self.now), self.shop.house.acting("subscriptions"):
                    try:
                        with unit_of_work() as db:
                            wish = UnsubscribeIn(immediate=at_once)
                            unsubscribing.unsubscribe(db, self.customer, subscription_id, wish)
                    except Refusal:
                        pass

    @rule(days=some.sampled_from([0, 1, 8, 31, 100]))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule()
    def expire(self) -> None:
        with clock.frozen(self.now):
            self.shop.expire()

    @rule(picks=some.lists(some.integers(0, 50), max_size=5))
    def show_some(self, picks: list[int]) -> None:
        """The read model hears of some changes, in any order, some twice."""
        rights = self._rights()[self.seen :]
        chosen = [rights[pick % len(rights)] for pick in picks] if rights else []
        if chosen:
            self.shop.told(*chosen)

    @invariant()
    def at_most_one_is_live(self) -> None:
        assert sum(status in LIVE for _, status, _ in self._subscriptions()) <= 1

    @invariant()
    def a_period_is_renewed_once(self) -> None:
        """Of one due period there is one order, and of one order no try twice."""
        due = self.shop.house.sql("SELECT subscription_id, due_at FROM subscriptions.renewals")
        tries = [(one["order_no"], one["try_no"]) for one in self.shop.house.facts("subscriptions.debit_requested.v1")]
        assert len(due) == len(set(due))
        assert len(tries) == len(set(tries))

    @invariant()
    def the_counts_are_those_of_the_rows(self) -> None:
        for plan_id in self.plans:
            [row] = self.shop.house.sql(
                """
                SELECT count(*) FILTER (WHERE status IN ('trialing', 'active', 'past_due')),
                       count(*) FILTER (WHERE status IN ('pending', 'trialing', 'active', 'past_due', 'paused'))
                FROM subscriptions.user_subscriptions WHERE plan_id = %s
                """,
                (plan_id,),
            )
            assert self.shop.counts(plan_id) == row

    def _subscriptions(self) -> list[tuple[Any, ...]]:
        return self.shop.house.sql(
            """
            SELECT subscription_id, status, access_until FROM subscriptions.user_subscriptions WHERE user_id = %s
            """,
            (self.customer,),
        )

    def teardown(self) -> None:
        with clock.frozen(self.now):
            for fact in reversed(self.undelivered):
                self.shop.deliver(fact)
            rights = self._rights()[self.seen :]
            if rights:
                self.shop.told(*reversed(rights), *rights)
            granted = self.shop.house.sql(
                """
                SELECT d.order_no FROM subscriptions.subscription_periods d
                JOIN subscriptions.user_subscriptions s USING (subscription_id)
                WHERE s.user_id = %s AND d.status = 'granted' AND d.kind IN ('order', 'change', 'renewal') AND s.current_period_end IS NOT NULL
                """,
                (self.customer,),
            )
            kept = {made["order"][0] for made in self.made if made["paid"] and not made["refunded"]}
            assert {order_no for (order_no,) in granted} == kept, "what was paid and kept was given, and only that"
            access = any(s in GIVES_ACCESS and end > self.now for _, s, end in self._subscriptions())
            assert (held(self.customer, self.creator).subscription is not None) == access
            assert self.shop.rebuild() == 0, "the read model is what SQL says"


@pytest.mark.timeout(600)
def test_the_read_model_equals_the_truth_whatever_happened(noon, shop) -> None:
    run_state_machine_as_test(
        type("OfThisShop", (Subscribing,), {"shop": shop}),
        settings=settings(
            max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
        ),
    )
