"""Paying through Alipay, the real handler against the simulator over HTTP: signatures, notices, outages."""

from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, urlencode

import pytest

from functions.payments.gateways import registry
from functions.payments.gateways.alipay import AlipayGateway
from functions.payments.http import handler
from functions.payments.service import notices
from shared import aws, clock
from shared.sql.connection import reading
from tests.fixtures.api import Api, Reply
from tests.fixtures.postgres import House
from tests.fixtures.sandbox import Merchant, Sandbox
from tests.payments.build import BUYER, PRICE, add_work

FRAME = 4


@pytest.fixture
def buyer(sign_in: Callable[..., str]) -> str:
    return sign_in(BUYER)


@pytest.fixture
def alipay(api: Callable[..., Api], notices_queue: str, sandbox: Sandbox, merchant: Merchant) -> Iterator[Api]:
    """The HTTP function in front of the simulator, whose notices are held for the test to deliver."""
    registry.use(AlipayGateway(sandbox.alipay(), merchant.url.removesuffix("/notify")))
    yield api(handler, "payments")
    registry.use(None)


@pytest.fixture
def order_no(alipay: Api, house: House, buyer: str) -> str:
    body = {"kind": "content", "target_id": add_work(house.sql)}
    return str(alipay.post("/payments/orders", body, token=buyer).data["order_no"])


def start(alipay: Api, order_no: str, token: str, scene: str = "qr", **options: object) -> Reply:
    return alipay.post("/payments/alipay/create", {"order_no": order_no, "scene": scene}, token=token, **options)


def deliver(alipay: Api, body: bytes) -> Reply:
    return alipay.post("/payments/alipay/callback", form=body.decode())


def work_off(house: House) -> None:
    """What the queue would deliver."""
    with house.acting("payments"):
        with reading() as db:
            waiting = db.execute("SELECT id FROM payments.payment_notices WHERE processed_at IS NULL").fetchall()
        for (notice_id,) in waiting:
            notices.process(notice_id)


def changed(body: bytes, **fields: str) -> bytes:
    return urlencode(dict(parse_qsl(body.decode(), keep_blank_values=True)) | fields).encode()


