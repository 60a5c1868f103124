"""UnionPay's daily file: read whole or not at all."""

import base64
import io
import zipfile
import zlib
from datetime import date, datetime

import pytest

from shared.clock import SHANGHAI
from shared.money import Money
from shared.vendors.unionpay_bill import parse_bill

DAY = date(2026, 11, 21)
WIDTHS = (
    3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32, 13, 13, 8,
    32, 13, 13, 12, 2, 1, 131,
)  # fmt: skip
PAYMENT = {
    5: "1121152607", 7: "000000001999", 10: "202611211526079975048", 12: "01M7YG56T2P681MM84MWH3TEYW", 16: "D000000000012",
    20: "01", 31: "分享栈科技",
}  # fmt: skip
REFUND = {
    5: "1121160000", 7: "000000000500", 10: "202611211600000000001", 12: "01M7YG5REFUND1MM84MWH3TEYW", 16: "C000000000003",
    20: "04", 31: "分享栈科技", 27: "202611211526079975048", 41: "01M7YG56T2P681MM84MWH3TEYW",
}  # fmt: skip


def line(**changed: str) -> bytes:
    told = PAYMENT | {int(number[1:]): value for number, value in changed.items()}
    return laid_out(told)


def laid_out(told: dict[int, str]) -> bytes:
    return b" ".join(told.get(number, "").encode("gbk").ljust(width) for number, width in enumerate(WIDTHS, start=1))


def packed(*lines: bytes, names: tuple[str, ...] = ("INN26112188ZM_777290058110048",)) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            made.writestr(name, b"\r\n".join([*lines, b""]))
        made.writestr("INN26112188ZME_777290058110048", b"a dispute\r\n")
    return base64.b64encode(zlib.compress(archive.getvalue())).decode()


def test_payments_and_refunds_are_read_in_bytes_not_characters() -> None:
    paid, back = parse_bill(packed(laid_out(PAYMENT), laid_out(REFUND)), DAY)
    assert (paid.transaction_id, paid.out_trade_no, paid.kind) == (PAYMENT[10], PAYMENT[12], "pay")
    assert (paid.amount, paid.fee) == (Money(1999), Money(12))
    assert paid.at == datetime(2026, 11, 21, 15, 26, 7, tzinfo=SHANGHAI)
    assert (paid.refund_id, paid.out_refund_no) == (None, None)
    assert (back.transaction_id, back.out_trade_no, back.kind) == (PAYMENT[10], PAYMENT[12], "refund")
    assert (back.amount, back.fee) == (Money(500), Money(-3))
    assert (back.refund_id, back.out_refund_no) == (REFUND[10], REFUND[12])


def test_a_revocation_is_money_given_back() -> None:
    (back,) = parse_bill(packed(laid_out(REFUND | {20: "31"})), DAY)
    assert (back.kind, back.out_refund_no) == ("refund", REFUND[12])


def test_the_year_is_that_of_the_settlement_day() -> None:
    (evening,) = parse_bill(packed(line(_5="1231233000")), date(2027, 1, 1))
    assert evening.at == datetime(2026, 12, 31, 23, 30, tzinfo=SHANGHAI)


def test_a_file_without_lines_is_a_day_without_payments() -> None:
    assert parse_bill(packed(), DAY) == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "not base64",
        base64.b64encode(b"not deflated").decode(),
        base64.b64encode(zlib.compress(b"no zip")).decode(),
        base64.b64encode(base64.b64decode(packed(line()))[:-9]).decode(),
        base64.b64encode(base64.b64decode(packed(line()))[:-2]).decode(),
        base64.b64encode(zlib.compress(zlib.decompress(base64.b64decode(packed(line())))[:-30])).decode(),
        packed(line(), line()[:400]),
        packed(line(_7="0000000019.9")),
        packed(line(_7="")),
        packed(line(_16="000000000012")),
        packed(line(_16="X000000000012")),
        packed(line(_20="02")),
        packed(line(_5="1321152607")),
        packed(line(_5="")),
        packed(line(), names=()),
        packed(line(), names=("INN26112188ZM_1", "INN26112188ZM_2")),
    ],
    ids=[
        "empty", "no-base64", "no-deflate", "no-zip", "deflate-cut-off", "checksum-cut-off", "zip-cut-off", "line-cut-off", "amount", "no-amount",
        "fee-unsigned", "fee-sign", "kind", "month", "no-time", "no-file", "two-files",
    ],
)  # fmt: skip
def test_half_a_day_does_not_pass_for_one(content: str) -> None:
    with pytest.raises(ValueError):
        parse_bill(content, DAY)


def test_a_hundred_thousand_lines_are_read() -> None:
    lines = [laid_out(PAYMENT | {10: f"{number:021d}"}) for number in range(100_000)]
    rows = parse_bill(packed(*lines), DAY)
    assert len({row.transaction_id for row in rows}) == 100_000
