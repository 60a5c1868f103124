"""The rules true of one row, without a database."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from typing import Any, get_args

import pytest

from functions.payments import models
from functions.payments.models import (
    ATTEMPT_MOVES,
    ORDER_MOVES,
    QUERY_LADDER,
    REFUND_MOVES,
    Attempt,
    IllegalMoveError,
    Order,
    move,
    wait_after,
)

AT = datetime(2026, 3, 1, tzinfo=UTC)

ORDERS = {
    ("pending", "paid"),
    ("pending", "cancelled"),
    ("pending", "expired"),
    ("cancelled", "paid"),
    ("expired", "paid"),
    ("paid", "refunding"),
    ("refunding", "paid"),
    ("refunding", "partially_refunded"),
    ("refunding", "refunded"),
    ("partially_refunded", "refunding"),
}
ATTEMPTS = {
    ("created", "succeeded"),
    ("created", "failed"),
    ("created", "closed"),
    ("failed", "succeeded"),
    ("closed", "succeeded"),
    ("closed", "failed"),
}
REFUNDS = {("pending", "processing"), ("pending", "rejected"), ("processing", "succeeded"), ("processing", "failed")}


def an_order(**fields: Any) -> Order:
    usual: dict[str, Any] = {
        "order_no": "O1",
        "user_id": 1,
        "kind": "content",
        "target_id": 2,
        "seller_id": 3,
        "title": "t",
        "amount": 1000,
        "discount_amount": 0,
        "payable_amount": 1000,
        "currency": "CNY",
        "price_lines": [],
        "status": "pending",
        "channel": None,
        "payment_no": None,
        "refunded_amount": 0,
        "paid_at": None,
        "expires_at": AT + timedelta(minutes=30),
        "created_at": AT,
    }
    return Order(**(usual | fields))


def an_attempt(**fields: Any) -> Attempt:
    usual: dict[str, Any] = {
        "payment_no": "P1",
        "order_no": "O1",
        "channel": "alipay",
        "scene": "qr",
        "amount": 1000,
        "currency": "CNY",
        "status": "created",
        "gateway_no": None,
        "qr_code": None,
        "expires_at": AT + timedelta(minutes=30),
        "next_query_at": AT,
        "queries": 0,
        "created_at": AT,
    }
    return Attempt(**(usual | fields))


@pytest.mark.parametrize(
    ("moves", "allowed", "states"),
    [
        (ORDER_MOVES, ORDERS, get_args(models.OrderStatus)),
        (ATTEMPT_MOVES, ATTEMPTS, get_args(models.AttemptStatus)),
        (REFUND_MOVES, REFUNDS, get_args(models.RefundStatus)),
    ],
    ids=["orders", "attempts", "refunds"],
)
def test_a_state_is_followed_only_by_those_of_the_table(moves: Any, allowed: set[tuple[str, str]], states: Any) -> None:
    assert set(moves) == set(states)
    for now, to in product(states, states):
        if (now, to) in allowed:
            assert move(moves, now, to) == to
        else:
            with pytest.raises(IllegalMoveError, match=f"{now} -> {to}"):
                move(moves, now, to)


def test_no_order_that_was_paid_is_ever_unpaid_again() -> None:
    paid = {"paid", "refunding", "partially_refunded", "refunded"}
    assert all(ORDER_MOVES[state].keys() <= paid for state in paid)  # type: ignore[index]  # the states above


@pytest.mark.parametrize("status", get_args(models.OrderStatus))
def test_only_a_pending_order_within_its_time_may_be_paid(status: Any) -> None:
    order = an_order(status=status)
    assert order.is_payable(AT) is (status == "pending")
    assert not order.is_payable(order.expires_at)


def test_what_is_left_to_refund_is_what_was_paid_and_not_given_back() -> None:
    assert an_order().refundable == 0
    assert an_order(status="paid", paid_at=AT).refundable == 1000
    assert an_order(status="partially_refunded", paid_at=AT, refunded_amount=300).refundable == 700


@pytest.mark.parametrize(("refunded", "state"), [(0, "paid"), (1, "partially_refunded"), (1000, "refunded")])
def test_an_order_without_an_open_request_is_in_the_state_its_refunds_say(refunded: int, state: str) -> None:
    assert an_order(status="refunding", paid_at=AT, refunded_amount=refunded).without_open_refund() == state


def test_an_attempt_is_asked_about_after_10_s_1_min_5_min_and_30_min() -> None:
    assert [span.total_seconds() for span in QUERY_LADDER] == [10, 60, 300, 1800]
    assert [an_attempt(queries=n).next_query() for n in range(4)] == [*(AT + span for span in QUERY_LADDER[1:]), None]


def test_waits_double_up_to_an_hour() -> None:
    waits = [wait_after(tries) for tries in range(1, 40)]
    assert waits[:4] == [timedelta(minutes=n) for n in (1, 2, 4, 8)]
    assert all(shorter <= longer for shorter, longer in pairwise(waits))
    assert waits[-1] == timedelta(hours=1)