class TestStarting:
    def test_nobody_pays_without_signing_in_or_for_someone_else(
        self, alipay: Api, order_no: str, sign_in: Callable[..., str]
    ) -> None:
        assert alipay.post("/payments/alipay/create", {"order_no": order_no}).error == (401, "unauthenticated")
        assert start(alipay, order_no, sign_in(7)).error == (404, "order_not_found")
        assert start(alipay, "NONE", sign_in(7)).error == (404, "order_not_found")

    def test_a_code_to_scan_is_the_vendors_and_the_attempt_is_stored(
        self, alipay: Api, house: House, sandbox: Sandbox, order_no: str, buyer: str
    ) -> None:
        reply = start(alipay, order_no, buyer)
        assert reply.status == 201
        payment = reply.data
        assert set(payment) == {
            "payment_no",
            "order_no",
            "channel",
            "amount",
            "pay_url",
            "qr_code",
            "app_params",
            "expires_at",
        }
        assert (payment["order_no"], payment["channel"], payment["amount"]) == (order_no, "alipay", PRICE)
        assert payment["qr_code"].startswith(sandbox.url)
        assert house.sql("SELECT payment_no, order_no, status, qr_code FROM payments.payment_transactions") == [
            (payment["payment_no"], order_no, "created", payment["qr_code"])
        ]
        ((expires_at,),) = house.sql("SELECT expires_at FROM payments.payment_orders")
        assert payment["expires_at"] == clock.rfc3339(expires_at)

    def test_a_page_is_asked_for_without_a_call_and_sends_the_buyer_back(
        self, alipay: Api, sandbox: Sandbox, order_no: str, buyer: str
    ) -> None:
        body = {"order_no": order_no, "return_url": "https://shop.example/done?a=1"}
        payment = alipay.post("/payments/alipay/create", body, token=buyer).data
        assert sandbox.requests(payment["payment_no"]) == []
        assert "shop.example" in payment["pay_url"]
        assert sandbox.http.get(payment["pay_url"]).status_code == 200
        assert sandbox.pay(payment["payment_no"])["amount"] == PRICE

    def test_a_buyer_may_start_again_and_gets_the_attempt_that_lives(
        self, alipay: Api, house: House, sandbox: Sandbox, order_no: str, buyer: str
    ) -> None:
        first, again, page = (
            start(alipay, order_no, buyer),
            start(alipay, order_no, buyer),
            start(alipay, order_no, buyer, "pc"),
        )
        assert again.data == first.data
        assert page.data["payment_no"] != first.data["payment_no"]
        assert house.sql("SELECT count(*) FROM payments.payment_transactions") == [(2,)]
        assert len(sandbox.requests(first.data["payment_no"])) == 1, "the code was kept"

    def test_the_same_key_gets_the_same_answer_and_another_body_a_conflict_before_anything_is_done(
        self, alipay: Api, house: House, order_no: str, buyer: str
    ) -> None:
        key = {"Idempotency-Key": "k"}
        first = start(alipay, order_no, buyer, headers=key)
        again = start(alipay, order_no, buyer, headers=key)
        assert (again.status, again.text, again.headers["idempotent-replay"]) == (201, first.text, "true")
        assert start(alipay, order_no, buyer, "pc", headers=key).error == (409, "idempotency_conflict")
        assert house.sql("SELECT count(*) FROM payments.payment_transactions") == [(1,)]

    def test_when_the_vendor_is_down_the_same_key_may_try_again(
        self, alipay: Api, house: House, sandbox: Sandbox, order_no: str, buyer: str
    ) -> None:
        sandbox.behave(gateway="down")
        key = {"Idempotency-Key": "k"}
        assert start(alipay, order_no, buyer, headers=key).error == (502, "gateway_error")
        sandbox.behave(gateway="up")
        payment = start(alipay, order_no, buyer, headers=key).data
        assert house.sql("SELECT payment_no FROM payments.payment_transactions") == [(payment["payment_no"],)]

    def test_an_order_that_is_over_cannot_be_paid(self, alipay: Api, house: House, order_no: str, buyer: str) -> None:
        house.sql("UPDATE payments.payment_orders SET expires_at = created_at")
        assert start(alipay, order_no, buyer).error == (409, "order_not_payable"), "late, though not yet swept"
        alipay.post(f"/payments/orders/{order_no}/cancel", token=buyer)
        assert start(alipay, order_no, buyer).error == (409, "order_not_payable")

    def test_a_channel_that_is_switched_off_takes_no_payment(
        self, alipay: Api, house: House, order_no: str, buyer: str
    ) -> None:
        house.sql(
            "INSERT INTO admin.system_settings (key, value, updated_at) VALUES ('payment.enabled_channels', '[\"usdt\"]', now())"
        )
        from shared.sql.tunables import forget_tunables

        forget_tunables()
        assert start(alipay, order_no, buyer).error == (409, "order_not_payable")

    def test_the_eleventh_order_within_ten_minutes_is_stopped_by_risk_control(
        self, alipay: Api, house: House, order_no: str, buyer: str
    ) -> None:
        for _ in range(9):
            alipay.post("/payments/orders", {"kind": "content", "target_id": add_work(house.sql)}, token=buyer)
        assert start(alipay, order_no, buyer).status == 201
        alipay.post("/payments/orders", {"kind": "content", "target_id": add_work(house.sql)}, token=buyer)
        assert start(alipay, order_no, buyer, "pc").error == (403, "risk_rejected")

    @pytest.mark.parametrize(
        "body", [{}, {"scene": "tv"}, {"return_url": "javascript:alert(1)"}, {"return_url": "https://" + "a" * 300}]
    )
    def test_bad_input_is_refused(self, alipay: Api, order_no: str, buyer: str, body: dict[str, str]) -> None:
        sent = body and body | {"order_no": order_no}
        assert alipay.post("/payments/alipay/create", sent, token=buyer).error == (422, "validation_error")

    def test_it_takes_three_statements_one_more_for_a_code_and_three_more_with_a_key(
        self, alipay: Api, house: House, buyer: str
    ) -> None:
        counts = []
        for scene, headers in (("pc", {}), ("qr", {}), ("qr", {"Idempotency-Key": "k"})):
            body = {"kind": "content", "target_id": add_work(house.sql)}
            order_no = alipay.post("/payments/orders", body, token=buyer).data["order_no"]
            before = house.db.statements
            start(alipay, order_no, buyer, scene, headers=headers)
            counts.append(house.db.statements - before - FRAME)
        assert counts == [3, 4, 7]


