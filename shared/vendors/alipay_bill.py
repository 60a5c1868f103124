"""Alipay's daily trade bill: a ZIP of two GBK files, details and totals; we read the details.

`#` lines are remarks, values are padded with tabs and spaces, refunds are negative, times are Beijing time.
"""

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO

from shared.money import Money
from shared.vendors.alipay_results import beijing_time, optional_time

_LARGEST = 256 * 1024 * 1024  # a day of half a million rows; more is not a bill but a bomb
_TOTALS_MARK = "汇总"


class BillKind(StrEnum):
    """What a row of the bill tells of."""

    PAYMENT = "交易"
    REFUND = "退款"


@dataclass(frozen=True)
class BillRow:
    """One payment or refund. A refund's `amount` and `received` are negative.

    `fee` is Alipay's, signed as in the bill: negative when it was taken. `out_request_no` is set on refunds.
    """

    trade_no: str
    out_trade_no: str
    kind: BillKind
    subject: str
    created_at: datetime
    completed_at: datetime | None
    amount: Money
    received: Money
    out_request_no: str | None
    fee: Money
    remark: str


def parse_bill(content: bytes) -> list[BillRow]:
    """Read the ZIP. Raises ValueError when it is not a whole bill: half a day must not pass for one."""
    return list(read_bill(io.BytesIO(content)))


def read_bill(file: BinaryIO) -> Iterator[BillRow]:
    """The rows of the ZIP one by one. Raises ValueError, maybe only at the end, when it is not a whole bill."""
    try:
        with zipfile.ZipFile(file) as archive:
            for entry in _detail_files(archive):
                with archive.open(entry) as packed:
                    yield from _rows(io.TextIOWrapper(packed, "gb18030", newline="\n"))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        message = "not a ZIP"
        raise ValueError(message) from error


def _detail_files(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    details = [entry for entry in archive.infolist() if _TOTALS_MARK not in _file_name(entry)]
    if not details:
        message = "no detail file"
        raise ValueError(message)
    if sum(entry.file_size for entry in details) > _LARGEST:
        message = "too large"
        raise ValueError(message)
    return details


def _file_name(entry: zipfile.ZipInfo) -> str:
    """Names are GBK too; a ZIP without the UTF-8 flag is read as CP437."""
    if entry.flag_bits & 0x800:
        return entry.filename
    return entry.filename.encode("cp437").decode("gb18030", errors="replace")


def _rows(text: Iterator[str]) -> Iterator[BillRow]:
    ended = False

    def table() -> Iterator[str]:
        nonlocal ended
        for line in text:
            if line.startswith("#"):
                ended = ended or "列表结束" in line
            elif line.strip():
                yield line

    for cells in csv.DictReader(table()):
        yield _row({_bare(name): _bare(value) for name, value in cells.items() if name or any(value)})
    if not ended:
        message = "cut off before its end mark"
        raise ValueError(message)


def _row(cells: dict[str, str]) -> BillRow:
    try:
        return BillRow(
            trade_no=cells["支付宝交易号"],
            out_trade_no=cells["商户订单号"],
            kind=BillKind(cells["业务类型"]),
            subject=cells["商品名称"],
            created_at=beijing_time(cells["创建时间"]),
            completed_at=optional_time(cells["完成时间"]),
            amount=_yuan(cells["订单金额（元）"]),
            received=_yuan(cells["商家实收（元）"]),
            out_request_no=cells["退款批次号/请求号"] or None,
            fee=_yuan(cells["服务费（元）"]),
            remark=cells["备注"],
        )
    except KeyError as error:
        message = f"no column {error}"
        raise ValueError(message) from error


def _bare(cell: object) -> str:
    """A cell without its padding; a row longer or shorter than the header has cells that are no text."""
    if not isinstance(cell, str):
        message = "a row does not fit the header"
        raise ValueError(message)  # noqa: TRY004 - the file is wrong, not the program
    return cell.strip()


def _yuan(text: str) -> Money:
    return Money.from_yuan(text or "0")
