"""The wires of withholding: published vectors, an independent library in either part, and what must not be believed."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from alipay import AliPay

from shared import clock
from shared.ids import new_order_no
from shared.money import Money
from shared.vendors import wechat_v2
from shared.vendors.alipay import Order
from shared.vendors.alipay_agreements import AlipayAgreements, Offer, verify_notice
from shared.vendors.alipay_config import AlipayConfig
from shared.vendors.alipay_notify import NotificationRefusedError, form_pairs
from shared.vendors.alipay_results import Done, Refused, Unknown
from shared.vendors.outcome import Declined
from shared.vendors.outcome import Done as Did
from shared.vendors.outcome import Unknown as Unheard
from shared.vendors.wechat_config import WechatConfig
from shared.vendors.wechat_papay import DebitOrder, DebitState, WechatPapay, verify_contract_notice, verify_debit_notice
from shared.vendors.wechat_sign import NotSignedError
from tests.fixtures.sandbox import Merchant, Sandbox

# The example of WeChat's own page on signatures.
PUBLISHED = {
    "appid": "wxd930ea5d5a258f4f",
    "mch_id": "10000100",
    "device_info": "1000",
    "body": "test",
    "nonce_str": "ibuaiVcKdpRxkhJA",
}
PUBLISHED_KEY = "192006250b4c09247ec02edce69f6a2d"


@pytest.mark.parametrize(
    ("how", "signature"),
    [
        ("MD5", "9A0A8659F005D6984697E2CA0A9CF3B7"),
        ("HMAC-SHA256", "6A9AE1657590FD6257D693A078E1C3E4BB6BA4DC30B23E0EE2496E54170DACD6"),
    ],
)
def test_the_older_wire_signs_as_published(how: Any, signature: str) -> None:
    assert wechat_v2.sign(PUBLISHED, PUBLISHED_KEY, how) == signature
    assert wechat_v2.sign(PUBLISHED | {"detail": "", "sign": "x"}, PUBLISHED_KEY, how) == signature
    assert wechat_v2.is_signed(PUBLISHED | {"sign": signature}, PUBLISHED_KEY)
    assert not wechat_v2.is_signed(PUBLISHED | {"sign": signature, "body": "tost"}, PUBLISHED_KEY)
    assert not wechat_v2.is_signed(PUBLISHED | {"sign": signature[:-1]}, PUBLISHED_KEY)
    unkeyed = PUBLISHED | {"sign": wechat_v2.sign(PUBLISHED, "", how)}
    assert not wechat_v2.is_signed(unkeyed, "")


def test_the_older_wire_reads_flat_documents_and_nothing_else() -> None:
    read = wechat_v2.read(b"<xml>\n <a><![CDATA[1 <2> & 3]]></a>\n<b>x &amp; y</b><c/></xml>".replace(b"<c/>", b"<c></c>"))
    assert read == {"a": "1 <2> & 3", "b": "x & y", "c": ""}
    assert wechat_v2.read(wechat_v2.written({"a": "<&>", "b": "中"}).encode()) == {"a": "<&>", "b": "中"}
    for bad in (
        b"",
        b"<xml><a>1</a><a>2</a></xml>",
        b"<xml><a><b>1</b></a></xml>",
        b'<!DOCTYPE x [<!ENTITY e "v">]><xml><a>&e;</a></xml>',
        b"<xml><a>1</b></xml>",
        b"\xff",
        b"<xml>" + b"<a>1</a>" * 10_000 + b"</xml>",
    ):
        with pytest.raises(ValueError, match=r"not (the|a flat) XML|codec"):
            wechat_v2.read(bad)


class Alipay:
    """Our client and its peer, before the same simulator."""

    def __init__(self, sandbox: Sandbox, merchant: Merchant) -> None:
        self.sandbox, self.merchant = sandbox, merchant
        self.client = AlipayAgreements(AlipayConfig.from_secret(sandbox.secret()))
        told = sandbox.http.get("/alipay/credentials").json()
        self.peer = AliPay(
            appid=told["app_id"],
            app_private_key_string=f"-----BEGIN PRIVATE KEY-----\n{told['app_private_key']}\n-----END PRIVATE KEY-----",
            alipay_public_key_string=f"-----BEGIN PUBLIC KEY-----\n{told['alipay_public_key']}\n-----END PUBLIC KEY-----",
        )
        self.peer._gateway = told["gateway_url"]
        self.number = new_order_no()

    def offer(self) -> Offer:
        due = (clock.now() + timedelta(days=2)).astimezone(clock.SHANGHAI).date()
        return Offer(
            external_no=self.number,
            single_amount=Money(2900),
            period_months=1,
            debit_day=due if due.day <= 28 else due.replace(day=28),
            account="100001",
            notify_url=self.merchant.url,
            return_url="https://shop.example/",
            at=clock.now(),
        )

    def open(self, query: str) -> str:
        return self.sandbox.http.get(f"/alipay/gateway.do?{query}").text

    def signed(self) -> str:
        """The buyer agrees on our page; Alipay's number."""
        assert "¥29.00" in self.open(urlsplit(self.client.sign_url(self.offer())).query)
        told = self.sandbox.control("alipay", "sign", {"external_no": self.number}).raise_for_status().json()
        return str(told["agreement_no"])

    def order(self, amount: int = 2900) -> Order:
        ends = clock.now() + timedelta(hours=1)
        return Order(new_order_no(), Money(amount), "会员", self.merchant.url, ends, "ORDER1")


