"""Money that comes in, by whatever notice, in whatever order: fulfilled, given back, or a case."""

import json

import pytest

from functions.payments.errors import AmountMismatch, OrderNotFound, SignatureInvalid
from functions.payments.gateways.base import Posted
from functions.payments.service import notices
from shared import aws
from shared.money import Money
from tests.payments.build import PRICE, Till, add_work

PAID = "payments.order_paid.v1"


def test_a_paid_notice_settles_the_order_and_announces_it(till: Till) -> None:
    order_no, payment_no = till.started()
    till.hear(till.buyer_pays(payment_no))
    order, attempt = till.order(order_no), till.attempt(payment_no)
    assert (order.status, order.channel, order.payment_no, order.paid_at) == ("paid", "alipay", payment_no, till.at)
    assert (attempt.status, attempt.gateway_no) == ("succeeded", till.gateway.trades[payment_no].gateway_no)
    assert till.sql("SELECT status FROM commerce.payables WHERE order_no = %s", (order_no,)) == [("paid",)]
    (fact,) = till.facts(PAID)
    assert (fact["order_no"], fact["amount"], fact["payment_no"]) == (order_no, PRICE, payment_no)
    assert fact["gateway_no"] == attempt.gateway_no
    assert till.cases() == []


def test_the_same_notice_again_changes_nothing(till: Till) -> None:
    order_no, payment_no = till.started()
    notice = till.buyer_pays(payment_no)
    till.hear(notice)
    before = till.summary(order_no)
    till.hear(notice)
    till.hear(till.gateway.notice(payment_no))
    assert till.summary(order_no) == before
    assert till.sql("SELECT times, result FROM payments.payment_notices ORDER BY id") == [(2, "settled"), (1, "repeated")]


def test_a_notice_is_stored_before_it_is_believed_and_can_be_read_by_nobody_without_the_key(till: Till) -> None:
    with till.time(), pytest.raises(SignatureInvalid):
        notices.receive("alipay", Posted(b'{"notify_id": "n1", "sign": "forged"}'))
    rows = till.sql("SELECT notify_id, payload, verified, result, processed_at FROM payments.payment_notices")
    assert rows == [("n1", rows[0][1], False, "malformed", till.at)]
    assert rows[0][1].startswith("v1:")
    assert "forged" not in rows[0][1]


def test_a_notice_once_not_believed_counts_when_it_is_believed_later(till: Till) -> None:
    order_no, payment_no = till.started()
    notice = till.buyer_pays(payment_no)
    trade = till.gateway.trades.pop(payment_no)
    with till.time(), pytest.raises(SignatureInvalid):
        notices.receive("alipay", notice)
    till.gateway.trades[payment_no] = trade
    till.hear(notice)
    assert till.order(order_no).status == "paid"


def test_a_believed_notice_of_an_unknown_payment_is_a_case(till: Till) -> None:
    _, payment_no = till.started()
    till.gateway.trades["SOMEONE_ELSES"] = till.gateway.trades[payment_no]
    with till.time(), pytest.raises(OrderNotFound):
        notices.receive("alipay", till.buyer_pays("SOMEONE_ELSES"))
    assert till.cases() == [("unknown_payment", "open")]
    assert till.facts(PAID) == []


@pytest.mark.parametrize("amount", [PRICE - 1, PRICE + 1])
def test_another_amount_settles_nothing_and_is_a_case(till: Till, amount: int) -> None:
    order_no, payment_no = till.started()
    with till.time(), pytest.raises(AmountMismatch):
        notices.receive("alipay", till.buyer_pays(payment_no, Money(amount)))
    till.settle_down(3)
    assert till.order(order_no).status == "pending"
    assert till.cases() == [("amount_mismatch", "open")]
    assert till.sql("SELECT amount, owner FROM payments.payment_cases") == [(amount, "finance_manager")]
    assert till.facts(PAID) == []
    assert till.attempt(payment_no).status == "failed"
    till.hear(till.buyer_pays(till.start(order_no)))
    assert till.order(order_no).status == "paid", "the buyer may start again"


def test_a_payment_of_a_cancelled_order_settles_it_and_is_flagged(till: Till) -> None:
    order_no, payment_no = till.started()
    notice = till.buyer_pays(payment_no)
    till.cancel(order_no)
    assert till.order(order_no).status == "paid", "closing found the money"
    till.hear(notice)
    assert till.cases() == [("late", "open")]
    assert len(till.facts(PAID)) == 1


def test_a_payment_of_an_expired_order_settles_it_and_is_flagged(till: Till) -> None:
    order_no, payment_no = till.started()
    notice = till.buyer_pays(payment_no)
    till.gateway.down = True
    till.pass_time(minutes=30)
    till.run_workers()
    assert till.order(order_no).status == "expired"
    till.hear(notice)
    assert till.order(order_no).status == "paid"
    assert till.cases() == [("late", "open")]
    assert till.sql("SELECT status FROM commerce.payables") == [("paid",)]


