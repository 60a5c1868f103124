"""Paying through UnionPay, the real handler against the simulator over HTTP: the page that posts, notices, refunds."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from functions.payments.gateways import registry
from functions.payments.gateways.base import Repayment
from functions.payments.gateways.registry import gateway
from functions.payments.gateways.unionpay import UnionpayGateway
from functions.payments.http import handler
from functions.payments.service import attempts, notices, refunds
from shared import clock
from shared.ids import made_at, new_order_no
from shared.money import Money
from shared.sql.connection import reading
from tests.fixtures.api import Api, Reply
from tests.fixtures.postgres import House
from tests.fixtures.sandbox import Merchant, Sandbox
from tests.payments.build import BUYER, PRICE, add_work


@pytest.fixture
def buyer(sign_in: Callable[..., str]) -> str:
    return sign_in(BUYER)


@pytest.fixture
def unionpay(api: Callable[..., Api], notices_queue: str, sandbox: Sandbox, merchant: Merchant) -> Iterator[Api]:
    """The HTTP function in front of the simulator, whose notices are held for the test to deliver."""
    registry.use(UnionpayGateway(sandbox.unionpay(), merchant.url.removesuffix("/notify")))
    yield api(handler, "payments")
    registry.use(None)


@pytest.fixture
def order_no(unionpay: Api, house: House, buyer: str) -> str:
    body = {"kind": "content", "target_id": add_work(house.sql)}
    return str(unionpay.post("/payments/orders", body, token=buyer).data["order_no"])


def start(unionpay: Api, order_no: str, token: str, scene: str = "pc") -> Reply:
    return unionpay.post("/payments/unionpay/create", {"order_no": order_no, "scene": scene}, token=token)


def form_of(page: str) -> tuple[str, dict[str, str]]:
    """What a browser would post from our page."""
    (action,) = re.findall(r'<form method="post" action="([^"]+)">', page)
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return unescape(action), {unescape(name): unescape(value) for name, value in fields}


def look_at(unionpay: Api, pay_url: str, language: str = "en") -> Reply:
    """What is at the address the buyer was given."""
    address = urlsplit(pay_url)
    query = dict(parse_qsl(address.query, keep_blank_values=True))
    path = address.path.removeprefix("/api/v1")
    return unionpay.call("GET", path, query=query, headers={"accept-language": language})


def bring(unionpay: Api, sandbox: Sandbox, pay_url: str) -> httpx.Response:
    """The buyer's browser opens the address, and posts what it finds there."""
    action, fields = form_of(look_at(unionpay, pay_url).text)
    return sandbox.http.post(action, data=fields)


def pay(unionpay: Api, sandbox: Sandbox, order_no: str, token: str, **how: object) -> str:
    """The buyer pays on UnionPay's page; the payment's number."""
    payment = start(unionpay, order_no, token).data
    assert bring(unionpay, sandbox, payment["pay_url"]).status_code == 302
    told = {"order_no": payment["payment_no"], **how}
    sandbox.control("unionpay", "pay", told).raise_for_status()
    return str(payment["payment_no"])


def deliver(unionpay: Api, body: bytes) -> Reply:
    return unionpay.call("POST", "/payments/unionpay/callback", form=body.decode())


def work_off(house: House) -> list[str]:
    """What the queue would deliver; how each notice ended."""
    with house.acting("payments"):
        with reading() as db:
            waiting = db.execute("SELECT id FROM payments.payment_notices WHERE processed_at IS NULL").fetchall()
        for (notice_id,) in waiting:
            notices.process(notice_id)
    return [result for (result,) in house.sql("SELECT result FROM payments.payment_notices ORDER BY id")]


def ask_about_attempts(house: House) -> None:
    """The next run of the query ladder."""
    house.sql("UPDATE payments.payment_transactions SET next_query_at = created_at WHERE next_query_at IS NOT NULL")
    with house.acting("payments"):
        attempts.look_after_due()


def ask_about_refunds(house: House) -> None:
    house.sql("UPDATE payments.payment_refunds SET next_try_at = created_at WHERE next_try_at IS NOT NULL")
    with house.acting("payments"):
        refunds.finish_due()


