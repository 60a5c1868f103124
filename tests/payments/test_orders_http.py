"""Own orders through the real handler: place, list, look, verify, cancel."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared import clock
from tests.fixtures.api import Api
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House
from tests.payments.build import BUYER, PRICE, SELLER, MortalGateway, add_work

Place = Callable[..., dict[str, object]]


@pytest.fixture
def buyer(sign_in: Callable[..., str]) -> str:
    return sign_in(BUYER)


@pytest.fixture
def stranger(sign_in: Callable[..., str]) -> str:
    return sign_in(BUYER + 1000)


@pytest.fixture
def place(shop: Api, house: House, buyer: str) -> Place:
    def placed(**work: Any) -> dict[str, object]:
        content_id = add_work(house.sql, **work)
        data: dict[str, object] = shop.post(
            "/payments/orders", {"kind": "content", "target_id": content_id}, token=buyer
        ).data
        return data

    return placed


def pay(shop: Api, vendor: MortalGateway, order_no: object, token: str) -> str:
    """Start a payment, pay it at the vendor, verify."""
    payment = shop.post("/payments/alipay/create", {"order_no": order_no, "scene": "qr"}, token=token).data
    vendor.pay(payment["payment_no"])
    assert shop.post(f"/payments/verify/{order_no}", token=token).data["order"]["status"] == "paid"
    return str(payment["payment_no"])


class TestPlacing:
    def test_nobody_orders_without_signing_in(self, shop: Api) -> None:
        assert shop.post("/payments/orders", {"kind": "content", "target_id": 1}).error == (401, "unauthenticated")

    def test_an_order_has_the_price_of_the_work_and_half_an_hour(self, shop: Api, house: House, buyer: str) -> None:
        content_id = add_work(house.sql)
        reply = shop.post("/payments/orders", {"kind": "content", "target_id": content_id}, token=buyer)
        assert reply.status == 201
        created = reply.data.pop("created_at")
        expires = reply.data.pop("expires_at")
        order_no = reply.data["order_no"]
        assert {k: v for k, v in reply.data.items() if k not in {"created_at", "expires_at"}} == {
            "order_no": order_no,
            "user_id": BUYER,
            "kind": "content",
            "target_id": content_id,
            "title": "复利的秘密",
            "amount": PRICE,
            "discount_amount": 0,
            "payable_amount": PRICE,
            "currency": "CNY",
            "price_lines": [{"source": "content", "id": content_id, "amount": PRICE}],
            "status": "pending",
            "channel": None,
            "refunded_amount": 0,
            "paid_at": None,
        }
        assert created.endswith("Z")
        assert expires.endswith("Z")
        rows = house.sql("SELECT expires_at - created_at, seller_id FROM payments.payment_orders")
        assert rows == [(timedelta(minutes=30), SELLER)]
        assert house.sql("SELECT domain, kind, amount, order_no, status FROM commerce.payables") == [
            ("payments", "content", PRICE, order_no, "open")
        ]

    def test_the_same_key_gives_the_same_order_and_another_body_a_conflict(
        self, shop: Api, house: House, buyer: str
    ) -> None:
        body = {"kind": "content", "target_id": add_work(house.sql)}
        key = {"Idempotency-Key": "one"}
        first = shop.post("/payments/orders", body, token=buyer, headers=key)
        again = shop.post("/payments/orders", body, token=buyer, headers=key)
        assert (again.status, again.text) == (201, first.text)
        other = shop.post("/payments/orders", body | {"target_id": 5}, token=buyer, headers=key)
        assert other.error == (409, "idempotency_conflict")
        assert house.sql("SELECT count(*) FROM payments.payment_orders") == [(1,)]

    @pytest.mark.parametrize(
        "work", [{"status": "draft"}, {"status": "taken_down"}, {"status": "deleted"}], ids=lambda work: work["status"]
    )
    def test_what_is_not_published_does_not_exist(self, shop: Api, house: House, buyer: str, work: dict[str, Any]) -> None:
        body = {"kind": "content", "target_id": add_work(house.sql, **work)}
        assert shop.post("/payments/orders", body, token=buyer).error == (404, "target_not_found")

    @pytest.mark.parametrize("target_id", [1, 2**63 - 1])
    @pytest.mark.parametrize("kind", ["content", "membership"])
    def test_what_does_not_exist_is_not_found(self, shop: Api, buyer: str, kind: str, target_id: int) -> None:
        reply = shop.post("/payments/orders", {"kind": kind, "target_id": target_id}, token=buyer)
        assert reply.error == (404, "target_not_found")

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"kind": "content"},
            {"kind": "subscription", "target_id": 1},
            {"kind": "content", "target_id": 2**63},
            {"kind": "content", "target_id": 0},
            {"kind": "content", "target_id": "one"},
            {"kind": "content", "target_id": 1, "price": 1},
            {"kind": "content", "target_id": 1, "coupon_code": ""},
        ],
    )
    def test_bad_input_is_refused_by_field(self, shop: Api, buyer: str, body: dict[str, object]) -> None:
        assert shop.post("/payments/orders", body, token=buyer).error == (422, "validation_error")

    def test_free_works_and_own_works_are_not_for_sale(self, shop: Api, house: House, buyer: str) -> None:
        for content_id in (add_work(house.sql, price=None), add_work(house.sql, author_id=BUYER)):
            reply = shop.post("/payments/orders", {"kind": "content", "target_id": content_id}, token=buyer)
            assert reply.error == (409, "not_for_sale")

    @pytest.mark.parametrize(
        ("status", "answer"), [("active", 201), ("inactive", 409), ("pending_deletion", 409), ("deleted", 409)]
    )
    def test_who_has_left_sells_nothing(self, shop: Api, house: House, buyer: str, status: str, answer: int) -> None:
        make_user(house.sql, SELLER + 500, "leaver")
        house.sql("UPDATE identity.users SET status = %s WHERE uid = %s", (status, SELLER + 500))
        work = add_work(house.sql, author_id=SELLER + 500)
        assert shop.post("/payments/orders", {"kind": "content", "target_id": work}, token=buyer).status == answer

    @pytest.mark.parametrize(
        ("field", "minutes", "status"),
        [
            ("available_from", 1, 409),
            ("available_from", -1, 201),
            ("available_to", 1, 201),
            ("available_to", -1, 409),
        ],
    )
    def test_only_what_can_be_read_now_is_for_sale(
        self, shop: Api, house: House, buyer: str, field: str, minutes: int, status: int
    ) -> None:
        window: Any = {field: clock.now() + timedelta(minutes=minutes)}
        work = add_work(house.sql, **window)
        assert shop.post("/payments/orders", {"kind": "content", "target_id": work}, token=buyer).status == status

    def test_no_coupon_applies(self, shop: Api, house: House, buyer: str) -> None:
        body = {"kind": "content", "target_id": add_work(house.sql), "coupon_code": "SPRING"}
        assert shop.post("/payments/orders", body, token=buyer).error == (422, "coupon_not_applicable")

    def test_what_was_paid_is_owned_until_it_is_fully_refunded(
        self, shop: Api, house: House, vendor: MortalGateway, buyer: str, place: Place, sign_in: Callable[..., str]
    ) -> None:
        order = place()
        body = {"kind": "content", "target_id": order["target_id"]}
        other = shop.post("/payments/orders", body, token=buyer).data
        pay(shop, vendor, order["order_no"], buyer)
        assert shop.post("/payments/orders", body, token=buyer).error == (409, "already_owned")
        reply = shop.post("/payments/alipay/create", {"order_no": other["order_no"]}, token=buyer)
        assert reply.error == (409, "order_not_payable"), "an order placed before is not paid a second time"
        staff = sign_in(9, permissions=("payment:write",))
        for amount, status in ((PRICE - 1, 409), (1, 201)):
            refund = shop.post(f"/payments/refund/{order['order_no']}", {"amount": amount, "reason": "r"}, token=buyer).data
            shop.post(f"/admin/payments/refunds/{refund['refund_id']}/process", {"action": "approve"}, token=staff)
            assert shop.post("/payments/orders", body, token=buyer).status == status

    def test_it_takes_three_statements_and_two_more_with_a_key(
        self, shop: Api, house: House, buyer: str, place: Place
    ) -> None:
        place()
        body = {"kind": "content", "target_id": add_work(house.sql)}
        before = house.db.statements
        shop.post("/payments/orders", body, token=buyer)
        without = house.db.statements - before
        before = house.db.statements
        shop.post("/payments/orders", body, token=buyer, headers={"Idempotency-Key": "k"})
        assert (without - _FRAME, house.db.statements - before - _FRAME) == (3, 5)


_FRAME = 4
"""What the fixture itself sends around a call: role, savepoint, release, role."""


class TestListing:
    def test_nobody_lists_without_signing_in(self, shop: Api) -> None:
        assert shop.get("/payments/orders").error == (401, "unauthenticated")

    def test_only_own_orders_are_listed_newest_first_by_page_or_by_cursor(
        self, shop: Api, buyer: str, stranger: str, place: Place
    ) -> None:
        numbers = []
        for second in range(3):
            with clock.frozen(clock.now() + timedelta(seconds=second)):
                numbers.append(place()["order_no"])
        assert shop.get("/payments/orders", token=stranger).data["items"] == []
        page = shop.get("/payments/orders", token=buyer, query={"page_size": 2}).data
        assert ([one["order_no"] for one in page["items"]], page["total"]) == (numbers[:0:-1], 3)
        rest = shop.get("/payments/orders", token=buyer, query={"page_size": 2, "cursor": page["next_cursor"]}).data
        assert [one["order_no"] for one in rest["items"]] == numbers[:1]
        assert rest["next_cursor"] is None

    def test_status_and_kind_narrow_the_list(self, shop: Api, buyer: str, place: Place) -> None:
        one, other = place(), place()
        shop.post(f"/payments/orders/{one['order_no']}/cancel", token=buyer)
        for query, found in (
            ({"status": "cancelled"}, [one]),
            ({"status": "pending"}, [other]),
            ({"status": "paid"}, []),
            ({"kind": "content", "status": "pending"}, [other]),
            ({"kind": "subscription"}, []),
        ):
            items = shop.get("/payments/orders", token=buyer, query=query).data["items"]
            assert [item["order_no"] for item in items] == [order["order_no"] for order in found]

    @pytest.mark.parametrize("query", [{"status": "open"}, {"sort_by": "title"}, {"page_size": 101}, {"cursor": "x"}])
    def test_what_cannot_be_asked_is_refused(self, shop: Api, buyer: str, query: dict[str, object]) -> None:
        assert shop.get("/payments/orders", token=buyer, query=query).error == (422, "validation_error")

    def test_it_takes_one_statement(self, shop: Api, house: House, buyer: str, place: Place) -> None:
        for _ in range(3):
            place()
        before = house.db.statements
        assert shop.get("/payments/orders", token=buyer).data["total"] == 3
        assert house.db.statements - before - _FRAME == 1


class TestStatus:
    def test_the_order_of_someone_else_does_not_exist(self, shop: Api, stranger: str, place: Place) -> None:
        order_no = place()["order_no"]
        assert shop.get(f"/payments/status/{order_no}").error == (401, "unauthenticated")
        assert shop.get(f"/payments/status/{order_no}", token=stranger).error == (404, "order_not_found")
        assert shop.get("/payments/status/NONE", token=stranger).error == (404, "order_not_found")
        assert shop.get(f"/payments/status/{'9' * 500}", token=stranger).error == (404, "order_not_found")

    def test_it_tells_of_transactions_and_refunds_in_two_statements(
        self, shop: Api, house: House, vendor: MortalGateway, buyer: str, place: Place
    ) -> None:
        order_no = place()["order_no"]
        payment_no = pay(shop, vendor, order_no, buyer)
        shop.post(f"/payments/refund/{order_no}", {"amount": 500, "reason": "too long"}, token=buyer)
        before = house.db.statements
        order = shop.get(f"/payments/status/{order_no}", token=buyer).data
        assert house.db.statements - before - _FRAME == 2
        assert (order["status"], order["channel"], order["refunded_amount"]) == ("refunding", "alipay", 0)
        (transaction,) = order["transactions"]
        assert {k: v for k, v in transaction.items() if not k.endswith("_at")} == {
            "payment_no": payment_no,
            "order_no": order_no,
            "channel": "alipay",
            "kind": "pay",
            "amount": PRICE,
            "status": "succeeded",
            "gateway_no": vendor.trades[payment_no].gateway_no,
        }
        assert transaction["created_at"].endswith("Z")
        (refund,) = order["refunds"]
        assert {k: refund[k] for k in ("order_no", "amount", "status", "reason")} == {
            "order_no": order_no,
            "amount": 500,
            "status": "pending",
            "reason": "too long",
        }
        assert set(refund) == {"refund_id", "order_no", "amount", "status", "reason", "created_at"}


class TestVerifying:
    def test_the_order_of_someone_else_does_not_exist(self, shop: Api, stranger: str, place: Place) -> None:
        order_no = place()["order_no"]
        assert shop.post(f"/payments/verify/{order_no}").error == (401, "unauthenticated")
        assert shop.post(f"/payments/verify/{order_no}", token=stranger).error == (404, "order_not_found")

    def test_without_a_payment_there_is_nothing_to_ask(self, shop: Api, buyer: str, place: Place) -> None:
        assert shop.post(f"/payments/verify/{place()['order_no']}", token=buyer).error == (409, "payment_not_started")

    def test_it_settles_what_was_paid_and_says_what_the_gateway_said(
        self, shop: Api, house: House, vendor: MortalGateway, buyer: str, place: Place
    ) -> None:
        order_no = place()["order_no"]
        payment = shop.post("/payments/alipay/create", {"order_no": order_no}, token=buyer).data
        before = shop.post(f"/payments/verify/{order_no}", token=buyer).data
        assert (before["gateway_status"], before["changed"], before["order"]["status"]) == ("offered", False, "pending")
        vendor.pay(payment["payment_no"])
        after = shop.post(f"/payments/verify/{order_no}", token=buyer).data
        assert (after["gateway_status"], after["changed"], after["order"]["status"]) == ("paid", True, "paid")
        again = shop.post(f"/payments/verify/{order_no}", token=buyer).data
        assert (again["changed"], again["order"]) == (False, after["order"])
        assert len(house.facts("payments.order_paid.v1")) == 1

    def test_the_older_of_two_payments_is_found_too(
        self, shop: Api, vendor: MortalGateway, buyer: str, place: Place
    ) -> None:
        order_no = place()["order_no"]
        older = shop.post("/payments/alipay/create", {"order_no": order_no, "scene": "pc"}, token=buyer).data
        shop.post("/payments/alipay/create", {"order_no": order_no, "scene": "qr"}, token=buyer)
        vendor.pay(older["payment_no"])
        assert shop.post(f"/payments/verify/{order_no}", token=buyer).data["gateway_status"] == "paid"

    def test_a_gateway_that_is_down_changes_nothing(
        self, shop: Api, house: House, vendor: MortalGateway, buyer: str, place: Place
    ) -> None:
        order_no = place()["order_no"]
        shop.post("/payments/alipay/create", {"order_no": order_no}, token=buyer)
        before = house.sql("SELECT * FROM payments.payment_transactions")
        vendor.down = True
        reply = shop.post(f"/payments/verify/{order_no}", token=buyer)
        assert reply.error == (502, "gateway_error")
        assert reply.json["details"] == {"reason": "down"}
        assert house.sql("SELECT * FROM payments.payment_transactions") == before


class TestCancelling:
    def test_the_order_of_someone_else_does_not_exist(self, shop: Api, stranger: str, place: Place) -> None:
        order_no = place()["order_no"]
        assert shop.post(f"/payments/orders/{order_no}/cancel").error == (401, "unauthenticated")
        assert shop.post(f"/payments/orders/{order_no}/cancel", token=stranger).error == (404, "order_not_found")

    def test_it_ends_the_order_what_is_owed_and_the_payment_at_the_vendor(
        self, shop: Api, house: House, vendor: MortalGateway, buyer: str, place: Place
    ) -> None:
        order = place()
        payment = shop.post("/payments/alipay/create", {"order_no": order["order_no"]}, token=buyer).data
        reply = shop.post(f"/payments/orders/{order['order_no']}/cancel", token=buyer)
        assert reply.data["status"] == "cancelled"
        assert vendor.trades[payment["payment_no"]].state == "closed"
        assert house.sql("SELECT status FROM payments.payment_transactions") == [("closed",)]
        assert house.sql("SELECT status FROM commerce.payables") == [("cancelled",)]
        (fact,) = house.facts("payments.order_closed.v1")
        assert (fact["order_no"], fact["reason"], fact["target_id"]) == (order["order_no"], "cancelled", order["target_id"])
        assert shop.post(f"/payments/orders/{order['order_no']}/cancel", token=buyer).error == (409, "order_not_pending")

    def test_a_gateway_that_is_down_does_not_keep_a_buyer_from_cancelling(
        self, shop: Api, house: House, vendor: MortalGateway, buyer: str, place: Place
    ) -> None:
        order_no = place()["order_no"]
        shop.post("/payments/alipay/create", {"order_no": order_no}, token=buyer)
        vendor.down = True
        assert shop.post(f"/payments/orders/{order_no}/cancel", token=buyer).data["status"] == "cancelled"
        rows = house.sql("SELECT status, next_query_at IS NOT NULL FROM payments.payment_transactions")
        assert rows == [("created", True)], "it is closed later"

    def test_money_that_came_before_the_cancelling_keeps_the_order(
        self, shop: Api, house: House, vendor: MortalGateway, buyer: str, place: Place
    ) -> None:
        order_no = place()["order_no"]
        payment = shop.post("/payments/alipay/create", {"order_no": order_no}, token=buyer).data
        vendor.pay(payment["payment_no"])
        assert shop.post(f"/payments/orders/{order_no}/cancel", token=buyer).data["status"] == "paid"
        assert len(house.facts("payments.order_paid.v1")) == 1
        assert house.sql("SELECT kind FROM payments.payment_cases") == [("late",)]

    def test_a_paid_order_is_not_cancelled(self, shop: Api, vendor: MortalGateway, buyer: str, place: Place) -> None:
        order_no = place()["order_no"]
        pay(shop, vendor, order_no, buyer)
        assert shop.post(f"/payments/orders/{order_no}/cancel", token=buyer).error == (409, "order_not_pending")