@pytest.fixture
def alipay(sandbox: Sandbox, merchant: Merchant) -> Alipay:
    return Alipay(sandbox, merchant)


class TestAlipay:
    def test_an_agreement_goes_its_whole_way(self, alipay: Alipay) -> None:
        assert alipay.client.query(alipay.number) == Done(None)
        theirs = alipay.signed()
        notice = verify_notice(alipay.client.config, form_pairs(alipay.merchant.next()))
        assert (notice.external_no, notice.agreement_no, notice.kind) == (alipay.number, theirs, "signed")
        found = alipay.client.query(alipay.number)
        assert isinstance(found, Done)
        assert found.value is not None
        assert (found.value.agreement_no, found.value.in_force) == (theirs, True)

        order = alipay.order()
        paid = alipay.client.pay(order, theirs)
        assert isinstance(paid, Done)
        assert paid.value.amount == Money(2900)
        again = alipay.client.pay(order, theirs)
        assert isinstance(again, Refused)
        assert again.sub_code == "ACQ.TRADE_HAS_SUCCESS"
        second = alipay.client.pay(alipay.order(), theirs)
        assert isinstance(second, Refused)
        assert second.sub_code == "ACQ.CYCLE_PAY_DATE_NOT_MATCH"

        assert alipay.client.unsign(alipay.number, theirs, notify_url=alipay.merchant.url) == Done(None)
        assert alipay.client.unsign(alipay.number, theirs, notify_url=alipay.merchant.url) == Done(None)
        alipay.merchant.next()
        ended = verify_notice(alipay.client.config, form_pairs(alipay.merchant.next()))
        assert (ended.kind, ended.agreement_no) == ("ended", theirs)
        assert alipay.client.query(alipay.number) == Done(None)
        refused = alipay.client.pay(alipay.order(), theirs)
        assert isinstance(refused, Refused)
        assert refused.sub_code == "ACQ.AGREEMENT_INVALID"

    def test_the_same_offer_has_the_same_address(self, alipay: Alipay) -> None:
        offer = alipay.offer()
        assert alipay.client.sign_url(offer) == alipay.client.sign_url(offer)

    def test_the_peer_believes_what_we_sign_and_we_what_the_peer_is_told(self, alipay: Alipay) -> None:
        told = alipay.sandbox.http.get("/alipay/credentials").json()
        ours = dict(parse_qsl(urlsplit(alipay.client.sign_url(alipay.offer())).query, keep_blank_values=True))
        assert ours["method"] == "alipay.user.agreement.page.sign"
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

        pem = f"-----BEGIN PRIVATE KEY-----\n{told['app_private_key']}\n-----END PRIVATE KEY-----"
        public = load_pem_private_key(pem.encode(), None).public_key()
        reader = AliPay(
            appid=told["app_id"],
            app_private_key_string=pem,
            alipay_public_key_string=public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        )
        signature = ours.pop("sign")
        message = "&".join(f"{name}={value}" for name, value in sorted(ours.items()))
        assert reader._verify(message, signature)
        assert not reader._verify(message + "x", signature)

        theirs = alipay.signed()
        fields = dict(parse_qsl(alipay.merchant.next().decode(), keep_blank_values=True))
        claimed = fields.pop("sign")
        assert alipay.peer.verify(dict(fields), claimed)
        assert not alipay.peer.verify(fields | {"agreement_no": "1"}, claimed)
        biz = {
            "external_agreement_no": alipay.number,
            "personal_product_code": "CYCLE_PAY_AUTH_P",
            "sign_scene": "INDUSTRY|DIGITAL_MEDIA",
        }
        assert alipay.peer.server_api("alipay.user.agreement.query", biz)["agreement_no"] == theirs

    def test_forged_notices_are_not_believed(self, alipay: Alipay) -> None:
        alipay.sandbox.behave(notify="wrong_signature")
        alipay.signed()
        forged = form_pairs(alipay.merchant.next())
        with pytest.raises(NotificationRefusedError, match="signature"):
            verify_notice(alipay.client.config, forged)

    @pytest.mark.parametrize(
        ("switch", "code"),
        [("insufficient", "ACQ.BUYER_BALANCE_NOT_ENOUGH"), ("limit", "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR")],
    )
    def test_the_next_debit_is_refused_and_the_one_after_it_is_not(self, alipay: Alipay, switch: str, code: str) -> None:
        theirs = alipay.signed()
        alipay.sandbox.behave(debit=switch)
        refused = alipay.client.pay(alipay.order(), theirs)
        assert isinstance(refused, Refused)
        assert refused.sub_code == code
        alipay.sandbox.behave(gateway="unknown_once")
        order = alipay.order()
        assert isinstance(alipay.client.pay(order, theirs), Unknown)
        assert isinstance(alipay.client.pay(order, theirs), Refused)


