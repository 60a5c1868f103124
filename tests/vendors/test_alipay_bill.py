"""The daily bill: read whole or not at all."""

import io
import zipfile
from datetime import date

import pytest

from shared.clock import SHANGHAI
from shared.money import Money
from shared.vendors.alipay_bill import BillKind, parse_bill

HEADER = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,"
    "支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)
PAYMENT = "2026001\t,P1\t,交易,会员㊙ ,2026-11-20 23:59:59,2026-11-21 00:00:01, ,,,,b***\t,12.30,12.30,0,0,0,0,0, ,0,0,\t,-0.07,0,备注 "
REFUND = (
    "2026001\t,P1\t,退款,会员 ,2026-11-20 23:59:59,2026-11-21 08:00:00, ,,,,b***\t,-2.30,-2.30,0,0,0,0,0, ,0,0,R1\t,0.01,0,"
)
END = "#-----------------------------------------业务明细列表结束------------------------------------"


def zipped(*lines: str, name: str = "2088_20261121_业务明细.csv") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, "\r\n".join(lines).encode("gb18030"))
        archive.writestr("2088_20261121_业务明细(汇总).csv", "#汇总,,,".encode("gbk"))
    return packed.getvalue()


def test_payments_and_refunds_are_read_without_their_padding():
    paid, refunded = parse_bill(
        zipped("#支付宝业务明细查询", "#账号：[2088]", HEADER, PAYMENT, REFUND, END, "#交易合计：1笔")
    )

    assert (paid.trade_no, paid.out_trade_no, paid.kind, paid.subject) == ("2026001", "P1", BillKind.PAYMENT, "会员㊙")
    assert (paid.amount, paid.received, paid.fee) == (Money(1230, "CNY"), Money(1230, "CNY"), Money(-7, "CNY"))
    assert paid.out_request_no is None
    assert paid.completed_at is not None
    assert paid.completed_at.astimezone(SHANGHAI).date() == date(2026, 11, 21)
    assert (refunded.kind, refunded.amount, refunded.out_request_no) == (BillKind.REFUND, Money(-230, "CNY"), "R1")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a zip",
        zipped("#支付宝业务明细查询", HEADER, PAYMENT),
        zipped(HEADER, PAYMENT[:-60], END),
        zipped(HEADER, PAYMENT.replace("12.30", "12.3x"), END),
        zipped(HEADER, PAYMENT.replace("交易", "转账"), END),
        zipped(HEADER, PAYMENT + ",one,cell,more", END),
        zipped(HEADER.replace("商户订单号", "订单号"), PAYMENT, END),
        zipped(HEADER, PAYMENT, END, name="2088_20261121_业务明细(汇总).csv.bak(汇总)"),
    ],
    ids=["empty", "no-zip", "cut-off", "short-row", "amount", "kind", "long-row", "column", "totals-only"],
)
def test_a_bill_that_is_not_whole_is_refused(content):
    with pytest.raises(ValueError):
        parse_bill(content)


def test_a_zip_whose_names_are_gbk_without_the_flag_is_told_apart_too():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in {"a_业务明细.csv": f"{HEADER}\r\n{PAYMENT}\r\n{END}", "a_业务明细(汇总).csv": "#"}.items():
            entry = zipfile.ZipInfo(name.encode("gbk").decode("cp437"))
            archive.writestr(entry, text.encode("gbk", errors="replace"))
    content = packed.getvalue()
    for name in ("a_业务明细.csv", "a_业务明细(汇总).csv"):
        # zipfile writes UTF-8 names and sets the flag; put back the plain GBK bytes other tools write.
        as_utf8 = name.encode("gbk").decode("cp437").encode()
        content = content.replace(as_utf8, name.encode("gbk").ljust(len(as_utf8), b"_"))

    assert [row.out_trade_no for row in parse_bill(_without_utf8_flag(content))] == ["P1"]


def _without_utf8_flag(content: bytes) -> bytes:
    changed = bytearray(content)
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = changed.find(signature)
        while start >= 0:
            changed[start + at + 1] &= ~0x08 & 0xFF
            start = changed.find(signature, start + 1)
    return bytes(changed)
