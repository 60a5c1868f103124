"""Statements made into files: once from the ledger, kept with the hash of their figures, and never different again."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from functions.finance.schemas import LineKind
from functions.finance.service.statement_figures import Reader, StatementDiffersError, reader_of, recompute
from functions.finance.service.statement_requests import closed_at
from functions.finance.store import statement_files as store
from functions.finance.store.statement_files import Format
from shared import clock, observe
from shared.documents import pdf, tables
from shared.documents.sheet import Column, Hashed, Row, Sheet, Sink
from shared.dynamo.jobs import find_job
from shared.money import Money
from shared.sql.connection import Connection, transaction
from shared.uploads import Upload, bucket

TYPES: Final = {"pdf": pdf.PDF_TYPE, "csv": tables.CSV_TYPE, "xlsx": tables.XLSX_TYPE}
WRITERS: Final = {"pdf": pdf.write_pdf, "csv": tables.write_csv, "xlsx": tables.write_xlsx}
KINDS: Final[dict[LineKind, str]] = {
    "earning": "收入 Earning",
    "refund": "退款 Refund",
    "withdrawal": "提现 Withdrawal",
    "fee": "手续费 Fee",
    "adjustment": "调整 Adjustment",
}
COLUMNS: Final = (
    Column("时间\nTime", 33),
    Column("类型\nKind", 30),
    Column("编号\nReference", 58),
    Column("金额（元）\nAmount", 27, "right"),
    Column("余额（元）\nBalance", 30, "right"),
)


def run(message: dict[str, Any]) -> None:
    """Work a job off; delivered again, it finds what is there. Raises StatementDiffersError, which wakes a person."""
    job = find_job(message["job_id"])
    if job is None or job.finished is not None:
        observe.info("job is over", job_id=message["job_id"])
        return
    job.begin()
    params = json.loads(job.params)
    try:
        given = give(params["creator_id"], date.fromisoformat(params["month"]))
        job.advance(50)
        sha256 = make_file(given, params["format"])
    except StatementDiffersError:
        job.fail("statement_differs", "the books say something else than the statement that was given")
        raise
    job.succeed({"statement_id": given.statement_id, "format": params["format"], "sha256": sha256})


def give(creator_id: int, first: date) -> store.Given:
    """The statement of a month that is closed: its figures are computed, and kept if they are the first."""
    with transaction() as db:
        figures = recompute(db, creator_id, first)
        given = store.keep(db, creator_id, first, figures, clock.now())
    if given.figures_sha256 != figures[3]:
        raise StatementDiffersError(given.statement_id)
    return given


def make_file(given: store.Given, file_format: Format) -> str:
    """Write a statement in a format, once; the hash of the file."""
    key = f"statements/{given.creator_id}/{given.month:%Y-%m}.{file_format}"
    name = f'attachment; filename="statement-{given.month:%Y-%m}.{file_format}"'
    with transaction() as db:
        known = store.sha256_of(db, given.statement_id, file_format)
        if known is not None:
            return known
        with Upload(bucket("documents"), key, TYPES[file_format], disposition=name) as out:
            file = Hashed(out)
            write(db, given, file_format, file)
        store.add_file(db, given.statement_id, file_format, (key, file.sha256, file.size), clock.now())
    return file.sha256


def write(db: Connection, given: store.Given, file_format: Format, sink: Sink) -> None:
    """The file of a statement, from the ledger; it holds no date but the month's, so it is the same at any time.

    Raises StatementDiffersError before the last byte is accepted, if a figure is not what was given.
    """
    lines = reader_of(db, given.creator_id, given.month)
    WRITERS[file_format](sink, _sheet(given, lines))
    if lines.read()[3] != given.figures_sha256:
        raise StatementDiffersError(given.statement_id)


def _sheet(given: store.Given, lines: Reader) -> Sheet:
    def rows() -> Iterator[Row]:
        yield (None, "期初余额 Opening", None, None, Money(given.opening_balance))
        for line in lines:
            yield (line.at, KINDS[line.kind], line.ref, Money(line.amount), Money(line.balance))

    return Sheet(
        title=f"创作者月结单 Monthly statement {given.month:%Y-%m}",
        fields=[
            ("创作者 Creator", str(given.creator_id)),
            ("账期 Month", f"{given.month:%Y-%m}（Asia/Shanghai）"),
            ("期初余额 Opening", f"¥{Money(given.opening_balance).to_yuan()}"),
            ("期末余额 Closing", f"¥{Money(given.closing_balance).to_yuan()}"),
        ],
        columns=COLUMNS,
        rows=rows(),
        totals=lambda: (
            None, "期末余额 Closing", None, Money(lines.closing - given.opening_balance), Money(lines.closing),
        ),
        made_at=closed_at(given.month),
        note=f"本单由账簿逐笔生成 From the ledger · SHA-256 {given.figures_sha256[:16]}",
    )  # fmt: skip
