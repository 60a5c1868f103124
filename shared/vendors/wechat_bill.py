"""WeChat Pay's daily trade bill: CSV in UTF-8, every value behind a backtick, a summary after the details."""

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

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
    lines = content.decode("utf-8-sig").splitlines()
    summary = next((number for number, line in enumerate(lines) if line.startswith(_SUMMARY)), None)
    if summary is None or len(lines) < summary + 2:
        message = "cut off before its summary"
        raise ValueError(message)
    rows = [_row(cells) for cells in csv.DictReader(io.StringIO("\n".join(lines[:summary])))]
    promised = int(_bare(lines[summary + 1].split(",")[0]))
    if promised != len(rows):
        message = f"{len(rows)} rows where {promised} were promised"
        raise ValueError(message)
    return rows


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
