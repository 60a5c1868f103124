"""A subscriber and everything that collects a renewal, on a database that commits: Scheduler, Step Functions, queues, a clock.

Scheduler and Step Functions are heard on the wire of the real clients; the state machine is the one of `renewal.asl.json`.
Payments and the vendors behind it are a list of answers. Whoever is told to be mortal dies at one moment of its work and is
called again, as Lambda, SQS and Step Functions would.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from events import identity as identity_facts
from events import payments as payments_facts
from events import subscriptions as facts
from events.base import Fact
from functions.identity import on_renewal_notice_due
from functions.subscriptions import (
    advance_renewal,
    begin_renewal,
    expire_subscriptions,
    on_debit_failed,
    on_entitlement_changed,
    on_order_paid,
    on_refund_succeeded,
    on_renewal_changed,
    on_renewal_notice_sent,
    on_subscription_activated,
    on_subscription_ended,
    subscription_renewals,
)
from functions.subscriptions.schemas import SubscribeIn
from functions.subscriptions.service import subscribing
from shared import clock
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work
from shared.views.entitlements import held
from tests.fixtures.postgres import Acting
from tests.payments.build import Crash
from tests.subscriptions import build
from tests.subscriptions.mortal_cloud import MortalCloud

ASL = Path(__file__).resolve().parents[2] / "functions/subscriptions/workflows/renewal.asl.json"
HEARD: dict[type[Fact], ModuleType] = {
    facts.SubscriptionActivated: on_subscription_activated,
    facts.SubscriptionEnded: on_subscription_ended,
    facts.RenewalChanged: on_renewal_changed,
    facts.RenewalNoticeDue: on_renewal_notice_due,
    facts.EntitlementChanged: on_entitlement_changed,
    identity_facts.RenewalNoticeSent: on_renewal_notice_sent,
    payments_facts.OrderPaid: on_order_paid,
    payments_facts.DebitFailed: on_debit_failed,
    payments_facts.RefundSucceeded: on_refund_succeeded,
}
HEARD_BY_NAME = {fact.NAME: (fact, module) for fact, module in HEARD.items()}
ENVIRONMENT = {
    "SCHEDULE_GROUP": "sharestack-test-schedules",
    "SCHEDULE_ROLE": "arn:aws:iam::000000000000:role/scheduler",
    "SCHEDULE_TARGET": "arn:aws:lambda:us-east-1:000000000000:function:sharestack-test-subscriptions-begin_renewal",
    "WORKFLOW_RENEWAL": "arn:aws:states:us-east-1:123456789012:stateMachine:sharestack-test-subscriptions-renewal",
    "QUEUE_EMAIL": "sharestack-test-email",
    "QUEUE_SMS": "sharestack-test-sms",
}
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


class Collecting(MortalCloud):
    """One creator, one subscriber; `answers` are what their debits come to, one after the other, then all are paid."""

    def __init__(self, sql: build.Sql, acting: Acting) -> None:
        super().__init__()
        self.sql, self._domain, self.at = sql, acting, build.NOON
        self.creator, self.customer = build.person(sql), self.reader()
        self.answers: list[str] = []
        self.debits: list[facts.DebitRequested] = []
        self.seen = 0
        self.mortal = False
        self.deaths = 0
        self.deaf = False
        self.states: dict[str, Any] = json.loads(ASL.read_text())["States"]

    def reader(self) -> int:
        """Somebody who can be written to."""
        uid = build.person(self.sql)
        self.sql("UPDATE identity.users SET email = %s, email_verified_at = now() WHERE uid = %s", (f"{uid}@a.test", uid))
        return uid

    @property
    def told(self) -> int:
        """How many letters were sent: a queued one whose id was sent is not sent again."""
        return len(set(self.letters))

    def one(self, statement: Any, *parameters: Any) -> Any:
        """The only value of the only row."""
        [(value,)] = self.sql(statement, parameters)
        return value

    @contextmanager
    def _acting(self, domain: str) -> Iterator[Connection]:
        """One invocation of a function of a domain, mortal at each statement it sends."""
        with self._domain(domain) as db, clock.frozen(self.at), self._dying(db):
            yield db

    def call(self, work: Callable[[], Any], domain: str = "subscriptions") -> Any:
        """Invoke something; when mortal, it dies at its first moment, then at its second, until it comes through."""
        for moment in range(1, 200) if self.mortal else [0]:
            self._moment, self._dies_at = 0, moment or None
            try:
                with self._acting(domain):
                    return work()
            except Crash:
                self.deaths += 1
            finally:
                self._dies_at = None
        raise AssertionError("it never comes through")

    def act(self, verb: Callable[..., Any], *wishes: Any) -> Any:
        """What a route does, in one transaction."""

        def work() -> Any:
            with unit_of_work() as db:
                return verb(db, *wishes)

        mortal, self.mortal = self.mortal, False
        try:
            return self.call(work)
        finally:
            self.mortal = mortal

    # What the house does

    def hear(self) -> None:
        """Deliver what was said and not heard yet, and what follows from that; what nobody here hears is skipped."""
        while True:
            rows = self.sql("SELECT id, topic, payload FROM platform.outbox_events WHERE id > %s ORDER BY id", (self.seen,))
            if not rows:
                return
            for number, topic, payload in rows:
                if topic == facts.DebitRequested.NAME:
                    self._debit(facts.DebitRequested.model_validate(payload))
                elif topic in HEARD_BY_NAME and not (self.deaf and topic == facts.RenewalNoticeDue.NAME):
                    self.deliver(payload, HEARD_BY_NAME[topic][1])
                self.seen = number

    def deliver(self, fact: Fact | dict[str, Any], module: ModuleType | None = None) -> None:
        """Deliver one fact to its listener."""
        listener = HEARD[type(fact)] if isinstance(fact, Fact) else module
        assert listener is not None
        body = build.messages(fact)
        domain = "identity" if listener is on_renewal_notice_due else "subscriptions"
        assert self.call(lambda: listener.handler(body, None), domain) == {"batchItemFailures": []}

    def _debit(self, asked: facts.DebitRequested) -> None:
        """Payments debits each try once, and says what came of it."""
        if any((one.order_no, one.try_no) == (asked.order_no, asked.try_no) for one in self.debits):
            return
        self.debits.append(asked)
        answer = self.answers.pop(0) if self.answers else "paid"
        if answer == "paid":
            self.pay(asked.order_no, asked.amount)
        elif answer != "unknown":
            self.deliver(self.failure(asked, answer))

    def failure(self, asked: facts.DebitRequested, reason: str) -> payments_facts.DebitFailed:
        """The fact that a debit took nothing."""
        with clock.frozen(self.at):
            return build.debit_failed(asked, reason)

    def pay(self, order_no: str, amount: int | None = None) -> None:
        """The renewal's order is paid, by a debit or by hand."""
        [(subscription_id, owed)] = self.sql(
            "SELECT target_id, payable_amount FROM payments.payment_orders WHERE order_no = %s", (order_no,)
        )
        assert amount in {None, owed}
        with clock.frozen(self.at):
            fact = build.paid(order_no, subscription_id, self.customer, kind="renewal", amount=owed)
        self.sql("UPDATE payments.payment_orders SET status = 'paid', paid_at = %s WHERE order_no = %s", (self.at, order_no))
        self.deliver(fact)

    def advance(self) -> None:
        """Fire what is due now and let every execution go on until it waits."""
        for name, (fires, given) in list(self.entries.items()):
            if fires <= self.at:
                self.call(partial(begin_renewal.handler, given, None))
                self.entries.pop(name, None)
        busy = True
        while busy:
            busy = False
            for name, (at, told) in list(self.executions.items()):
                state = self.states[at]
                if state["Type"] == "Task":
                    said = self.call(partial(advance_renewal.handler, told, None))
                    self.executions[name] = (state["Next"], said)
                elif state["Type"] == "Choice":
                    taken = [c["Next"] for c in state["Choices"] if told[c["Variable"][2:]] == c["StringEquals"]]
                    self.executions[name] = ((taken or [state["Default"]])[0], told)
                elif state["Type"] == "Wait" and self._wakes(state, told) <= self.at:
                    self.executions[name] = (state["Next"], told)
                else:
                    continue
                busy = True
            self.hear()

    def _wakes(self, state: dict[str, Any], told: dict[str, Any]) -> datetime:
        return datetime.fromisoformat(told[state["TimestampPath"][2:]])

    def until(self, moment: datetime) -> None:
        """Let time pass, stopping wherever something is due."""
        self.hear()
        self.advance()
        while True:
            waits = [self._wakes(self.states[at], told) for at, told in self.executions.values() if at == "Wait"]
            due = [when for when in [*(fires for fires, _ in self.entries.values()), *waits] if when <= moment]
            self.at = max(self.at, min(due, default=moment))
            self.advance()
            if not due:
                return

    def past(self, span: timedelta) -> None:
        """Let so much time pass."""
        self.until(self.at + span)

    def sweep(self) -> int:
        """The hourly task."""
        return int(self.call(lambda: subscription_renewals.handler({}, None))["done"])

    def expire(self) -> int:
        """The task of every 15 minutes."""
        done = int(self.call(lambda: expire_subscriptions.handler({}, None))["done"])
        self.hear()
        return done

    # What is arranged and looked at

    def plan(self, **fields: Any) -> int:
        """A plan of the creator: 30 yuan a month unless said otherwise."""
        return build.plan(self.sql, self.creator, **fields)

    def subscribed(self, plan_id: int, *, renew_means: str | None = "balance", auto_renew: bool = True) -> int:
        """A paid subscription that renews, by default from the balance."""
        made = self.act(subscribing.subscribe, self.customer, SubscribeIn(plan_id=plan_id, auto_renew=auto_renew))
        subscription_id: int = made.subscription.subscription_id
        if renew_means is not None:
            self.sql(
                "UPDATE subscriptions.user_subscriptions SET renew_means = %s WHERE subscription_id = %s",
                (renew_means, subscription_id),
            )
        if made.order is not None:
            with clock.frozen(self.at):
                self.deliver(build.paid(made.order.order_no, subscription_id, self.customer))
        self.hear()
        return subscription_id

    def subscription(self, subscription_id: int) -> dict[str, Any]:
        """A subscription's row."""
        [(row,)] = self.sql(
            "SELECT to_jsonb(s) FROM subscriptions.user_subscriptions s WHERE subscription_id = %s", (subscription_id,)
        )
        times = ("current_period_start", "current_period_end", "grace_until", "access_until", "next_attempt_at", "entry_at")
        found: dict[str, Any] = row | {name: row[name] and datetime.fromisoformat(row[name]) for name in times}
        return found

    def ends(self, subscription_id: int) -> datetime:
        """When the period ends."""
        end: datetime = self.subscription(subscription_id)["current_period_end"]
        return end

    def status(self, subscription_id: int) -> str:
        """The state."""
        return str(self.subscription(subscription_id)["status"])

    def notices(self) -> list[str]:
        """The kinds of the notices that were due, in order."""
        return [kind for (kind,) in self.sql("SELECT kind FROM subscriptions.renewal_notices ORDER BY notice_id")]

    def debit_days(self, due: datetime) -> list[int]:
        """On which days after the period's end debits were asked for."""
        return [(debit.requested_at - due).days for debit in self.debits]

    def has_access(self) -> bool:
        """Whether the read model shows the subscriber a right now."""
        with clock.frozen(self.at):
            return held(self.customer, self.creator).subscription is not None

    def order_no(self) -> str:
        """The number of the last renewal's order."""
        return str(
            self.one(
                "SELECT order_no FROM subscriptions.renewals WHERE order_no IS NOT NULL ORDER BY renewal_id DESC LIMIT 1"
            )
        )
