"""Files for people, read back with other people's programs: pdfium, openpyxl, the csv module."""

import csv
import io
import tracemalloc
from datetime import UTC, date, datetime, timedelta

import openpyxl
import pypdfium2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.documents import pdf, tables
from shared.documents.sheet import Column, Hashed, Sheet
from shared.money import Money

AT = datetime(2026, 11, 1, 1, 2, 3, tzinfo=UTC)
COLUMNS = (Column("时间\nTime", 32), Column("说明\nText", 60), Column("金额\nAmount", 24, "right"))
WRITERS = {"pdf": pdf.write_pdf, "csv": tables.write_csv, "xlsx": tables.write_xlsx}
# Of the 通用规范汉字表, beyond Unicode's basic plane: what a person may be called, and many a font cannot write.
RARE_NAMES = "𬭎𫗧𬱟𬍛𫖮𬘭𬴂𪩘𨱏𣗋𤧛𥻗𩾃𫍯𬀩"


class Pipe:
    """A sink without a place to go back to, as an upload is."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> int:
        self.data += data
        return len(data)

    def flush(self) -> None:
        pass


def sheet(texts: list[str], *, title: str = "月结单 Statement") -> Sheet:
    rows = [(AT + timedelta(hours=n), text, Money(n * 1001)) for n, text in enumerate(texts)]
    return Sheet(title, [("创作者 Creator", "陈某")], COLUMNS, iter(rows), lambda: ("合计", "", Money(-5)), AT, "说明 Note")


def made(kind: str, document: Sheet) -> bytes:
    pipe = Pipe()
    WRITERS[kind](pipe, document)
    return pipe.data


def text_of(document: bytes) -> list[str]:
    return [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(document)]


def test_a_page_can_be_read_again_with_rare_characters_of_names():
    (page,) = text_of(made("pdf", sheet([RARE_NAMES, "复利的秘密"])))

    assert RARE_NAMES in page
    assert "月结单 Statement" in page
    assert "2026-11-01 09:02:03" in page, "times are Shanghai's"
    assert "10.01" in page
    assert "第 1 / 1 页" in page


def test_only_the_letters_used_are_embedded_and_only_the_font_that_was_asked_for():
    small = made("pdf", sheet(["一"]))

    assert small.count(b"/FontFile3") == 1
    assert b"+NotoSansSC" in small
    assert len(small) < 20_000


def test_a_letter_that_the_font_lacks_is_shown_as_missing():
    (page,) = text_of(made("pdf", sheet(["早安😀\n第二行"])))

    assert "早安〓 第二行" in page


def test_a_long_table_has_its_headings_and_its_number_on_every_page():
    pages = text_of(made("pdf", sheet([f"第{n}行" + "很长的说明" * (n % 9) for n in range(120)])))

    assert len(pages) > 3
    for number, page in enumerate(pages, 1):
        assert "Amount" in page
        assert f"第 {number} / {len(pages)} 页" in page
    said = "".join("".join(pages).split())
    assert all(f"第{n}行" in said for n in range(120))
    assert "合计" in pages[-1]


@pytest.mark.parametrize("kind", WRITERS)
def test_the_same_sheet_makes_the_same_bytes_and_another_one_others(kind):
    assert made(kind, sheet(["一", "二"])) == made(kind, sheet(["一", "二"]))
    assert made(kind, sheet(["一", "二"])) != made(kind, sheet(["一", "三"]))


def test_the_only_date_in_a_file_is_the_one_it_was_given():
    assert b"/CreationDate (D:20261101090203+08'00')" in made("pdf", sheet(["一"]))
    assert b"/ModDate" not in made("pdf", sheet(["一"]))
    book = openpyxl.load_workbook(io.BytesIO(made("xlsx", sheet(["一"]))))
    told = datetime(2026, 11, 1, 9, 2, 3)  # noqa: DTZ001 - a spreadsheet knows no zones
    assert (book.properties.created, book.properties.modified) == (told, told)


def test_a_hash_is_that_of_what_was_written():
    pipe = Pipe()
    hashed = Hashed(pipe)
    hashed.write(b"ab")
    hashed.write(b"c")

    assert pipe.data == b"abc"
    assert (hashed.size, hashed.sha256[:8]) == (3, "ba7816bf")


DANGEROUS = st.sampled_from(["=", "+", "-", "@", " =", "\t=", "\r=", "＝", "＠", "|", "%"])


@given(start=DANGEROUS, rest=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_no_text_becomes_a_formula_in_a_csv(start, rest):
    rows = list(csv.reader(io.StringIO(made("csv", sheet([start + rest])).decode("utf-8-sig"))))

    assert rows[1][1].startswith("'")
    assert len(rows) == 3


def test_a_csv_opens_in_a_spreadsheet_and_keeps_amounts_as_they_are():
    data = made("csv", sheet(['他说"好", 对吗']))

    assert data.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(data.decode("utf-8-sig")))) == [
        ["时间 Time", "说明 Text", "金额 Amount"],
        ["2026-11-01 09:02:03", '他说"好", 对吗', "0.00"],
        ["合计", "", "-0.05"],
    ]


def test_an_xlsx_holds_numbers_times_and_text_that_is_never_computed():
    book = openpyxl.load_workbook(io.BytesIO(made("xlsx", sheet(["一", '=HYPERLINK("http://x","y")']))))
    rows = list(book.worksheets[0].iter_rows())

    assert [cell.value for cell in rows[0]] == ["时间 Time", "说明 Text", "金额 Amount"]
    assert rows[1][0].value == datetime(2026, 11, 1, 9, 2, 3)  # noqa: DTZ001 - a spreadsheet knows no zones
    assert rows[2][2].value == 10.01
    assert rows[2][2].number_format == "#,##0.00"
    assert (rows[2][1].data_type, rows[2][1].quotePrefix) == ("s", True)
    assert rows[3][2].value == -0.05
    assert [cell.value for cell in book.worksheets[1][2]] == ["创作者 Creator", "陈某"]


def test_rows_beyond_one_sheet_go_on_the_next():
    pipe = Pipe()
    tables.write_xlsx(pipe, sheet([str(n) for n in range(7)]), sheet_rows=3)
    book = openpyxl.load_workbook(io.BytesIO(pipe.data))

    shown = [[row[1].value for row in page.iter_rows(min_row=2)] for page in book.worksheets[:3]]
    assert shown == [["0", "1", "2"], ["3", "4", "5"], ["6", ""]]
    assert all(page["A1"].value == "时间 Time" for page in book.worksheets[:3])


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_tables_are_written_in_the_same_memory_however_long_they_are(kind, tmp_path):
    def peak(rows: int) -> int:
        lines = (("一" * 20, date(2026, 1, 1), Money(n)) for n in range(rows))
        document = Sheet("t", [], COLUMNS, lines, None, AT)
        with (tmp_path / "out").open("wb") as out:
            tracemalloc.start()
            WRITERS[kind](out, document)
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert (tmp_path / "out").stat().st_size > rows
        return most

    assert peak(8000) < 1.2 * peak(4000)
