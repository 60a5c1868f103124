"""CSV and XLSX, written row by row: memory holds one of them, however many there are."""

import csv
import io
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import xlsxwriter

from shared.clock import SHANGHAI
from shared.documents.sheet import Cell, Row, Sheet, Sink, shown
from shared.money import Money

CSV_TYPE: Final = "text/csv; charset=utf-8"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SHEET_ROWS: Final = 1_000_000
"""Excel opens 1 048 576; the rest goes on another sheet."""
_CHUNK_BYTES = 64 * 1024
_LONGEST_CELL = 32_000
_EXACT = 10**15
"""A spreadsheet keeps 15 digits of a number; a longer one is written as text."""
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "|", "%")
"""What makes a spreadsheet compute a cell instead of showing it, full-width twins too."""


def defused(text: str) -> str:
    """Text that no spreadsheet takes for a formula; leading blanks do not hide one."""
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def write_csv(sink: Sink, sheet: Sheet) -> None:
    """The table alone, as spreadsheets open it: UTF-8 with a byte order mark, lines ended as RFC 4180 says."""
    buffer = io.StringIO()
    lines = csv.writer(buffer, lineterminator="\r\n")
    buffer.write("\ufeff")
    lines.writerow([defused(shown(column.title)) for column in sheet.columns])
    for row in sheet.rows:
        lines.writerow(_csv(row))
        if buffer.tell() > _CHUNK_BYTES:
            sink.write(buffer.getvalue().encode())
            buffer.seek(0)
            buffer.truncate()
    if sheet.totals is not None:
        lines.writerow(_csv(sheet.totals()))
    sink.write(buffer.getvalue().encode())


def _csv(row: Row) -> list[str]:
    return [defused(shown(cell)) if isinstance(cell, str) else shown(cell) for cell in row]


def write_xlsx(sink: Sink, sheet: Sheet, *, sheet_rows: int = SHEET_ROWS) -> None:
    """The table, and what is said above it on a sheet of its own. Rows wait in a temporary file, not in memory."""
    book = xlsxwriter.Workbook(
        sink,  # zipfile, which it is given to, needs nothing but `write` and `flush`
        {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    created = sheet.made_at.astimezone(SHANGHAI).replace(tzinfo=None)
    book.set_properties({"title": sheet.title, "author": "ShareStack", "created": created})
    table = _Table(book, sheet, sheet_rows)
    for row in sheet.rows:
        table.add(row)
    if sheet.totals is not None:
        table.add(sheet.totals(), bold=True)
    about = book.add_worksheet("说明 About")
    about.set_column(0, 0, 28)
    about.set_column(1, 1, 60)
    for number, (label, text) in enumerate([("", sheet.title), *sheet.fields, ("", sheet.note)]):
        table.put(about, number, 0, label)
        table.put(about, number, 1, text)
    book.close()


_LOOKS: Final[dict[str, dict[str, Any]]] = {
    "text": {},
    "inert": {"quote_prefix": True},
    "amount": {"num_format": "#,##0.00"},
    "time": {"num_format": "yyyy-mm-dd hh:mm:ss"},
}


class _Table:
    def __init__(self, book: Any, sheet: Sheet, sheet_rows: int) -> None:
        self._book, self._columns, self._most = book, sheet.columns, sheet_rows
        self._looks = {
            (kind, bold): book.add_format({"bold": bold, **look}) for bold in (False, True) for kind, look in _LOOKS.items()
        }
        self._sheets = 0
        self._open()

    def _open(self) -> None:
        self._sheets += 1
        self._page = self._book.add_worksheet(f"明细 Lines {self._sheets}")
        self._page.freeze_panes(1, 0)
        for number, column in enumerate(self._columns):
            self._page.set_column(number, number, column.width)
            self.put(self._page, 0, number, column.title, bold=True)
        self._row = 1

    def add(self, row: Row, *, bold: bool = False) -> None:
        if self._row > self._most:
            self._open()
        for number, cell in enumerate(row):
            self.put(self._page, self._row, number, cell, bold=bold)
        self._row += 1

    def put(self, page: Any, row: int, column: int, cell: Cell, *, bold: bool = False) -> None:
        """Numbers as numbers, times as times, and text as text: as text it is never computed, not even when edited."""
        if isinstance(cell, Money) and abs(cell.minor) < _EXACT:
            page.write_number(row, column, Decimal(cell.to_yuan()), self._looks["amount", bold])
        elif isinstance(cell, datetime):
            page.write_datetime(row, column, cell.astimezone(SHANGHAI).replace(tzinfo=None), self._looks["time", bold])
        elif isinstance(cell, int):
            page.write_number(row, column, cell, self._looks["text", bold])
        else:
            text = shown(cell)[:_LONGEST_CELL]
            kind = "inert" if defused(text) != text else "text"
            page.write_string(row, column, text, self._looks[kind, bold])
