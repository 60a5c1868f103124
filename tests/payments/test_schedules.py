"""What runs each minute: asking along the ladder, ending orders, closing at the vendor, finishing refunds."""

from datetime import timedelta

import pytest

from functions.payments import expire_orders, finish_refunds, process_notice, query_attempts, sweep_notices
from functions.payments.service import attempts, notices, orders, refunds
from shared.sql.connection import connect
from tests.payments.build import BUYER, PRICE, START, Till


def asked(till: Till) -> int:
    """How often the vendor is asked by one run, this minute."""
    before = till.gateway.calls.count("query")
    with till.time():
        attempts.look_after_due()
    return till.gateway.calls.count("query") - before


def test_an_attempt_is_asked_about_four_times_and_then_left_to_its_end(till: Till) -> None:
    till.started()
    seen = []
    for second in range(0, 2100, 5):
        till.at = START + timedelta(seconds=second)
        if asked(till):
            seen.append(second)
    assert seen == [10, 60, 300, 1800]


def test_a_payment_nobody_told_us_of_is_found_by_asking(till: Till) -> None:
    order_no, payment_no = till.started()
    till.buyer_pays(payment_no)
    till.pass_time(seconds=10)
    till.run_workers()
    assert till.order(order_no).status == "paid"
    assert len(till.facts("payments.order_paid.v1")) == 1


def test_a_vendor_that_is_down_is_asked_again_and_no_step_of_the_ladder_is_lost(till: Till) -> None:
    order_no, payment_no = till.started()
    till.buyer_pays(payment_no)
    till.gateway.down = True
    for _ in range(5):
        till.pass_time(minutes=1)
        assert asked(till) == 1
    assert till.attempt(payment_no).queries == 0
    till.gateway.down = False
    till.pass_time(minutes=1)
    till.run_workers()
    assert till.order(order_no).status == "paid"


def test_a_silent_vendor_ends_the_run_early(till: Till) -> None:
    for _ in range(8):
        till.started()
    till.pass_time(seconds=10)
    till.gateway.down = True
    assert asked(till) == 3
    till.gateway.down = False
    assert asked(till) == 5, "the others come first next time"


def test_an_order_expires_at_its_time_with_what_is_owed_and_is_announced(till: Till) -> None:
    order_no, payment_no = till.started(kind="subscription", target_id=77)
    till.pass_time(minutes=29, seconds=59)
    with till.time():
        assert orders.expire_due() == 0
    for step in (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30)):
        till.at = START + step
        assert asked(till) == 1
    assert till.attempt(payment_no).next_query_at is None, "the ladder ended"
    with till.time():
        assert orders.expire_due() == 1
        assert orders.expire_due() == 0
    assert till.order(order_no).status == "expired"
    assert till.sql("SELECT status FROM commerce.payables") == [("expired",)]
    (fact,) = till.facts("payments.order_closed.v1")
    assert (fact["order_no"], fact["reason"], fact["kind"], fact["target_id"]) == (order_no, "expired", "subscription", 77)
    till.run_workers()
    assert till.attempt(payment_no).status == "closed"
    assert till.gateway.trades[payment_no].state == "closed"


def test_more_orders_than_one_batch_expire_in_one_run(till: Till) -> None:
    till.sql(
        """
        SELECT commerce.open_order('subscriptions', 'subscription', n, %(uid)s, 2, 't', 100, 0, 'CNY', '[]', 'N' || n,
            %(at)s, %(at)s) FROM generate_series(1, 450) n
        """,
        {"uid": BUYER, "at": till.at},
    )
    with till.time():
        assert orders.expire_due() == 450
    assert len(till.facts("payments.order_closed.v1")) == 450


def test_an_order_someone_holds_is_expired_later(till: Till) -> None:
    order_no = till.open()
    till.pass_time(minutes=30)
    with connect(till.dsn("payments")) as other, other.transaction():
        other.execute("SELECT 1 FROM payments.payment_orders WHERE order_no = %s FOR UPDATE", (order_no,))
        with till.time():
            assert orders.expire_due() == 0
    with till.time():
        assert orders.expire_due() == 1


