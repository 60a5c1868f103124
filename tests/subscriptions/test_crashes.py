"""A process dies between two steps; delivering again ends where an undisturbed run would."""

import json

import pytest

from events.payments import OrderPaid
from functions.subscriptions import expire_subscriptions, on_entitlement_changed, on_order_paid
from functions.subscriptions.schemas import SubscribeIn
from functions.subscriptions.service import orders, subscribing
from shared import aws, clock
from shared.batch import on_fact
from shared.sql import connection, outbox
from shared.sql.connection import connect, transaction
from shared.sql.edge import unit_of_work
from shared.views.entitlements import held
from tests.subscriptions import build


class Died(BaseException):
    """The environment went away."""


@pytest.fixture
def sql(cloud, fresh_database):
    """A database that keeps what is committed; look into it as its owner."""
    connection.use(connect(fresh_database("subscriptions")))
    with connect(fresh_database()) as owner:

        def look(statement, parameters=None):
            cursor = owner.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

        yield look


@pytest.fixture
def sold(sql):
    """A pending subscription: creator, customer, subscription, order."""
    creator, customer = build.person(sql), build.person(sql)
    plan_id = build.plan(sql, creator)
    with unit_of_work() as db:
        made = subscribing.subscribe(db, customer, SubscribeIn(plan_id=plan_id))
    assert made.order is not None
    return creator, customer, made.subscription.subscription_id, made.order.order_no


def state(sql):
    return sql(
        """
        SELECT status, current_period_end, (SELECT count(*) FROM platform.outbox_events),
               (SELECT count(*) FROM platform.processed_events)
        FROM subscriptions.user_subscriptions
        """
    )


def rights(sql):
    return [payload for (payload,) in sql("SELECT payload FROM platform.outbox_events WHERE topic LIKE '%%entitlement%%'")]


def test_dying_before_the_commit_leaves_nothing_and_the_next_delivery_does_it_all(sql, sold) -> None:
    creator, customer, subscription_id, order_no = sold
    fact = build.paid(order_no, subscription_id, customer)
    before = state(sql)

    def dies(db, fact):
        orders.paid(db, fact)
        raise Died

    with pytest.raises(Died):
        on_fact(OrderPaid, dies, "subscriptions.on_order_paid")(build.messages(fact), None)
    assert state(sql) == before

    assert on_order_paid.handler(build.messages(fact), None) == {"batchItemFailures": []}
    assert state(sql)[0][0] == "active"
    on_entitlement_changed.handler(build.messages(*rights(sql)), None)
    assert held(customer, creator).subscription is not None


def test_dying_after_the_commit_loses_no_fact(sql, sold) -> None:
    _, customer, subscription_id, order_no = sold
    fact = build.paid(order_no, subscription_id, customer)
    with transaction() as db:  # the process dies before it publishes
        orders.paid(db, fact)
        outbox.store(db)
    assert sql("SELECT count(*) FROM platform.outbox_events WHERE sent_at IS NULL") == [(2,)]

    with clock.frozen(clock.now() + build.days(1)), transaction() as db:
        assert outbox.sweep(db, clock.now()) == 2
    assert sql("SELECT count(*) FROM platform.outbox_events WHERE sent_at IS NULL") == [(0,)]


def test_a_right_that_could_not_be_shown_is_shown_by_the_next_delivery(sql, sold, monkeypatch) -> None:
    creator, customer, subscription_id, order_no = sold
    on_order_paid.handler(build.messages(build.paid(order_no, subscription_id, customer)), None)
    message = build.messages(*rights(sql))

    table = aws.client("dynamodb").describe_table(TableName="sharestack-test-entitlements")["Table"]
    aws.client("dynamodb").delete_table(TableName=table["TableName"])
    failed = on_entitlement_changed.handler(message, None)
    assert failed == {"batchItemFailures": [{"itemIdentifier": message["Records"][0]["messageId"]}]}

    aws.client("dynamodb").create_table(
        TableName=table["TableName"],
        KeySchema=table["KeySchema"],
        AttributeDefinitions=[a for a in table["AttributeDefinitions"] if a["AttributeName"] in {"pk", "sk"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for _ in range(2):
        assert on_entitlement_changed.handler(message, None) == {"batchItemFailures": []}
        assert held(customer, creator).subscription is not None


def test_subscribing_is_all_or_nothing(sql, sold) -> None:
    creator, _, _, _ = sold
    customer, plan_id = build.person(sql), build.plan(sql, creator)
    before = sql("SELECT count(*) FROM payments.payment_orders")

    def subscribes_and_dies():
        with unit_of_work() as db:
            subscribing.subscribe(db, customer, SubscribeIn(plan_id=plan_id))
            raise Died

    with pytest.raises(Died):
        subscribes_and_dies()
    assert sql("SELECT count(*) FROM payments.payment_orders") == before
    assert sql("SELECT 1 FROM subscriptions.user_subscriptions WHERE user_id = %s", (customer,)) == []
    assert sql("SELECT seats_taken FROM subscriptions.subscription_plans WHERE plan_id = %s", (plan_id,)) == [(0,)]


def test_one_subscription_that_cannot_be_ended_does_not_keep_the_others_running(sql, sold) -> None:
    creator, _, _, _ = sold
    plan_id = build.plan(sql, creator, amount=0)
    people = [build.person(sql) for _ in range(3)]
    for uid in people:
        with unit_of_work() as db:
            subscribing.subscribe(db, uid, SubscribeIn(plan_id=plan_id))
    # A stand-in for any fault of one row: its end breaks a rule of the database.
    sql(f"ALTER TABLE subscriptions.user_subscriptions ADD CHECK (user_id <> {people[0]} OR status <> 'expired')")
    with clock.frozen(clock.now() + build.days(40)):
        assert expire_subscriptions.handler({}, None) == {"done": 2, "skipped": False}
    running = sql("SELECT user_id FROM subscriptions.user_subscriptions WHERE status = 'active'")
    assert running == [(people[0],)]


def test_the_message_of_a_fact_is_the_fact(sql, sold) -> None:
    _, customer, subscription_id, order_no = sold
    fact = build.paid(order_no, subscription_id, customer)
    body = json.loads(build.messages(fact)["Records"][0]["body"])
    assert OrderPaid.model_validate(body["detail"]) == fact
