"""UnionPay's daily file: fixed width in GBK, zipped, deflated, in base64. A settlement day ends at 23:00."""

import base64
import io
import zipfile
import zlib
from datetime import datetime, timedelta

from infra.local.sandbox.shelf import Shelf
from infra.local.sandbox.unionpay.keys import MER_ID
from infra.local.sandbox.unionpay.records import Refund, Trade
from shared import clock
from shared.money import divide_half_even

_WIDTHS = (
    3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32, 13, 13, 8,
    32, 13, 13, 12, 2, 1, 32, 98,
)  # fmt: skip
_FEE_BASIS_POINTS = 60
_CUT = timedelta(hours=1)


def file_content(trades: Shelf[Trade], refunds: Shelf[Refund], settle_date: str) -> str | None:
    """The file of a settlement day `MMDD` as the reply carries it; None when nothing happened."""
    lines = [
        _line(trade.paid_at, (trade.order_id, trade.query_id), trade.paid)
        for trade in trades
        if trade.paid_at is not None and settled(trade.paid_at) == settle_date
    ]
    lines += [
        _line(refund.made_at, (refund.order_id, refund.query_id), refund.amount, (refund.trade, refund.original_query_id))
        for refund in refunds
        if refund.status == "done" and settled(refund.made_at) == settle_date
    ]
    if not lines:
        return None
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"INN{settle_date}88ZM_{MER_ID}", b"".join(line + b"\r\n" for line in lines))
        archive.writestr(f"INN{settle_date}88ZME_{MER_ID}", b"")
    return base64.b64encode(zlib.compress(packed.getvalue())).decode()


def settled(at: datetime) -> str:
    """The settlement day of a moment, as `MMDD`."""
    return f"{(at + _CUT).astimezone(clock.SHANGHAI):%m%d}"


def _line(at: datetime, numbers: tuple[str, str], amount: int, of: tuple[str, str] = ("", "")) -> bytes:
    """One transaction by its order number and queryId; a refund is `of` another."""
    fee = divide_half_even(amount * _FEE_BASIS_POINTS, 10_000)
    back = bool(of[0])
    told = {
        1: "S56", 4: "000001", 5: f"{at.astimezone(clock.SHANGHAI):%m%d%H%M%S}", 6: "6216***********0018",
        7: f"{amount:012d}", 10: numbers[1], 12: numbers[0], 16: f"{'C' if back else 'D'}{fee:012d}",
        17: f"{'D' if back else 'C'}{amount - fee:012d}", 20: "04" if back else "01", 21: "00" if back else "01", 22: "000201", 27: of[1],
        28: MER_ID, 31: "分享栈", 41: of[0],
    }  # fmt: skip
    cells = [told.get(number, "").encode("gbk").ljust(width) for number, width in enumerate(_WIDTHS, start=1)]
    return b" ".join(cells)