def test_what_the_vendor_never_saw_is_looked_at_once_more_after_its_code_expired(till: Till) -> None:
    order_no, payment_no = till.started()
    trade = till.gateway.trades.pop(payment_no)
    till.cancel(order_no)
    assert till.attempt(payment_no).status == "closed"
    assert till.attempt(payment_no).next_query_at == START + timedelta(minutes=31)
    till.gateway.trades[payment_no] = trade
    till.buyer_pays(payment_no)
    till.pass_time(minutes=31)
    till.run_workers()
    assert till.order(order_no).status == "paid"
    assert till.cases() == [("late", "open")]


def test_a_last_look_without_news_is_the_last(till: Till) -> None:
    order_no, payment_no = till.started()
    till.gateway.trades.pop(payment_no)
    till.cancel(order_no)
    till.pass_time(minutes=31)
    assert asked(till) == 1
    till.pass_time(days=1)
    assert asked(till) == 0
    assert till.attempt(payment_no).status == "closed"


def test_a_refund_left_open_is_repeated_under_one_number_until_it_is_known(till: Till) -> None:
    order_no, payment_no = till.paid()
    till.gateway.down = True
    assert till.process_refund(till.ask_refund(order_no)) == "processing"
    for _ in range(3):
        till.pass_time(hours=1)
        till.run_workers()
    assert till.refunds(order_no) == [("request", "processing", PRICE)]
    till.gateway.down = False
    till.pass_time(hours=1)
    till.run_workers()
    assert till.refunds(order_no) == [("request", "succeeded", PRICE)]
    assert len(till.gateway.trades[payment_no].repaid) == 1


def test_a_refund_nobody_can_finish_becomes_a_case_and_closes_it_when_it_ends(till: Till) -> None:
    order_no, _ = till.paid()
    till.gateway.down = True
    till.process_refund(till.ask_refund(order_no))
    for _ in range(12):
        till.pass_time(hours=1)
        till.run_workers()
    assert till.cases() == [("refund_stuck", "open")]
    till.gateway.down = False
    till.pass_time(hours=1)
    till.run_workers()
    assert till.cases() == [("refund_stuck", "resolved")]
    assert till.order(order_no).status == "refunded"


def test_a_silent_vendor_ends_the_run_of_refunds_early(till: Till) -> None:
    numbers = [till.paid()[0] for _ in range(5)]
    till.gateway.down = True
    for order_no in numbers:
        till.process_refund(till.ask_refund(order_no))
    till.pass_time(hours=1)
    before = len(till.gateway.calls)
    with till.time():
        assert refunds.finish_due() == 0
    assert len(till.gateway.calls) - before == 3


@pytest.mark.parametrize(
    ("worker", "task"),
    [
        (query_attempts, "payments.query_attempts"),
        (expire_orders, "payments.expire_orders"),
        (sweep_notices, "payments.sweep_notices"),
        (finish_refunds, "payments.finish_refunds"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_second_run_while_one_runs_does_nothing(till: Till, worker, task: str) -> None:
    with connect(till.dsn("payments")) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (task,))
        assert worker.handler({}, None) == {"done": 0, "skipped": True}
        other.execute("SELECT pg_advisory_unlock_all()")
    assert worker.handler({}, None) == {"done": 0, "skipped": False}


def test_the_queue_works_off_each_notice_by_itself(till: Till) -> None:
    order_no, payment_no = till.started()
    with till.time():
        notices.receive("alipay", till.buyer_pays(payment_no))
        event = {
            "Records": [
                {"messageId": "bad", "body": '{"notice_id": "x"}'},
                {"messageId": "gone", "body": '{"notice_id": 999}'},
                {"messageId": "good", "body": '{"notice_id": 1}'},
            ]
        }
        assert process_notice.handler(event, None) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
        assert process_notice.handler(event, None) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert till.order(order_no).status == "paid"
    assert len(till.facts("payments.order_paid.v1")) == 1
