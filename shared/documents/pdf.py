"""PDF pages with Chinese text: A4, one embedded open font of which only the letters used are kept, numbered pages."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Final, cast

import fpdf
from fontTools.ttLib import TTFont
from fpdf.enums import XPos, YPos

from shared.clock import SHANGHAI
from shared.documents.sheet import Column, Row, Sheet, Sink, shown

PDF_TYPE: Final = "application/pdf"
_FONT = "NotoSansSC"
_MISSING = "〓"
"""What printers set for a letter they do not have."""
_MARGIN, _LINE, _PAD = 16.0, 5.4, 1.6
_INK, _SOFT, _RULE, _SHADE, _RED = (24, 32, 44), (104, 114, 130), (206, 212, 222), (243, 245, 249), (184, 28, 28)


@cache
def _font_file() -> str:
    return str(files("pylopdf_fonts_zh_cn") / "NotoSansSC-Regular.otf")


@cache
def _letters() -> frozenset[int]:
    with TTFont(_font_file(), lazy=True) as font:
        return frozenset(font.getBestCmap())


def printable(text: str) -> str:
    """Text in letters of the font; what it does not have is shown as 〓, never left out."""
    return "".join(c if ord(c) in _letters() else _MISSING for c in shown(text))


class Page(fpdf.FPDF):
    """A document that is drawn from top to bottom. `made_at` is its only date: equal calls make equal bytes."""

    def __init__(self, sheet_title: str, made_at: datetime, note: str = "") -> None:
        super().__init__(format="A4")
        self._note = note
        self.set_creation_date(made_at.astimezone(SHANGHAI))
        self.set_title(sheet_title)
        self.set_author("ShareStack")
        self.set_producer("ShareStack")
        self.set_lang("zh-CN")
        self.set_margin(_MARGIN)
        self.set_auto_page_break(auto=True, margin=_MARGIN + 4)
        self.c_margin = _PAD
        self.add_font(_FONT, fname=_font_file())
        self.add_page()

    def footer(self) -> None:
        """The note, and which page of how many."""
        self.set_y(-_MARGIN)
        self._pen(8, _SOFT)
        self.cell(self.epw - 40, _LINE, printable(self._note))
        self.cell(40, _LINE, f"第 {self.page_no()} / {{nb}} 页", align="R")

    def heading(self, text: str, *, red: bool = False) -> None:
        """The title, in the middle, with a line below."""
        self._pen(19, _RED if red else _INK)
        self.multi_cell(self.epw, 10, printable(text), align="C", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(1)
        self.rule()
        self.ln(3)

    def rule(self) -> None:
        """A line across the page."""
        self.set_draw_color(*_RULE)
        self.set_line_width(0.25)
        self.line(self.l_margin, self.get_y(), self.l_margin + self.epw, self.get_y())

    def fields(self, pairs: Iterable[tuple[str, str]]) -> None:
        """What a document says of itself, a label and its value on each line."""
        for label, value in pairs:
            self._pen(9.5, _SOFT)
            self.cell(46, _LINE + 0.6, printable(label))
            self._pen(10, _INK)
            self.multi_cell(self.epw - 46, _LINE + 0.6, printable(value), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(3)

    def paragraph(self, text: str) -> None:
        """A few sentences in small type."""
        self._pen(9, _SOFT)
        self.multi_cell(self.epw, _LINE, printable(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def table(self, columns: Sequence[Column], rows: Iterable[Row]) -> None:  # type: ignore[override]  # ours, not fpdf's
        """Rows over as many pages as they take, the headings on each; a long text wraps within its column."""
        whole = sum(column.width for column in columns)
        widths = [self.epw * column.width / whole for column in columns]
        self._headings(columns, widths)
        for row in rows:
            self._row(columns, widths, [printable(shown(cell)) for cell in row])

    def total(self, columns: Sequence[Column], row: Row) -> None:
        """The last row of a table, set apart."""
        whole = sum(column.width for column in columns)
        self._row(columns, [self.epw * column.width / whole for column in columns], [printable(shown(c)) for c in row], True)
        self.ln(3)

    def _headings(self, columns: Sequence[Column], widths: Sequence[float]) -> None:
        self._pen(9, _SOFT)
        self._cells(columns, widths, [[printable(line) for line in column.title.split("\n")] for column in columns], True)

    def _row(self, columns: Sequence[Column], widths: Sequence[float], texts: list[str], shaded: bool = False) -> None:
        self._pen(9, _INK)
        lines = [self._wrapped(text, width) for text, width in zip(texts, widths, strict=True)]
        if self.will_page_break(_height(lines)):
            self.add_page()
            self._headings(columns, widths)
            self._pen(9, _INK)
        self._cells(columns, widths, lines, shaded)

    def _wrapped(self, text: str, width: float) -> list[str]:
        if self.get_string_width(text) <= width - 2 * _PAD:
            return [text]
        return cast("list[str]", self.multi_cell(width, _LINE, text, dry_run=True, output="LINES"))

    def _cells(self, columns: Sequence[Column], widths: Sequence[float], lines: list[list[str]], shaded: bool) -> None:
        top, left, height = self.get_y(), self.l_margin, _height(lines)
        if shaded:
            self.set_fill_color(*_SHADE)
            self.rect(left, top, self.epw, height, style="F")
        for column, width, texts in zip(columns, widths, lines, strict=True):
            for number, text in enumerate(texts):
                self.set_xy(left, top + _PAD / 2 + number * _LINE)
                self.cell(width, _LINE, text, align="R" if column.align == "right" else "L")
            left += width
        self.set_xy(self.l_margin, top + height)
        self.rule()

    def _pen(self, size: float, color: tuple[int, int, int]) -> None:
        self.set_font(_FONT, size=size)
        self.set_text_color(*color)


def _height(lines: list[list[str]]) -> float:
    return max(map(len, lines)) * _LINE + _PAD


def write_pdf(sink: Sink, sheet: Sheet) -> None:
    """A sheet on pages. The whole document is in memory until it is written: 20 000 rows take 6 s and 20 MB."""
    page = Page(sheet.title, sheet.made_at, sheet.note)
    page.heading(sheet.title)
    page.fields(sheet.fields)
    page.table(sheet.columns, sheet.rows)
    if sheet.totals is not None:
        page.total(sheet.columns, sheet.totals())
    sink.write(bytes(page.output()))
