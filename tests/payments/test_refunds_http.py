"""Refunds through the real handler: asked for, listed, decided."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from functions.payments.service import refunds
from shared import clock
from tests.fixtures.api import Api
from tests.fixtures.postgres import House
from tests.payments.build import BUYER, OPERATOR, PRICE, MortalGateway, add_work


@pytest.fixture
def buyer(sign_in: Callable[..., str]) -> str:
    return sign_in(BUYER)


@pytest.fixture
def staff(sign_in: Callable[..., str]) -> str:
    return sign_in(OPERATOR, permissions=("payment:write", "payment:read"))


@pytest.fixture
def unpaid(shop: Api, house: House, buyer: str) -> str:
    body = {"kind": "content", "target_id": add_work(house.sql)}
    return str(shop.post("/payments/orders", body, token=buyer).data["order_no"])


@pytest.fixture
def paid(shop: Api, vendor: MortalGateway, buyer: str, unpaid: str) -> str:
    payment = shop.post("/payments/alipay/create", {"order_no": unpaid, "scene": "qr"}, token=buyer).data
    vendor.pay(payment["payment_no"])
    shop.post(f"/payments/verify/{unpaid}", token=buyer)
    return unpaid


@pytest.fixture
def ask(shop: Api, buyer: str, paid: str) -> Callable[..., int]:
    def asked(**body: object) -> int:
        return int(
            shop.post(f"/payments/refund/{paid}", {"reason": "changed my mind"} | body, token=buyer).data["refund_id"]
        )

    return asked


def process(shop: Api, refund_id: int, token: str, action: str = "approve", **options: object):
    return shop.post(
        f"/admin/payments/refunds/{refund_id}/process", {"action": action, "comment": "ok"}, token=token, **options
    )


class TestAsking:
    def test_the_order_of_someone_else_does_not_exist(self, shop: Api, paid: str, sign_in: Callable[..., str]) -> None:
        body = {"reason": "r"}
        assert shop.post(f"/payments/refund/{paid}", body).error == (401, "unauthenticated")
        assert shop.post(f"/payments/refund/{paid}", body, token=sign_in(7)).error == (404, "order_not_found")

    def test_without_an_amount_all_that_is_left_is_asked_for(self, shop: Api, house: House, buyer: str, paid: str) -> None:
        reply = shop.post(f"/payments/refund/{paid}", {"reason": "changed my mind"}, token=buyer)
        assert reply.status == 201
        assert {k: v for k, v in reply.data.items() if k not in {"refund_id", "created_at"}} == {
            "order_no": paid,
            "amount": PRICE,
            "status": "pending",
            "reason": "changed my mind",
        }
        assert house.sql("SELECT status FROM payments.payment_orders") == [("refunding",)]

    def test_the_same_key_asks_once(self, shop: Api, house: House, buyer: str, paid: str) -> None:
        for _ in range(2):
            reply = shop.post(f"/payments/refund/{paid}", {"reason": "r"}, token=buyer, headers={"Idempotency-Key": "k"})
            assert reply.status == 201
        assert house.sql("SELECT count(*) FROM payments.payment_refunds") == [(1,)]

    def test_an_unpaid_order_has_nothing_to_give_back(self, shop: Api, buyer: str, unpaid: str) -> None:
        assert shop.post(f"/payments/refund/{unpaid}", {"reason": "r"}, token=buyer).error == (409, "order_not_paid")

    def test_one_request_at_a_time(self, shop: Api, buyer: str, paid: str, ask: Callable[..., int]) -> None:
        ask(amount=1)
        assert shop.post(f"/payments/refund/{paid}", {"reason": "r"}, token=buyer).error == (409, "refund_pending")

    def test_never_more_than_was_paid_and_not_given_back(
        self, shop: Api, buyer: str, staff: str, paid: str, ask: Callable[..., int]
    ) -> None:
        reply = shop.post(f"/payments/refund/{paid}", {"amount": PRICE + 1, "reason": "r"}, token=buyer)
        assert reply.error == (409, "refund_exceeds_paid")
        process(shop, ask(amount=1000), staff)
        reply = shop.post(f"/payments/refund/{paid}", {"amount": PRICE - 999, "reason": "r"}, token=buyer)
        assert (reply.error, reply.json["details"]) == ((409, "refund_exceeds_paid"), {"refundable": PRICE - 1000})
        process(shop, ask(), staff)
        reply = shop.post(f"/payments/refund/{paid}", {"reason": "r"}, token=buyer)
        assert reply.error == (409, "refund_exceeds_paid")

    def test_until_the_seventh_day_and_not_a_moment_longer(
        self, shop: Api, house: House, paid: str, sign_in: Callable[..., str]
    ) -> None:
        ((paid_at,),) = house.sql("SELECT paid_at FROM payments.payment_orders")
        for moment, status in ((timedelta(days=7, microseconds=1), 409), (timedelta(days=7), 201)):
            with clock.frozen(paid_at + moment):
                reply = shop.post(f"/payments/refund/{paid}", {"reason": "r"}, token=sign_in(BUYER))
                assert reply.status == status
                assert status == 201 or reply.error == (409, "refund_window_closed")

    @pytest.mark.parametrize(
        "body", [{}, {"reason": ""}, {"reason": "r", "amount": 0}, {"reason": "r", "amount": -1}, {"reason": "r" * 501}]
    )
    def test_bad_input_is_refused(self, shop: Api, buyer: str, paid: str, body: dict[str, object]) -> None:
        assert shop.post(f"/payments/refund/{paid}", body, token=buyer).error == (422, "validation_error")


class TestDeciding:
    def test_only_staff_who_may(self, shop: Api, buyer: str, ask: Callable[..., int], sign_in: Callable[..., str]) -> None:
        refund_id = ask()
        assert shop.post(f"/admin/payments/refunds/{refund_id}/process", {"action": "approve"}).error[0] == 401
        assert process(shop, refund_id, buyer).error == (403, "permission_denied")
        assert process(shop, refund_id, sign_in(8, permissions=("payment:read",))).error == (403, "permission_denied")

    @pytest.mark.parametrize("refund_id", [0, 424242, 2**63 - 1])
    def test_what_does_not_exist_is_not_found(self, shop: Api, staff: str, refund_id: int) -> None:
        assert process(shop, refund_id, staff).error == (404, "refund_not_found")

    def test_approved_the_money_goes_back_and_everyone_hears(
        self, shop: Api, house: House, vendor: MortalGateway, staff: str, paid: str, ask: Callable[..., int]
    ) -> None:
        refund_id = ask(amount=700)
        assert process(shop, refund_id, staff).data["status"] == "succeeded"
        assert house.sql("SELECT status, refunded_amount FROM payments.payment_orders") == [("partially_refunded", 700)]
        second = ask()
        assert process(shop, second, staff).data["status"] == "succeeded"
        assert house.sql("SELECT status, refunded_amount FROM payments.payment_orders") == [("refunded", PRICE)]
        facts = house.facts("payments.refund_succeeded.v1")
        assert [(f["refund_id"], f["amount"], f["refunded_total"], f["full"]) for f in facts] == [
            (refund_id, 700, 700, False),
            (second, PRICE - 700, PRICE, True),
        ]
        (trade,) = vendor.trades.values()
        assert trade.kept.minor == 0
        numbers = house.sql("SELECT payment_no, status FROM payments.payment_transactions WHERE kind = 'refund'")
        assert {number for number, _ in numbers} == set(trade.repaid)
        assert {status for _, status in numbers} == {"succeeded"}

    def test_rejected_the_order_is_what_it_was(
        self, shop: Api, house: House, vendor: MortalGateway, staff: str, ask: Callable[..., int]
    ) -> None:
        assert process(shop, ask(), staff, "reject").data["status"] == "rejected"
        assert house.sql("SELECT status, refunded_amount FROM payments.payment_orders") == [("paid", 0)]
        process(shop, ask(amount=1), staff)
        assert process(shop, ask(), staff, "reject").data["status"] == "rejected"
        assert house.sql("SELECT status, refunded_amount FROM payments.payment_orders") == [("partially_refunded", 1)]
        assert vendor.calls.count("refund") == 1

    def test_a_decision_is_made_once(self, shop: Api, vendor: MortalGateway, staff: str, ask: Callable[..., int]) -> None:
        refund_id = ask()
        process(shop, refund_id, staff)
        for action in ("approve", "reject"):
            assert process(shop, refund_id, staff, action).error == (409, "refund_not_pending")
        assert vendor.calls.count("refund") == 1

    def test_the_same_key_gets_the_same_answer(self, shop: Api, staff: str, ask: Callable[..., int]) -> None:
        refund_id, key = ask(), {"Idempotency-Key": "decide"}
        first = process(shop, refund_id, staff, headers=key)
        again = process(shop, refund_id, staff, headers=key)
        assert (again.status, again.text) == (200, first.text)
        assert again.headers["idempotent-replay"] == "true"

    def test_every_decision_leaves_an_audit_row(self, shop: Api, house: House, staff: str, ask: Callable[..., int]) -> None:
        refund_id = ask(amount=5)
        process(shop, refund_id, staff, "reject")
        ((uid, operation, resource, details),) = house.sql(
            "SELECT admin_uid, operation, resource_id, details FROM admin.admin_operation_logs"
        )
        assert (uid, operation, resource) == (OPERATOR, "payment.refund.reject", refund_id)
        assert (details["amount"], details["comment"]) == (5, "ok")
        process(shop, refund_id, staff)
        assert house.sql("SELECT operation, result, error_message FROM admin.admin_operation_logs ORDER BY id") == [
            ("payment.refund.reject", "success", None),
            ("process_refund", "failed", "refund_not_pending"),
        ]

    def test_a_silent_gateway_leaves_it_under_way_to_be_finished_later(
        self, shop: Api, house: House, vendor: MortalGateway, staff: str, ask: Callable[..., int]
    ) -> None:
        refund_id = ask()
        vendor.down = True
        assert process(shop, refund_id, staff).data["status"] == "processing"
        assert house.sql("SELECT status FROM payments.payment_orders") == [("refunding",)]
        vendor.down = False
        with house.acting("payments"), clock.frozen(clock.now() + timedelta(minutes=2)):
            assert refunds.finish_due() == 1
        assert house.sql("SELECT status FROM payments.payment_orders") == [("refunded",)]
        assert len(house.facts("payments.refund_succeeded.v1")) == 1

    def test_a_gateway_that_declines_ends_it_and_says_why(
        self, shop: Api, house: House, vendor: MortalGateway, staff: str, ask: Callable[..., int]
    ) -> None:
        refund_id, key = ask(), {"Idempotency-Key": "k"}
        vendor.refuses = True
        reply = process(shop, refund_id, staff, headers=key)
        assert (reply.error, reply.json["details"]) == ((502, "gateway_error"), {"reason": "refused"})
        assert house.sql("SELECT status FROM payments.payment_refunds") == [("failed",)]
        assert house.sql("SELECT status FROM payments.payment_orders") == [("paid",)]
        assert process(shop, refund_id, staff, headers=key).data["status"] == "failed"
        vendor.refuses = False
        assert process(shop, ask(), staff).data["status"] == "succeeded", "it may be asked for again"


class TestListing:
    def test_only_staff_who_may(self, shop: Api, buyer: str, sign_in: Callable[..., str]) -> None:
        for path in ("/admin/payments/refunds", "/admin/payments/orders"):
            assert shop.get(path).error == (401, "unauthenticated")
            assert shop.get(path, token=buyer).error == (403, "permission_denied")
            assert shop.get(path, token=sign_in(8, permissions=("user:read",))).error == (403, "permission_denied")

    def test_refunds_are_found_by_state_and_order(
        self, shop: Api, house: House, staff: str, paid: str, ask: Callable[..., int]
    ) -> None:
        first = ask(amount=1)
        process(shop, first, staff)
        second = ask(amount=2)
        for query, found in (
            ({}, [second, first]),
            ({"status": "pending"}, [second]),
            ({"status": "succeeded", "order_no": paid}, [first]),
            ({"order_no": "NONE"}, []),
            ({"status": "no_such_state"}, []),
        ):
            before = house.db.statements
            items = shop.get("/admin/payments/refunds", token=staff, query=query).data["items"]
            assert [item["refund_id"] for item in items] == found
            assert house.db.statements - before == 4 + 1