def test_a_second_payment_of_an_order_waits_for_an_operator_to_give_it_back(till: Till) -> None:
    order_no = till.open()
    first, second = till.start(order_no, "qr"), till.start(order_no, "pc")
    late = till.buyer_pays(second)
    till.hear(till.buyer_pays(first))
    till.hear(late)
    assert till.refunds(order_no) == [("surplus", "pending", PRICE)]
    assert till.cases() == [("surplus", "open")]
    assert len(till.facts(PAID)) == 1
    ((refund_id,),) = till.sql("SELECT refund_id FROM payments.payment_refunds")
    assert till.process_refund(refund_id) == "succeeded"
    assert till.cases() == [("surplus", "resolved")]
    order = till.order(order_no)
    assert (order.status, order.refunded_amount, order.payment_no) == ("paid", 0, first)
    assert till.facts("payments.refund_succeeded.v1") == [], "nothing of the order's own money moved"
    assert till.gateway.trades[second].kept == Money(0)
    assert till.gateway.trades[first].kept == Money(PRICE)


def test_a_small_second_payment_goes_back_by_itself_where_the_setting_allows_it(till: Till) -> None:
    till.sql("INSERT INTO admin.system_settings (key, value, updated_at) VALUES ('payment.auto_refund_max', '5000', now())")
    order_no = till.open()
    first, second = till.start(order_no, "qr"), till.start(order_no, "pc")
    surplus = till.buyer_pays(second)
    till.hear(till.buyer_pays(first))
    till.hear(surplus)
    assert till.refunds(order_no) == [("surplus", "processing", PRICE)]
    till.run_workers()
    assert till.refunds(order_no) == [("surplus", "succeeded", PRICE)]
    assert till.cases() == [("surplus", "resolved")]


def test_what_the_buyer_already_owns_cannot_be_paid_again_but_money_that_comes_is_kept_in_sight(till: Till) -> None:
    content_id = add_work(till.sql)
    first_no, first = till.started(kind="content", target_id=content_id)
    second_no, second = till.started(kind="content", target_id=content_id)
    till.hear(till.buyer_pays(first))
    till.hear(till.buyer_pays(second))
    assert till.cases(first_no) == []
    assert till.cases(second_no) == [("double_purchase", "open")]


def test_a_notice_of_a_refund_credits_nothing_again(till: Till) -> None:
    order_no, payment_no = till.paid()
    till.process_refund(till.ask_refund(order_no, 500))
    ((refund_no,),) = till.sql("SELECT refund_no FROM payments.payment_refunds")
    before = till.summary(order_no)
    till.hear(till.gateway.notice(payment_no, refund_no))
    assert till.summary(order_no) == before
    assert len(till.facts(PAID)) == 1


def test_a_refund_we_never_asked_for_is_a_case(till: Till) -> None:
    _, payment_no = till.paid()
    till.hear(till.gateway.notice(payment_no, "MADE_IN_THE_VENDORS_CONSOLE"))
    assert till.cases() == [("foreign_refund", "open")]


def test_the_notice_of_a_refund_brings_its_end_forward(till: Till) -> None:
    order_no, payment_no = till.paid()
    refund_id = till.ask_refund(order_no)
    till.gateway.dies = "after refund"
    with pytest.raises(BaseException, match="after refund"):
        till.process_refund(refund_id)
    ((refund_no,),) = till.sql("SELECT refund_no FROM payments.payment_refunds")
    till.hear(till.gateway.notice(payment_no, refund_no))
    assert till.sql("SELECT next_try_at FROM payments.payment_refunds") == [(till.at,)]


def test_a_notice_the_queue_did_not_take_is_swept(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    order_no, payment_no = till.started()
    monkeypatch.setenv("QUEUE_PAYMENT_NOTICES", "https://sqs.us-east-1.amazonaws.com/123456789012/gone")
    with till.time():
        assert notices.receive("alipay", till.buyer_pays(payment_no)).text == "success"
    assert till.order(order_no).status == "pending"
    with till.time():
        assert notices.sweep() == 0, "the queue has its minute first"
    till.pass_time(minutes=1)
    with till.time():
        assert notices.sweep() == 1
    assert till.order(order_no).status == "paid"


def test_a_notice_is_queued_by_its_id_alone(till: Till, notices_queue: str) -> None:
    _, payment_no = till.started()
    with till.time():
        notices.receive("alipay", till.buyer_pays(payment_no))
    (message,) = aws.client("sqs").receive_message(QueueUrl=notices_queue)["Messages"]
    assert json.loads(message["Body"]) == {"notice_id": 1}


def test_a_notice_that_cannot_be_read_is_retried_later_and_holds_up_no_other(till: Till) -> None:
    order_no, payment_no = till.started()
    notice = till.buyer_pays(payment_no)
    till.sql(
        """
        INSERT INTO payments.payment_notices (channel, notify_id, body_hash, payload, next_try_at, received_at)
        VALUES ('alipay', '', repeat('0', 64), 'v1:not:an:envelope', %(at)s, %(at)s)
        """,
        {"at": till.at},
    )
    with till.time():
        notices.receive("alipay", notice)
    till.pass_time(minutes=2)
    with till.time():
        assert notices.sweep() == 1
    assert till.order(order_no).status == "paid"
    assert till.sql("SELECT tries, next_try_at > %s FROM payments.payment_notices WHERE tries > 0", (till.at,)) == [
        (1, True)
    ]


def test_when_one_attempt_is_paid_the_others_are_closed_at_the_vendor(till: Till) -> None:
    order_no = till.open()
    first, second = till.start(order_no, "qr"), till.start(order_no, "pc")
    till.hear(till.buyer_pays(first))
    till.run_workers()
    assert till.gateway.trades[second].state == "closed"
    assert till.attempt(second).status == "closed"
