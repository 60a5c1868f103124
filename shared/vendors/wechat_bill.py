"""WeChat Pay's daily trade bill: CSV in UTF-8, every value behind a backtick, a summary after the details."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Literal

from shared.clock import SHANGHAI
from shared.money import Money

_SUMMARY = "总交易单数"


@dataclass(frozen=True)
class BillRow:
    """One payment or refund of the day. `amount` is positive for both; `fee` is WeChat's, negative when given back."""

    transaction_id: str
    out_trade_no: str
    kind: Literal["pay", "refund"]
    amount: Money
    at: datetime
    fee: Money
    refund_id: str | None
    out_refund_no: str | None


def parse_bill(content: bytes) -> list[BillRow]:
    """Read a whole bill. Raises ValueError when it is cut off or of another form: half a day must not pass for one."""
    return list(read_bill(io.BytesIO(content)))


def read_bill(file: BinaryIO) -> Iterator[BillRow]:
    """The rows one by one. Raises ValueError, maybe only at the end, when the bill is not whole."""
    lines, summary, count = io.TextIOWrapper(file, "utf-8-sig", newline=""), "", 0

    def table() -> Iterator[str]:
        nonlocal summary
        for line in lines:
            if line.startswith(_SUMMARY):
                summary = next(lines, "")
                return
            yield line

    for cells in csv.DictReader(table()):
        count += 1
        yield _row(cells)
    if not summary.strip():
        message = "cut off before its summary"
        raise ValueError(message)
    promised = int(_bare(summary.split(",", maxsplit=1)[0]))
    if promised != count:
        message = f"{count} rows where {promised} were promised"
        raise ValueError(message)


def _row(cells: dict[str, str]) -> BillRow:
    try:
        told = {name: _bare(value) for name, value in cells.items()}
        is_refund = told["交易状态"] == "REFUND"
        return BillRow(
            transaction_id=told["微信订单号"],
            out_trade_no=told["商户订单号"],
            kind="refund" if is_refund else "pay",
            amount=Money.from_yuan(told["申请退款金额"] if is_refund else told["订单金额"]),
            at=datetime.fromisoformat(told["交易时间"]).replace(tzinfo=SHANGHAI),
            fee=Money.from_yuan(told["手续费"]),
            refund_id=told["微信退款单号"] if is_refund else None,
            out_refund_no=told["商户退款单号"] if is_refund else None,
        )
    except (KeyError, AttributeError, TypeError) as error:
        message = f"a row does not fit the header ({error})"
        raise ValueError(message) from error


def _bare(cell: str) -> str:
    return cell.strip().removeprefix("`").strip()
