"""UnionPay's daily file: base64 of zlib of a ZIP, in it lines of fixed width in GBK (`INN…ZM_…`).

`ZME` files beside it tell of disputes, which a person works off at UnionPay's console.
"""

import base64
import binascii
import fnmatch
import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Final, Literal

from shared.clock import SHANGHAI
from shared.money import Money
from shared.vendors.unionpay_results import trace_time
from shared.vendors.wechat_bill import BillRow

_LARGEST = 512 * 1024 * 1024  # 600,000 lines; more is not a bill but a bomb
# In bytes, one more between two of them; numbered from 1 as UnionPay does.
_WIDTHS: Final = (
    3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32, 13, 13, 8,
    32, 13, 13, 12, 2, 1, 32,
)  # fmt: skip
_TIME, _AMOUNT, _QUERY_ID, _ORDER_ID, _FEE, _KIND, _ORIGINAL_ID, _ORIGINAL_ORDER = 5, 7, 10, 12, 16, 20, 27, 41
_READ: Final = (_TIME, _AMOUNT, _QUERY_ID, _ORDER_ID, _FEE, _KIND, _ORIGINAL_ID, _ORIGINAL_ORDER)
_KINDS: Final[dict[str, Literal["pay", "refund"]]] = {"01": "pay", "04": "refund", "31": "refund"}
_SIGNED = re.compile(r"([CD])(\d{12})")
_AMOUNTS = re.compile(r"\d{12}")


def _slices() -> dict[int, slice]:
    found, start = {}, 0
    for number, width in enumerate(_WIDTHS, start=1):
        found[number] = slice(start, start + width)
        start += width + 1
    return found


_PLACES: Final = _slices()
_SHORTEST: Final = _PLACES[len(_WIDTHS)].stop


def parse_bill(content: str, day: date) -> list[BillRow]:
    """Read the file of settlement day `day`; a refund's `out_trade_no` is empty where UnionPay does not tell it.

    Raises ValueError when it is not whole: half a day must not pass for one.
    """
    return list(read_bill(content, day))


def read_bill(content: str, day: date) -> Iterator[BillRow]:
    """The rows one by one. Raises ValueError, maybe only at the end, when the file is not whole."""
    near = datetime.combine(day, time(12), SHANGHAI)
    try:
        packed = _inflate(base64.b64decode(content, validate=True))
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            files = [one for one in archive.infolist() if fnmatch.fnmatchcase(one.filename, "INN*ZM_*")]
            if len(files) != 1:
                message = f"{len(files)} files of payments in it"
                raise ValueError(message)
            if files[0].file_size > _LARGEST:
                message = "too large"
                raise ValueError(message)
            for line in _lines(archive, files[0]):
                yield _row(line, near)
    except (binascii.Error, zlib.error, zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        message = f"not whole ({error})"
        raise ValueError(message) from error


def _inflate(packed: bytes) -> bytes:
    opened = zlib.decompressobj()
    content = opened.decompress(packed, _LARGEST)
    if not opened.eof:
        message = "cut off, or too large"
        raise ValueError(message)
    return content


def _lines(archive: zipfile.ZipFile, file: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(file) as opened:
        yield from (line for line in (raw.rstrip(b"\r\n") for raw in opened) if line)


def _row(line: bytes, near: datetime) -> BillRow:
    if len(line) < _SHORTEST:
        message = "a line is cut off"
        raise ValueError(message)
    told = {number: line[_PLACES[number]].decode("gbk").strip() for number in _READ}
    kind, at = _KINDS.get(told[_KIND]), trace_time(told[_TIME], near)
    fee = _SIGNED.fullmatch(told[_FEE])
    if kind is None or at is None or fee is None or not _AMOUNTS.fullmatch(told[_AMOUNT]):
        message = "a line is not of the form agreed on"
        raise ValueError(message)
    refund = kind == "refund"
    return BillRow(
        transaction_id=told[_ORIGINAL_ID] if refund else told[_QUERY_ID],
        out_trade_no=told[_ORIGINAL_ORDER] if refund else told[_ORDER_ID],
        kind=kind,
        amount=Money(int(told[_AMOUNT])),
        at=at,
        # A fee is a debit of the merchant.
        fee=Money(int(fee[2]) if fee[1] == "D" else -int(fee[2])),
        refund_id=told[_QUERY_ID] if refund else None,
        out_refund_no=told[_ORDER_ID] if refund else None,
    )
