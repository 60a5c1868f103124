"""How other domains sell through payments: the function they call, the view they read, the rights they do not have."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.fixtures.postgres import House
from tests.payments.build import BUYER, SELLER, START

OPEN = """
SELECT commerce.open_order('subscriptions', %(kind)s, 7, %(uid)s, %(seller)s, 'Gold', %(amount)s, %(discount)s, 'CNY',
    '[{"source": "plan", "id": 7, "amount": 2000}]', %(order_no)s, %(at)s, %(until)s)
"""


def sale(**fields: Any) -> dict[str, Any]:
    usual = {
        "kind": "subscription",
        "uid": BUYER,
        "seller": SELLER,
        "amount": 2000,
        "discount": 500,
        "order_no": "N1",
        "at": START,
        "until": START + timedelta(minutes=30),
    }
    return usual | fields


@pytest.mark.parametrize("domain", ["subscriptions", "content", "payments"])
def test_a_selling_domain_opens_an_order_in_its_own_transaction(house: House, domain: str) -> None:
    with house.acting(domain) as db:
        db.execute(OPEN, sale())
    assert house.sql("SELECT order_no, payable_amount, status, paid_at FROM payments.payment_orders") == [
        ("N1", 1500, "pending", None)
    ]
    assert house.sql("SELECT domain, kind, target_id, user_id, amount, order_no, status FROM commerce.payables") == [
        ("subscriptions", "subscription", 7, BUYER, 1500, "N1", "open")
    ]


@pytest.mark.parametrize("domain", ["finance", "identity", "media"])
def test_no_other_domain_opens_orders(house: House, domain: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), house.acting(domain) as db:
        db.execute(OPEN, sale())


@pytest.mark.parametrize("domain", ["subscriptions", "content", "finance"])
def test_others_read_orders_only_through_the_view(house: House, domain: str) -> None:
    house.sql(OPEN, sale())
    with house.acting(domain) as db:
        read = db.execute(
            "SELECT order_no, user_id, seller_id, kind, target_id, payable_amount, status, paid_at FROM payments.pub_orders"
        )
        assert read.fetchall() == [("N1", BUYER, SELLER, "subscription", 7, 1500, "pending", None)]
    for statement in (
        "SELECT 1 FROM payments.payment_orders",
        "UPDATE payments.pub_orders SET status = 'paid'",
        "INSERT INTO commerce.payables DEFAULT VALUES",
        "SELECT 1 FROM payments.payment_notices",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), house.acting(domain) as db:
            db.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments.payment_orders SET payable_amount = 1",
        "UPDATE payments.payment_orders SET user_id = 1",
        "DELETE FROM payments.payment_orders",
        "INSERT INTO payments.payment_orders (order_no) VALUES ('x')",
        "UPDATE payments.payment_transactions SET amount = 1",
        "DELETE FROM payments.payment_transactions",
        "UPDATE payments.payment_refunds SET amount = 1",
        "UPDATE payments.payment_notices SET payload = ''",
        "DELETE FROM payments.payment_notices",
        "UPDATE commerce.payables SET amount = 1",
        "DELETE FROM payments.payment_cases",
    ],
)
def test_payments_itself_cannot_rewrite_what_was_owed_or_said(house: House, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), house.acting("payments") as db:
        db.execute(statement)


def test_an_order_with_nothing_to_pay_is_paid(house: House) -> None:
    house.sql(OPEN, sale(discount=2000))
    assert house.sql("SELECT status, paid_at, channel FROM payments.payment_orders") == [("paid", START, None)]
    assert house.sql("SELECT status, amount FROM commerce.payables") == [("paid", 0)]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"kind": "raffle"}, psycopg.errors.CheckViolation),
        ({"amount": -1, "discount": 0}, psycopg.errors.CheckViolation),
        ({"discount": 2001}, psycopg.errors.CheckViolation),
        ({"discount": -1}, psycopg.errors.CheckViolation),
        ({"order_no": "9" * 33}, psycopg.errors.StringDataRightTruncation),
        ({"uid": None}, psycopg.errors.NotNullViolation),
    ],
    ids=str,
)
def test_an_order_that_makes_no_sense_is_not_opened(house: House, fields: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error), house.acting("subscriptions") as db:
        db.execute(OPEN, sale(**fields))


def test_a_number_is_used_once(house: House) -> None:
    house.sql(OPEN, sale())
    with pytest.raises(psycopg.errors.UniqueViolation), house.acting("subscriptions") as db:
        db.execute(OPEN, sale())


def test_the_function_cannot_be_led_astray_by_a_search_path(house: House) -> None:
    (config,) = house.sql("SELECT prosecdef, proconfig FROM pg_proc WHERE oid = 'commerce.open_order'::regproc")
    assert config == (True, ["search_path=pg_catalog, pg_temp"])


@pytest.mark.parametrize(
    "change",
    [
        "status = 'paid'",
        "status = 'refunded', paid_at = created_at",
        "status = 'partially_refunded', paid_at = created_at",
        "refunded_amount = 1501",
        "refunded_amount = -1",
        "status = 'paid', paid_at = created_at, refunded_amount = 1",
        "status = 'refunding', paid_at = created_at, refunded_amount = 1500",
    ],
)
def test_the_database_refuses_orders_that_contradict_themselves(house: House, change: str) -> None:
    house.sql(OPEN, sale())
    with pytest.raises(psycopg.errors.CheckViolation), house.acting("payments") as db:
        db.execute(f"UPDATE payments.payment_orders SET {change}")
