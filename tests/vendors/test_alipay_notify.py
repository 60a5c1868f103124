"""Notifications: believed when the peer signs them as Alipay for us, refused otherwise."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest

from shared.money import Money
from shared.vendors.alipay_notify import Notification, NotificationRefusedError, form_pairs, verify_notification
from shared.vendors.alipay_results import TradeStatus, beijing_time
from tests.vendors.keys import APP_ID, SELLER_ID, config, peer_as_alipay, peer_as_app

PAID = {
    "app_id": APP_ID,
    "body": "",
    "charset": "utf-8",
    "fund_bill_list": '[{"amount":"12.30","fundChannel":"ALIPAYACCOUNT"}]',
    "gmt_payment": "2026-11-21 10:00:01",
    "notify_id": "n1",
    "notify_type": "trade_status_sync",
    "out_trade_no": "P1",
    "passback_params": "ORDER1",
    "seller_id": SELLER_ID,
    "sign_type": "RSA2",
    "subject": "会员 & 一月 } = ",
    "total_amount": "12.30",
    "trade_no": "2026112122001",
    "trade_status": "TRADE_SUCCESS",
    "voucher_detail_list": "",
}


def signed(fields: dict[str, str]) -> bytes:
    """The form as Alipay would post it, signed by the peer."""
    text = "&".join(f"{k}={fields[k]}" for k in sorted(fields) if k != "sign_type")
    return urlencode(fields | {"sign": peer_as_alipay()._sign(text)}).encode()


def verify(body: bytes) -> Notification:
    return verify_notification(config(), form_pairs(body))


def fault(body: bytes) -> str:
    with pytest.raises(NotificationRefusedError) as refused:
        verify(body)
    return refused.value.fault.value


def test_a_payment_signed_by_the_peer_is_believed_and_read():
    assert verify(signed(PAID)) == Notification(
        notify_id="n1",
        out_trade_no="P1",
        trade_no="2026112122001",
        status=TradeStatus.PAID,
        total=Money(1230, "CNY"),
        refunded_total=None,
        out_request_no=None,
        passback="ORDER1",
        paid_at=beijing_time("2026-11-21 10:00:01"),
        refunded_at=None,
    )


def test_a_partial_refund_keeps_the_trade_paid_and_says_how_much_went_back():
    told = verify(
        signed(PAID | {"refund_fee": "2.30", "gmt_refund": "2026-11-22 09:00:00.320", "out_biz_no": "R1"}),
    )

    assert (told.status, told.refunded_total, told.out_request_no) == (TradeStatus.PAID, Money(230, "CNY"), "R1")
    assert told.refunded_at is not None
    assert told.refunded_at.utcoffset() == timedelta(hours=8)


def test_empty_values_are_part_of_what_is_signed():
    body = signed(PAID)

    assert b"voucher_detail_list=&" in body
    assert fault(body.replace(b"voucher_detail_list=&", b"")) == "signature"


def test_a_certificate_number_is_not_part_of_what_is_signed():
    assert verify(signed(PAID) + b"&alipay_cert_sn=abc").notify_id == "n1"


@pytest.mark.parametrize("name", [name for name in PAID if name != "sign_type"])
def test_changing_or_dropping_any_field_is_noticed(name):
    body = dict(form_pairs(signed(PAID)))

    assert fault(urlencode(body | {name: body[name] + "0"}).encode()) == "signature"
    assert fault(urlencode({k: v for k, v in body.items() if k != name}).encode()) == "signature"


def test_adding_a_field_is_noticed():
    assert fault(signed(PAID) + b"&refund_fee=1.00") == "signature"


@pytest.mark.parametrize("sign", ["", "AAAA", "not base64"])
def test_a_missing_or_senseless_signature_is_refused(sign):
    body = dict(form_pairs(signed(PAID)))

    assert fault(urlencode(body | {"sign": sign}).encode()) == "signature"
    assert fault(urlencode({k: v for k, v in body.items() if k != "sign"}).encode()) == "signature"


def test_our_own_signature_is_not_alipays():
    text = "&".join(f"{k}={PAID[k]}" for k in sorted(PAID) if k != "sign_type")

    assert fault(urlencode(PAID | {"sign": peer_as_app()._sign(text)}).encode()) == "signature"


def test_a_weaker_signature_type_is_refused():
    assert fault(signed(PAID | {"sign_type": "RSA"})) == "signature"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"app_id": "2021000000000002"}, "app_id"),
        ({"seller_id": "2088000000000002"}, "seller_id"),
        ({"total_amount": "12.301"}, "malformed"),
        ({"total_amount": "many"}, "malformed"),
        ({"trade_status": "TRADE_NEW"}, "malformed"),
        ({"gmt_payment": "yesterday"}, "malformed"),
    ],
)
def test_a_notification_for_others_or_of_unknown_form_is_refused_though_well_signed(change, why):
    assert fault(signed(PAID | change)) == why


def test_a_field_sent_twice_is_refused():
    assert fault(signed(PAID) + b"&out_trade_no=P2") == "malformed"


@pytest.mark.parametrize(
    "body", [b"", b"hello", b"a=%ff", "a=中".encode(), b"a=1&b", b"&".join(b"a%d=1" % n for n in range(300))]
)
def test_what_is_not_a_form_is_refused(body):
    assert fault(body) in {"malformed", "signature"}