class TestStarting:
    @pytest.mark.parametrize(
        ("scene", "member", "channel"), [("pc", "pay_url", "07"), ("h5", "pay_url", "08"), ("app", "app_params", None)]
    )
    def test_each_scene_hands_over_what_it_needs(
        self, unionpay: Api, order_no: str, buyer: str, scene: str, member: str, channel: str | None
    ) -> None:
        reply = start(unionpay, order_no, buyer, scene)
        assert reply.status == 201
        given = {name for name in ("qr_code", "pay_url", "app_params") if reply.data[name] is not None}
        assert given == {member}
        assert (reply.data["channel"], reply.data["amount"]) == ("unionpay", PRICE)
        if channel is not None:
            assert dict(parse_qsl(urlsplit(reply.data["pay_url"]).query))["channelType"] == channel
        else:
            assert set(reply.data["app_params"]) == {"tn"}

    def test_starting_again_is_the_same_payment(self, unionpay: Api, order_no: str, buyer: str) -> None:
        assert start(unionpay, order_no, buyer).data == start(unionpay, order_no, buyer).data
        assert start(unionpay, order_no, buyer, "app").data == start(unionpay, order_no, buyer, "app").data

    def test_a_scene_it_does_not_have_is_refused(self, unionpay: Api, order_no: str, buyer: str) -> None:
        assert start(unionpay, order_no, buyer, "qr").error == (422, "validation_error")

    def test_the_address_leads_to_unionpays_page(self, unionpay: Api, sandbox: Sandbox, order_no: str, buyer: str) -> None:
        payment = start(unionpay, order_no, buyer).data
        brought = bring(unionpay, sandbox, payment["pay_url"])
        assert brought.status_code == 302
        cashier = sandbox.http.get(brought.headers["location"])
        assert cashier.status_code == 200
        assert payment["payment_no"] in cashier.text
        (seen,) = sandbox.requests(payment["payment_no"], vendor="unionpay")
        told = seen["request"]
        assert told["txnAmt"] == str(PRICE)
        assert told["txnTime"] == f"{made_at(payment['payment_no']).astimezone(clock.SHANGHAI):%Y%m%d%H%M%S}"
        assert told["backUrl"].endswith("/api/v1/payments/unionpay/callback")

    @pytest.mark.parametrize(("language", "sentence"), [("zh-CN", "继续支付"), ("en", "Continue to payment")])
    def test_the_page_speaks_the_buyers_language_and_runs_no_other_script(
        self, unionpay: Api, order_no: str, buyer: str, language: str, sentence: str
    ) -> None:
        shown = look_at(unionpay, start(unionpay, order_no, buyer).data["pay_url"], language)
        assert sentence in shown.text
        assert "default-src 'none'; script-src 'sha256-" in shown.headers["content-security-policy"]

    def test_the_page_posts_nothing_that_was_not_signed_here(self, unionpay: Api, order_no: str, buyer: str) -> None:
        address = start(unionpay, order_no, buyer).data["pay_url"]
        base, fields = address.split("?")[0], dict(parse_qsl(urlsplit(address).query))
        for change in ({"txnAmt": "1"}, {"merId": "777290058110001"}, {"signature": "AAAA"}, {"x": '"><script>'}):
            shown = look_at(unionpay, f"{base}?{urlencode(fields | change)}")
            assert shown.error == (409, "order_not_payable"), change
        for query in ("", "?a", "?a=%FF", "?a=b"):
            assert look_at(unionpay, f"{base}{query}").error == (409, "order_not_payable")

    def test_the_page_is_gone_when_the_time_to_pay_is_over(self, unionpay: Api, order_no: str, buyer: str) -> None:
        address = start(unionpay, order_no, buyer).data["pay_url"]
        with clock.frozen(clock.now() + timedelta(minutes=29)):
            assert look_at(unionpay, address).status == 200
        with clock.frozen(clock.now() + timedelta(minutes=31)):
            assert look_at(unionpay, address).error == (409, "order_not_payable")

    def test_a_vendor_that_is_down_starts_no_app_payment_and_the_key_may_be_used_again(
        self, unionpay: Api, sandbox: Sandbox, order_no: str, buyer: str
    ) -> None:
        sandbox.behave(vendor="unionpay", gateway="down")
        assert start(unionpay, order_no, buyer, "app").error == (502, "gateway_error")
        sandbox.behave(vendor="unionpay", reset=True)
        assert start(unionpay, order_no, buyer, "app").status == 201


