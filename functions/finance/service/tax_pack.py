"""The tax data of a creator's year in one archive: a summary to read, its months, and every line behind them.

It is written as it is read, so memory holds a few thousand lines; and it holds no date but the year's, so the same year
makes the same bytes whenever it is asked for.
"""

import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from typing import IO, Final, cast

from functions.finance.service import statements, taxes
from functions.finance.service.statement_jobs import COLUMNS, KINDS
from functions.finance.service.statement_requests import closed_at
from functions.finance.service.statements import Figures
from functions.finance.service.taxes import Month, Year
from shared.clock import SHANGHAI
from shared.documents.pdf import write_pdf
from shared.documents.sheet import Column, Row, Sheet, Sink
from shared.documents.tables import write_csv
from shared.money import Money
from shared.sql.connection import Connection

_COLUMNS: Final = (
    Column("月份\nMonth", 30),
    Column("收入（元）\nGross income", 36, "right"),
    Column("退款（元）\nRefunds", 36, "right"),
    Column("净收入（元）\nNet income", 36, "right"),
)
_SUMMED: Final = 10
"""Percent done when the months are; the rest are the lines."""


def write(db: Connection, creator_id: int, year: int, sink: Sink, advance: Callable[[int], None]) -> None:
    """Write the archive of a year that is over; in a transaction. Tells how far it is at the end of each month, in percent."""
    found = taxes.of_year(db, creator_id, year)
    # zipfile needs nothing but `write` and `flush` of what it cannot go back in.
    with zipfile.ZipFile(cast("IO[bytes]", sink), "w") as archive:
        with _member(archive, year, f"summary-{year}.pdf") as file:
            write_pdf(file, _summary(creator_id, found))
        with _member(archive, year, f"months-{year}.csv") as file:
            write_csv(file, _summary(creator_id, found))
        advance(_SUMMED)
        with _member(archive, year, f"lines-{year}.csv") as file:
            write_csv(file, _lines(found, statements.figures_of(db, creator_id, *taxes.span(year)), advance))


def _member(archive: zipfile.ZipFile, year: int, name: str) -> IO[bytes]:
    info = zipfile.ZipInfo(name, date_time=(year + 1, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    return archive.open(info, "w", force_zip64=True)


def _summary(creator_id: int, year: Year) -> Sheet:
    def row(month: Month) -> Row:
        return f"{month.first:%Y-%m}", Money(month.gross), Money(month.refunds), Money(month.net)

    return Sheet(
        title=f"创作者年度税务资料 Tax data {year.number}",
        fields=[
            ("创作者 Creator", str(creator_id)),
            ("年度 Year", f"{year.number}（Asia/Shanghai）"),
            ("收入 Gross income", f"¥{Money(year.gross).to_yuan()}"),
            ("退款 Refunds", f"¥{Money(year.refunds).to_yuan()}"),
            ("净收入 Net income", f"¥{Money(year.gross - year.refunds).to_yuan()}"),
            ("已开票净额 Invoiced, less red invoices", f"¥{Money(year.invoiced).to_yuan()}"),
        ],
        columns=_COLUMNS,
        rows=map(row, year.months),
        totals=lambda: ("合计 Total", Money(year.gross), Money(year.refunds), Money(year.gross - year.refunds)),
        made_at=closed_at(date(year.number, 12, 1)),
        note="由账簿生成，供自行申报 From the ledger, for your own filing",
    )


def _lines(year: Year, figures: Figures, advance: Callable[[int], None]) -> Sheet:
    def rows() -> Iterator[Row]:
        month = 1
        yield None, "期初余额 Opening", None, None, Money(figures.opening)
        for line in figures.lines:
            reached = line.at.astimezone(SHANGHAI).month
            if reached != month:
                month = reached
                advance(_SUMMED + (100 - _SUMMED) * (month - 1) // 12)
            yield line.at, KINDS[line.kind], line.ref, Money(line.amount), Money(line.balance)

    return Sheet(
        title=f"{year.number}", fields=(), columns=COLUMNS, rows=rows(), totals=None,
        made_at=closed_at(date(year.number, 12, 1)),
    )  # fmt: skip
