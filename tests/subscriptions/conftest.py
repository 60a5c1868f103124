"""A shop in the rolled-back database: a creator, a customer, and everything that reaches subscriptions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import ModuleType
from typing import Any

import pytest

from events.base import Fact
from events.identity import AccountsMerged, AccountsParted
from events.payments import DebitFailed, OrderClosed, OrderPaid, RefundSucceeded
from functions.subscriptions import (
    expire_subscriptions,
    on_accounts_merged,
    on_accounts_parted,
    on_debit_failed,
    on_entitlement_changed,
    on_membership_changed,
    on_order_closed,
    on_order_paid,
    on_refund_succeeded,
    rebuild_entitlements,
    resume_subscriptions,
    turn_over_memberships,
)
from functions.subscriptions.http import handler
from shared import clock
from shared.sql import connection
from shared.sql.connection import Connection, connect
from shared.views.entitlements import EntitlementItem, Held, held
from tests.fixtures.api import Api, Reply
from tests.fixtures.postgres import House
from tests.subscriptions import build
from tests.subscriptions.collecting import ENVIRONMENT, Collecting

LISTENERS: dict[type[Fact], ModuleType] = {
    OrderPaid: on_order_paid,
    OrderClosed: on_order_closed,
    RefundSucceeded: on_refund_succeeded,
    AccountsMerged: on_accounts_merged,
    AccountsParted: on_accounts_parted,
    DebitFailed: on_debit_failed,
}


class Shop:
    """Calls and facts, as users and queues make them."""

    def __init__(self, house: House, api: Api, sign_in: Any) -> None:
        self.house, self.api, self.sign_in = house, api, sign_in
        self.creator = build.person(house.sql)
        self.creator_token = sign_in(self.creator, roles=("creator",))
        self.customer = build.person(house.sql)
        self.token = sign_in(self.customer)
        self._projected = self._members = 0

    def plan(self, **fields: Any) -> int:
        """A plan of the creator."""
        return build.plan(self.house.sql, self.creator, **fields)

    def subscribe(self, plan_id: int, token: str | None = None, **fields: Any) -> Reply:
        """SUB-006."""
        return self.api.post("/subscriptions/subscribe", {"plan_id": plan_id} | fields, token=token or self.token)

    def bought(self, plan_id: int, token: str | None = None) -> tuple[int, str]:
        """A pending subscription: its id and its order's number."""
        data = self.subscribe(plan_id, token).data
        return data["subscription"]["subscription_id"], data["order"]["order_no"]

    def status(self, subscription_id: int, token: str | None = None) -> Any:
        """SUB-008."""
        return self.api.get(f"/subscriptions/status/{subscription_id}", token=token or self.token).data

    def hear(self, *facts: Fact) -> None:
        """Deliver facts; then show the changed rights in the read model."""
        for fact in facts:
            self.deliver(fact)
        self.project()

    def deliver(self, fact: Fact) -> None:
        """Deliver one fact to its listener."""
        with self.house.acting("subscriptions"):
            assert LISTENERS[type(fact)].handler(build.messages(fact), None) == {"batchItemFailures": []}

    def project(self) -> None:
        """Deliver the changed rights that were not delivered yet."""
        facts = self.house.facts("subscriptions.entitlement_changed.v1")
        self.told(*facts[self._projected :])
        self._projected = len(facts)
        members = self.house.facts("subscriptions.membership_changed.v1")
        if new := members[self._members :]:
            assert on_membership_changed.handler(build.messages(*new), None) == {"batchItemFailures": []}
        self._members = len(members)

    def told(self, *rights: dict[str, Any]) -> None:
        """Deliver these changed rights."""
        assert on_entitlement_changed.handler(build.messages(*rights), None) == {"batchItemFailures": []}

    def pay(self, plan_id: int, token: str | None = None, customer: int | None = None) -> int:
        """A paid subscription."""
        subscription_id, order_no = self.bought(plan_id, token)
        self.hear(build.paid(order_no, subscription_id, customer or self.customer))
        return subscription_id

    def expire(self) -> int:
        """Run the 15 minutes' task."""
        with self.house.acting("subscriptions"):
            return int(expire_subscriptions.handler({}, None)["done"])

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        """The clock stands at another moment; the customer has signed in anew."""
        with clock.frozen(moment):
            before, self.token = self.token, self.sign_in(self.customer)
            yield
            self.token = before

    def turn_over(self) -> int:
        """Run the task that says whose level has ended."""
        with self.house.acting("subscriptions"):
            return int(turn_over_memberships.handler({}, None)["done"])

    def resume_due(self) -> int:
        """Run the task that ends pauses."""
        with self.house.acting("subscriptions"):
            return int(resume_subscriptions.handler({}, None)["done"])

    def rebuild(self) -> int:
        """Run the daily repair."""
        with self.house.acting("subscriptions"):
            return int(rebuild_entitlements.handler({}, None)["done"])

    def holds(self, content_id: int | None = None) -> Held:
        """The customer's rights as the read model shows them."""
        return held(self.customer, self.creator, content_id)

    def counts(self, plan_id: int) -> tuple[int, int]:
        """A plan's subscribers and taken seats."""
        [row] = self.house.sql(
            "SELECT subscriber_count, seats_taken FROM subscriptions.subscription_plans WHERE plan_id = %s", (plan_id,)
        )
        return int(row[0]), int(row[1])

    def topics(self) -> list[str]:
        """What was said, in order, without versions and domain."""
        rows = self.house.sql("SELECT topic FROM platform.outbox_events ORDER BY id")
        return [str(topic).split(".")[1] for (topic,) in rows]


@pytest.fixture
def shop(house, api, sign_in) -> Shop:
    return Shop(house, api(handler, "subscriptions"), sign_in)


@pytest.fixture
def noon():
    """The clock stands at noon in Shanghai, 10 March 2026."""
    with clock.frozen(build.NOON):
        yield build.NOON


@pytest.fixture
def collecting(cloud, house, monkeypatch) -> Collecting:
    """A creator and a subscriber at noon in Shanghai, 10 March 2026."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return Collecting(house.sql, house.acting)


@pytest.fixture
def committing(cloud, fresh_database, monkeypatch) -> Iterator[Collecting]:
    """The same on a database that keeps what is committed."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    connections = {domain: connect(fresh_database(domain)) for domain in ("subscriptions", "identity")}

    @contextmanager
    def acting(domain: str) -> Iterator[Connection]:
        connection.use(connections[domain])
        yield connections[domain]
        connection.use(None)

    with connect(fresh_database()) as owner:

        def sql(statement: Any, parameters: Any = None) -> list[tuple[Any, ...]]:
            cursor = owner.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

        yield Collecting(sql, acting)
    for each in connections.values():
        each.close()


def items() -> dict[tuple[str, str], dict[str, Any]]:
    """The whole read model."""
    return {(item.pk, item.sk): item.attribute_values for item in EntitlementItem.scan()}
