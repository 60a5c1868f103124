"""Done, refused or unknown: what each kind of answer, signed by the peer or not, comes to."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.money import Money
from shared.vendors.alipay import AlipayClient, Payee
from shared.vendors.alipay_notify import form_pairs
from shared.vendors.alipay_results import Done, Refused, Trade, TradeStatus, TransferStatus, Unknown
from tests.fixtures.sandbox import Merchant
from tests.vendors.keys import config, peer_as_alipay

Gateway = Callable[..., AlipayClient]


@pytest.fixture
def gateway(merchant: Merchant) -> Gateway:
    """A client of a gateway that gives one answer."""

    def answering(body: str | bytes, status: int = 200) -> AlipayClient:
        merchant.answers.append((status, body if isinstance(body, bytes) else body.encode()))
        return AlipayClient(config(merchant.url), timeout_seconds=5)

    return answering


def signed(method: str, said: dict[str, Any] | str) -> str:
    """An answer whose payload the peer signed as Alipay."""
    body = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return f'{{"{method}_response":{body},"sign":"{peer_as_alipay()._sign(body)}"}}'


def query(**said: str) -> str:
    return signed("alipay_trade_query", said)


TRADE = {
    "code": "10000",
    "trade_no": "2026",
    "out_trade_no": "P1",
    "trade_status": "TRADE_SUCCESS",
    "total_amount": "12.30",
    "send_pay_date": "2026-11-21 10:00:00",
}


def test_a_signed_success_is_done(gateway):
    outcome = gateway(query(**TRADE)).query("P1")

    assert isinstance(outcome, Done)
    assert isinstance(outcome.value, Trade)
    assert (outcome.value.status, outcome.value.total) == (TradeStatus.PAID, Money(1230, "CNY"))


def test_braces_inside_strings_do_not_move_the_signed_part(gateway):
    outcome = gateway(query(**TRADE, subject='} "会员" {')).query("P1")

    assert isinstance(outcome, Done)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"code": "20000", "sub_code": "isp.unknow-error"}, "20000 isp.unknow-error"),
        ({"code": "40004", "sub_code": "ACQ.SYSTEM_ERROR"}, "40004 ACQ.SYSTEM_ERROR"),
        ({"code": "40004", "sub_code": "SYSTEM_ERROR"}, "40004 SYSTEM_ERROR"),
        ({"code": "10003"}, "10003"),
        (TRADE | {"trade_status": "NEW_STATUS"}, "signed answer with a missing or unknown field"),
        ({"code": "10000"}, "signed answer with a missing or unknown field"),
    ],
)
def test_a_signed_answer_that_leaves_it_open_is_unknown(gateway, said, reason):
    assert gateway(query(**said)).query("P1") == Unknown(reason)


@pytest.mark.parametrize(
    ("code", "sub_code", "throttled"),
    [
        ("40004", "ACQ.TRADE_STATUS_ERROR", False),
        ("40005", "isv.too-many", True),
        ("40006", "isv.insufficient-isv-permissions", False),
    ],
)
def test_a_signed_failure_is_refused_with_its_sub_code(gateway, code, sub_code, throttled):
    outcome = gateway(query(code=code, sub_code=sub_code, sub_msg="不行")).query("P1")

    assert outcome == Refused(code, sub_code, "不行")
    assert isinstance(outcome, Refused)
    assert outcome.throttled is throttled


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"alipay_trade_query_response": TRADE}),
        json.dumps({"alipay_trade_query_response": {"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST"}}),
        json.dumps({"error_response": {"code": "40002", "sub_code": "isv.invalid-signature"}}),
        json.dumps({"alipay_trade_query_response": TRADE, "sign": "AAAA"}),
        json.dumps({"alipay_trade_query_response": TRADE, "sign": None}),
        signed("alipay_trade_close", TRADE),
        query(**TRADE).replace("12.30", "12.31"),
        query(code="40004", sub_code="ACQ.TRADE_NOT_EXIST").replace("40004", "10000"),
        "<html>busy</html>",
        "",
        b"\xff\xfe",
        signed("alipay_trade_query", '"text"'),
    ],
)
def test_nothing_unsigned_or_mangled_is_believed_not_even_a_refusal(gateway, body):
    assert isinstance(gateway(body).query("P1"), Unknown)


@pytest.mark.parametrize("status", [302, 404, 500, 503])
def test_any_status_but_200_is_unknown(gateway, status):
    assert gateway(query(**TRADE), status).query("P1") == Unknown(f"HTTP {status}")


def test_a_gateway_that_cannot_be_reached_is_unknown():
    assert AlipayClient(config("http://127.0.0.1:1/gateway.do")).query("P1") == Unknown("ConnectError")


def test_each_byte_of_a_signed_answer_counts(gateway):
    answer = query(**TRADE)
    start = answer.index("{", 1)

    for at in range(start, answer.index('"sign"') - 1, 7):
        assert isinstance(gateway(answer[:at] + "~" + answer[at + 1 :]).query("P1"), Unknown)


def test_what_alipay_never_heard_of_is_done_with_nothing(gateway):
    assert gateway(query(code="40004", sub_code="ACQ.TRADE_NOT_EXIST")).query("P1") == Done(None)
    absent = signed("alipay_fund_trans_common_query", {"code": "40004", "sub_code": "ORDER_NOT_EXIST"})
    assert gateway(absent).transfer_query("W1") == Done(None)
    nothing = signed("alipay_trade_fastpay_refund_query", {"code": "10000", "msg": "Success"})
    assert gateway(nothing).refund_query(out_trade_no="P1", out_request_no="R1") == Done(None)


def test_a_transfer_tells_why_it_failed(gateway):
    said = {"code": "10000", "out_biz_no": "W1", "status": "FAIL", "error_code": "PAYEE_NOT_EXIST", "fail_reason": "无此人"}

    outcome = gateway(signed("alipay_fund_trans_common_query", said)).transfer_query("W1")

    assert isinstance(outcome, Done)
    assert outcome.value is not None
    assert (outcome.value.status, outcome.value.fail_code) == (TransferStatus.FAILED, "PAYEE_NOT_EXIST")


def test_a_transfer_is_sent_in_yuan_to_the_payee(gateway, merchant):
    gateway("").transfer(
        out_biz_no="W1",
        amount=Money(5_000_010),
        title="提现",
        payee=Payee("a@b.example", "ALIPAY_LOGON_ID", "王"),
        remark="提现",
    )
    sent = dict(form_pairs(merchant.next()))

    assert json.loads(sent["biz_content"]) == {
        "out_biz_no": "W1",
        "trans_amount": "50000.10",
        "product_code": "TRANS_ACCOUNT_NO_PWD",
        "biz_scene": "DIRECT_TRANSFER",
        "order_title": "提现",
        "remark": "提现",
        "payee_info": {"identity": "a@b.example", "identity_type": "ALIPAY_LOGON_ID", "name": "王"},
    }