class TestNotices:
    def test_a_paid_order_is_paid_once_however_often_it_is_told(
        self, unionpay: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str
    ) -> None:
        sandbox.behave(vendor="unionpay", notify="duplicate")
        pay(unionpay, sandbox, order_no, buyer)
        first, second = merchant.next(), merchant.next()
        for body in (first, second, first):
            reply = deliver(unionpay, body)
            assert (reply.status, reply.text) == (200, "ok")
            assert reply.headers["content-type"].startswith("text/plain")
        assert work_off(house) == ["settled"]
        assert house.sql("SELECT status, channel FROM payments.payment_orders") == [("paid", "unionpay")]
        assert len(house.facts("payments.order_paid.v1")) == 1
        assert house.sql("SELECT count(*) FROM payments.payment_cases") == [(0,)]

    def test_a_notice_that_waited_past_the_end_of_its_certificate_still_counts(
        self, unionpay: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str
    ) -> None:
        pay(unionpay, sandbox, order_no, buyer)
        body = merchant.next()
        assert deliver(unionpay, body).status == 200
        with clock.frozen(clock.now() + timedelta(days=365 * 30)):
            assert work_off(house) == ["settled"]
            assert deliver(unionpay, body).error == (401, "signature_invalid"), "to come now, it comes too late"
        assert house.sql("SELECT status FROM payments.payment_orders") == [("paid",)]

    @pytest.mark.parametrize(
        "switch", ["wrong_signature", "wrong_chain", "wrong_signer", "expired_signer", "wrong_merchant"]
    )
    def test_what_is_not_unionpays_word_to_us_is_refused_and_kept(
        self, unionpay: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str, switch: str
    ) -> None:
        sandbox.behave(vendor="unionpay", notify=switch)
        pay(unionpay, sandbox, order_no, buyer)
        assert deliver(unionpay, merchant.next()).error == (401, "signature_invalid")
        assert house.sql("SELECT verified FROM payments.payment_notices") == [(False,)]
        assert house.sql("SELECT status FROM payments.payment_orders") == [("pending",)]

    def test_another_amount_settles_nothing_and_is_a_case(
        self, unionpay: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str
    ) -> None:
        sandbox.behave(vendor="unionpay", notify="wrong_amount")
        pay(unionpay, sandbox, order_no, buyer)
        assert deliver(unionpay, merchant.next()).error == (409, "amount_mismatch")
        assert house.sql("SELECT kind FROM payments.payment_cases") == [("amount_mismatch",)]
        assert house.sql("SELECT status FROM payments.payment_orders") == [("pending",)]

    def test_a_silent_vendor_is_asked(
        self, unionpay: Api, house: House, sandbox: Sandbox, order_no: str, buyer: str
    ) -> None:
        sandbox.behave(vendor="unionpay", notify="silent")
        pay(unionpay, sandbox, order_no, buyer)
        ask_about_attempts(house)
        assert house.sql("SELECT status FROM payments.payment_orders") == [("paid",)]

    def test_a_declined_card_ends_the_attempt_and_the_buyer_may_start_another(
        self, unionpay: Api, house: House, sandbox: Sandbox, order_no: str, buyer: str
    ) -> None:
        first = pay(unionpay, sandbox, order_no, buyer, declined="51")
        ask_about_attempts(house)
        assert house.sql("SELECT status FROM payments.payment_transactions") == [("closed",)]
        second = pay(unionpay, sandbox, order_no, buyer)
        assert second != first
        ask_about_attempts(house)
        assert house.sql("SELECT status, payment_no FROM payments.payment_orders") == [("paid", second)]


class TestClosing:
    def test_a_cancelled_order_is_asked_about_once_more_after_the_time_to_pay(
        self, unionpay: Api, house: House, sandbox: Sandbox, order_no: str, buyer: str
    ) -> None:
        payment = start(unionpay, order_no, buyer).data
        assert unionpay.post(f"/payments/orders/{order_no}/cancel", token=buyer).status == 200
        ((status, due),) = house.sql("SELECT status, next_query_at FROM payments.payment_transactions")
        assert status == "closed"
        assert due >= clock.now() + timedelta(minutes=29), "UnionPay takes money for it until then"
        bring(unionpay, sandbox, payment["pay_url"])
        sandbox.behave(vendor="unionpay", notify="silent")
        sandbox.pay(payment["payment_no"], vendor="unionpay")
        ask_about_attempts(house)
        assert house.sql("SELECT status FROM payments.payment_orders") == [("paid",)]

    def test_paying_while_the_order_is_cancelled_is_settled_late(
        self, unionpay: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str
    ) -> None:
        pay(unionpay, sandbox, order_no, buyer)
        assert unionpay.post(f"/payments/orders/{order_no}/cancel", token=buyer).status == 200
        assert deliver(unionpay, merchant.next()).status == 200
        work_off(house)
        assert house.sql("SELECT status FROM payments.payment_orders") == [("paid",)]