class TestCallback:
    def test_a_signed_notice_is_answered_with_the_one_word_and_settles_the_order(
        self, alipay: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str
    ) -> None:
        sandbox.pay(start(alipay, order_no, buyer).data["payment_no"])
        reply = deliver(alipay, merchant.next())
        assert (reply.status, reply.text) == (200, "success")
        assert reply.headers["content-type"].startswith("text/plain")
        work_off(house)
        order = alipay.get(f"/payments/status/{order_no}", token=buyer).data
        assert (order["status"], order["channel"], order["transactions"][0]["status"]) == ("paid", "alipay", "succeeded")
        ((notify_id, payload),) = house.sql("SELECT notify_id, payload FROM payments.payment_transactions")
        assert notify_id
        assert payload.startswith("v1:")

    def test_every_resend_is_answered_and_settles_nothing_again(
        self, alipay: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str
    ) -> None:
        sandbox.behave(notify="duplicate")
        sandbox.pay(start(alipay, order_no, buyer).data["payment_no"])
        first, second = merchant.next(), merchant.next()
        for body in (first, second, first):
            assert deliver(alipay, body).text == "success"
            work_off(house)
        assert len(house.facts("payments.order_paid.v1")) == 1
        assert house.sql("SELECT count(*) FROM payments.payment_notices") == [(1,)]

    @pytest.mark.parametrize("switch", ["wrong_signature", "wrong_app_id"])
    def test_what_alipay_did_not_sign_for_us_is_not_believed(
        self, alipay: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str, switch: str
    ) -> None:
        sandbox.behave(notify=switch)
        sandbox.pay(start(alipay, order_no, buyer).data["payment_no"])
        assert deliver(alipay, merchant.next()).error == (401, "signature_invalid")
        work_off(house)
        assert house.sql("SELECT status FROM payments.payment_orders") == [("pending",)]
        assert house.sql("SELECT verified, processed_at IS NOT NULL FROM payments.payment_notices") == [(False, True)]

    @pytest.mark.parametrize(
        "fields",
        [
            {"total_amount": "0.01"},
            {"out_trade_no": "OTHER"},
            {"trade_status": "TRADE_FINISHED"},
            {"sign": ""},
            {"new": "1"},
        ],
    )
    def test_a_notice_changed_on_its_way_is_not_believed(
        self,
        alipay: Api,
        house: House,
        sandbox: Sandbox,
        merchant: Merchant,
        order_no: str,
        buyer: str,
        fields: dict[str, str],
    ) -> None:
        sandbox.pay(start(alipay, order_no, buyer).data["payment_no"])
        assert deliver(alipay, changed(merchant.next(), **fields)).error == (401, "signature_invalid")
        assert house.facts("payments.order_paid.v1") == []

    def test_another_amount_is_a_conflict_and_a_case(
        self, alipay: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str
    ) -> None:
        sandbox.behave(notify="wrong_amount")
        sandbox.pay(start(alipay, order_no, buyer).data["payment_no"])
        body = merchant.next()
        for _ in range(2):
            assert deliver(alipay, body).error == (409, "amount_mismatch")
        assert house.sql("SELECT kind, amount FROM payments.payment_cases") == [("amount_mismatch", PRICE + 100)]
        assert house.sql("SELECT status FROM payments.payment_orders") == [("pending",)]

    def test_a_payment_we_do_not_know_is_not_found_and_a_case(
        self, alipay: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str
    ) -> None:
        payment_no = start(alipay, order_no, buyer).data["payment_no"]
        sandbox.pay(payment_no)
        house.sql("DELETE FROM payments.payment_transactions")
        assert deliver(alipay, merchant.next()).error == (404, "order_not_found")
        assert house.sql("SELECT kind, reference FROM payments.payment_cases") == [("unknown_payment", payment_no)]

    @pytest.mark.parametrize("body", ["", "x", "notify_id=%00&sign=1", "a=1&a=2", "notify_id=" + "9" * 500])
    def test_nonsense_is_stored_and_refused(self, alipay: Api, house: House, body: str) -> None:
        assert alipay.post("/payments/alipay/callback", form=body).error == (401, "signature_invalid")
        assert house.sql("SELECT count(*) FROM payments.payment_notices") == [(1,)]

    def test_a_flood_is_not_stored(self, alipay: Api, house: House) -> None:
        reply = alipay.post("/payments/alipay/callback", form="a=" + "1" * 70_000)
        assert reply.error == (413, "payload_too_large")
        assert house.sql("SELECT count(*) FROM payments.payment_notices") == [(0,)]

    def test_a_notice_of_a_refund_that_overtakes_that_of_the_payment_does_no_harm(
        self,
        alipay: Api,
        house: House,
        sandbox: Sandbox,
        merchant: Merchant,
        order_no: str,
        buyer: str,
        sign_in: Callable[..., str],
    ) -> None:
        sandbox.behave(notify="out_of_order")
        sandbox.pay(start(alipay, order_no, buyer).data["payment_no"])
        alipay.post(f"/payments/verify/{order_no}", token=buyer)
        refund = alipay.post(f"/payments/refund/{order_no}", {"reason": "r"}, token=buyer).data
        staff = sign_in(9, permissions=("payment:write",))
        done = alipay.post(f"/admin/payments/refunds/{refund['refund_id']}/process", {"action": "approve"}, token=staff)
        assert done.data["status"] == "succeeded"
        for _ in range(2):
            assert deliver(alipay, merchant.next()).text == "success"
            work_off(house)
        assert house.sql("SELECT status FROM payments.payment_orders") == [("refunded",)]
        assert len(house.facts("payments.order_paid.v1")) == 1
        assert len(house.facts("payments.refund_succeeded.v1")) == 1
        assert house.sql("SELECT kind FROM payments.payment_cases") == []

    def test_the_queue_gets_its_number(
        self, alipay: Api, sandbox: Sandbox, merchant: Merchant, notices_queue: str, order_no: str, buyer: str
    ) -> None:
        sandbox.pay(start(alipay, order_no, buyer).data["payment_no"])
        deliver(alipay, merchant.next())
        assert len(aws.client("sqs").receive_message(QueueUrl=notices_queue)["Messages"]) == 1

    def test_it_takes_two_statements(
        self, alipay: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str
    ) -> None:
        sandbox.pay(start(alipay, order_no, buyer).data["payment_no"])
        body = merchant.next()
        before = house.db.statements
        deliver(alipay, body)
        assert house.db.statements - before - FRAME == 2