class Wechat:
    """Our client before the simulator."""

    def __init__(self, sandbox: Sandbox, merchant: Merchant) -> None:
        self.sandbox, self.merchant = sandbox, merchant
        self.config = WechatConfig.from_secret(sandbox.secret("wechat"))
        self.client = WechatPapay(self.config)
        self.number = new_order_no()

    def signed(self) -> str:
        address = self.client.sign_url(
            contract_code=self.number, serial=7, account="100001", notify_url=self.merchant.url, at=clock.now()
        )
        assert "同意并签约" in self.sandbox.http.get(address.removeprefix(self.sandbox.url)).text
        told = self.sandbox.control("wechat", "sign", {"external_no": self.number}).raise_for_status().json()
        return str(told["agreement_no"])

    def order(self, contract_id: str) -> DebitOrder:
        return DebitOrder(new_order_no(), Money(2900), "会员 & 更多", "ORDER1", contract_id, self.merchant.url)


@pytest.fixture
def wechat(sandbox: Sandbox, merchant: Merchant) -> Wechat:
    merchant.answers.extend([(200, wechat_v2.ACKNOWLEDGED.encode())] * 20)
    return Wechat(sandbox, merchant)


class TestWechat:
    def test_a_contract_goes_its_whole_way(self, wechat: Wechat) -> None:
        assert wechat.client.query_contract(wechat.number) == Did(None)
        theirs = wechat.signed()
        notice = verify_contract_notice(wechat.config, wechat.merchant.next())
        assert (notice.contract_code, notice.contract_id, notice.kind) == (wechat.number, theirs, "signed")
        found = wechat.client.query_contract(wechat.number)
        assert isinstance(found, Did)
        assert found.value is not None
        assert (found.value.contract_id, found.value.in_force) == (theirs, True)
        assert abs(found.value.signed_at - clock.now()) < timedelta(minutes=1)  # type: ignore[operator]  # it is signed

        order = wechat.order(theirs)
        assert wechat.client.query(order.out_trade_no) == Did(None)
        assert wechat.client.apply(order) == Did(None)
        paid = verify_debit_notice(wechat.config, wechat.merchant.next())
        assert (paid.out_trade_no, paid.state, paid.amount) == (order.out_trade_no, DebitState.SUCCESS, Money(2900))
        assert wechat.client.query(order.out_trade_no) == Did(paid)
        again = wechat.client.apply(order)
        assert isinstance(again, Declined)
        assert again.code == "ORDERPAID"

        assert wechat.client.delete_contract(wechat.number) == Did(None)
        assert wechat.client.delete_contract(wechat.number) == Did(None)
        ended = verify_contract_notice(wechat.config, wechat.merchant.next())
        assert (ended.kind, ended.contract_id) == ("ended", theirs)
        over = wechat.client.query_contract(wechat.number)
        assert isinstance(over, Did)
        assert over.value is not None
        assert not over.value.in_force

    def test_a_debit_that_took_nothing_says_why(self, wechat: Wechat) -> None:
        theirs = wechat.signed()
        wechat.merchant.next()
        wechat.sandbox.behave(vendor="wechat", debit="insufficient")
        order = wechat.order(theirs)
        assert wechat.client.apply(order) == Did(None)
        told = verify_debit_notice(wechat.config, wechat.merchant.next())
        assert (told.state, told.code) == (DebitState.PAY_FAIL, "NOTENOUGH")
        assert wechat.client.query(order.out_trade_no) == Did(told)

    @pytest.mark.parametrize(
        ("switch", "reason"), [("wrong_signature", "signature"), ("wrong_merchant", "another merchant's")]
    )
    def test_forged_notices_are_not_believed(self, wechat: Wechat, switch: str, reason: str) -> None:
        wechat.sandbox.behave(vendor="wechat", notify=switch)
        wechat.signed()
        with pytest.raises(NotSignedError, match=reason):
            verify_contract_notice(wechat.config, wechat.merchant.next())

    @pytest.mark.parametrize("switch", ["down", "error", "wrong_signature", "unknown_once"])
    def test_an_answer_that_proves_nothing_is_no_answer(self, wechat: Wechat, switch: str) -> None:
        theirs = wechat.signed()
        wechat.sandbox.behave(vendor="wechat", gateway=switch)
        assert isinstance(wechat.client.apply(wechat.order(theirs)), Unheard)

    def test_a_secret_without_the_older_key_withholds_nothing(self, wechat: Wechat) -> None:
        import dataclasses

        with pytest.raises(ValueError, match="api_v2_key"):
            WechatPapay(dataclasses.replace(wechat.config, api_v2_key=""))