class TestRefunds:
    @pytest.fixture
    def paid(self, unionpay: Api, house: House, sandbox: Sandbox, merchant: Merchant, order_no: str, buyer: str) -> str:
        number = pay(unionpay, sandbox, order_no, buyer)
        deliver(unionpay, merchant.next())
        work_off(house)
        return number

    @pytest.fixture
    def give_back(
        self, unionpay: Api, order_no: str, buyer: str, sign_in: Callable[..., str], paid: str
    ) -> Callable[..., Reply]:
        def give(amount: int | None = None) -> Reply:
            wanted = {"reason": "changed my mind"} | ({} if amount is None else {"amount": amount})
            asked = unionpay.post(f"/payments/refund/{order_no}", wanted, token=buyer).data
            path = f"/admin/payments/refunds/{asked['refund_id']}/process"
            operator = sign_in(9, permissions=("payment:write",))
            return unionpay.post(path, {"action": "approve"}, token=operator)

        return give

    def sent(self, sandbox: Sandbox) -> int:
        """How often a refund was sent."""
        return sum(one["what"] == "backTransReq.do" for one in sandbox.requests(vendor="unionpay"))

    def test_two_parts_go_back_each_under_its_own_number(
        self, house: House, give_back: Callable[..., Reply], sandbox: Sandbox
    ) -> None:
        assert give_back(100).data["status"] == "succeeded"
        assert house.sql("SELECT status FROM payments.payment_orders") == [("partially_refunded",)]
        assert give_back().data["status"] == "succeeded"
        assert house.sql("SELECT status, refunded_amount FROM payments.payment_orders") == [("refunded", PRICE)]
        assert self.sent(sandbox) == 2

    def test_its_own_notice_credits_nothing_and_opens_no_case(
        self,
        unionpay: Api,
        house: House,
        give_back: Callable[..., Reply],
        merchant: Merchant,
    ) -> None:
        give_back()
        body = merchant.next()
        while b"txnType=04" not in body:
            body = merchant.next()
        assert deliver(unionpay, body).status == 200
        work_off(house)
        assert house.sql("SELECT status FROM payments.payment_orders") == [("refunded",)]
        assert house.sql("SELECT count(*) FROM payments.payment_cases") == [(0,)]

    def test_one_made_at_unionpays_own_console_is_a_case_each(
        self, unionpay: Api, house: House, merchant: Merchant, paid: str, order_no: str
    ) -> None:
        ((query_id,),) = house.sql("SELECT gateway_no FROM payments.payment_transactions")
        numbers = [new_order_no(), new_order_no()]
        for number in numbers:
            gateway("unionpay").refund(Repayment("", number, Money(300), "by hand", Money(PRICE), query_id))
            body = merchant.next()
            while number.encode() not in body:
                body = merchant.next()
            assert deliver(unionpay, body).text == "ok"
            work_off(house)
        found = house.sql("SELECT kind, reference, order_no, amount FROM payments.payment_cases ORDER BY case_id")
        assert found == [("foreign_refund", number, order_no, 300) for number in numbers]
        assert house.sql("SELECT status FROM payments.payment_orders") == [("paid",)], "a person says what holds"

    def test_one_under_way_is_asked_about_until_it_is_made(
        self, house: House, give_back: Callable[..., Reply], sandbox: Sandbox
    ) -> None:
        sandbox.behave(vendor="unionpay", refund="processing")
        assert give_back().data["status"] == "processing"
        ask_about_refunds(house)
        assert house.sql("SELECT status FROM payments.payment_refunds") == [("succeeded",)]
        assert self.sent(sandbox) == 1, "it was sent once, and asked about after that"

    def test_one_whose_answer_was_lost_is_asked_about(
        self, house: House, give_back: Callable[..., Reply], sandbox: Sandbox
    ) -> None:
        sandbox.behave(vendor="unionpay", refund="unknown_then_success")
        assert give_back().data["status"] == "processing"
        ask_about_refunds(house)
        assert house.sql("SELECT status FROM payments.payment_refunds") == [("succeeded",)]
        assert self.sent(sandbox) == 1

    @pytest.mark.parametrize("switch", ["fail", "failed_later"])
    def test_one_that_fails_gives_the_order_back(
        self, house: House, give_back: Callable[..., Reply], sandbox: Sandbox, switch: str
    ) -> None:
        sandbox.behave(vendor="unionpay", refund=switch)
        assert give_back().error == (502, "gateway_error")
        assert house.sql("SELECT status FROM payments.payment_refunds") == [("failed",)]
        assert house.sql("SELECT status FROM payments.payment_orders") == [("paid",)]