class TestOutages:
    def test_a_buyer_who_paid_while_no_notice_came_is_settled_by_asking(
        self, alipay: Api, house: House, sandbox: Sandbox, order_no: str, buyer: str
    ) -> None:
        sandbox.behave(notify="silent")
        sandbox.pay(start(alipay, order_no, buyer).data["payment_no"])
        verified = alipay.post(f"/payments/verify/{order_no}", token=buyer).data
        assert (verified["gateway_status"], verified["changed"]) == ("TRADE_SUCCESS", True)

    def test_down_and_up_again(self, alipay: Api, house: House, sandbox: Sandbox, order_no: str, buyer: str) -> None:
        payment_no = start(alipay, order_no, buyer).data["payment_no"]
        sandbox.pay(payment_no)
        sandbox.behave(gateway="down")
        assert alipay.post(f"/payments/verify/{order_no}", token=buyer).error == (502, "gateway_error")
        sandbox.behave(gateway="up")
        assert alipay.post(f"/payments/verify/{order_no}", token=buyer).data["order"]["status"] == "paid"

    def test_a_refund_whose_outcome_was_lost_moves_money_once(
        self, alipay: Api, house: House, sandbox: Sandbox, order_no: str, buyer: str, sign_in: Callable[..., str]
    ) -> None:
        sandbox.pay(start(alipay, order_no, buyer).data["payment_no"])
        alipay.post(f"/payments/verify/{order_no}", token=buyer)
        refund = alipay.post(f"/payments/refund/{order_no}", {"amount": 900, "reason": "r"}, token=buyer).data
        sandbox.behave(gateway="unknown_once")
        staff = sign_in(9, permissions=("payment:write",))
        path = f"/admin/payments/refunds/{refund['refund_id']}/process"
        assert alipay.post(path, {"action": "approve"}, token=staff).data["status"] == "processing"
        from datetime import timedelta

        from functions.payments.service import refunds

        with house.acting("payments"), clock.frozen(clock.now() + timedelta(minutes=2)):
            assert refunds.finish_due() == 1
        assert house.sql("SELECT status, refunded_amount FROM payments.payment_orders") == [("partially_refunded", 900)]
        (trade,) = sandbox.http.get("/_control/alipay/trades").json()["items"]
        assert trade["refunded"] == 900
