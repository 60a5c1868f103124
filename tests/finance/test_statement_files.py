"""Statements as files: they tie to the ledger to the fen, never change once given, and are made again byte for byte."""

import csv
import hashlib
import io
import json
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import openpyxl
import pypdfium2
import pytest

from functions.finance import run_statement_job
from functions.finance.document_errors import MonthNotOver
from functions.finance.documents import handler
from functions.finance.errors import MonthInvalid
from functions.finance.models import Entry, creator_account
from functions.finance.service import statement_figures, statement_jobs, statement_requests
from functions.finance.service.statement_figures import StatementDiffersError
from functions.finance.store import ledger
from shared import aws, clock
from shared.documents.sheet import Hashed
from shared.dynamo.jobs import JobItem, find_job
from shared.sql import connection as house_connection
from tests.finance.build import Desk, add_creator
from tests.finance.conftest import CREATOR
from tests.fixtures.api import Api
from tests.payments.build import Crash, dying_before_statement

FORMATS = ("pdf", "csv", "xlsx")
MARCH, APRIL, MAY, JUNE = (date(2026, month, 1) for month in (3, 4, 5, 6))


def history(desk: Desk, seed: int) -> None:
    """Three months of sales, refunds in parts, settlements and payouts, in any order."""
    chance = random.Random(seed)
    sold: list[tuple[str, int]] = []
    while desk.at < datetime(2026, 6, 2, tzinfo=UTC):
        desk.pass_time(hours=chance.randrange(1, 130))
        match chance.choice(["sell", "sell", "refund", "settle", "withdraw"]):
            case "sell":
                amount = chance.randrange(1, 9_000_00)
                sold.append((desk.sell(CREATOR, amount), amount))
            case "refund" if sold:
                order_no, amount = sold.pop(chance.randrange(len(sold)))
                back = chance.randrange(1, amount + 1)
                desk.refund(order_no, back)
            case "settle":
                desk.settle()
            case "withdraw":
                _withdraw(desk)


def _withdraw(desk: Desk) -> None:
    available = desk.balances(CREATOR)["available"] + min(desk.balances(CREATOR)["pending"], 0)
    busy = desk.sql("SELECT 1 FROM finance.withdrawal_requests WHERE status NOT IN ('paid', 'rejected', 'failed')")
    if 10_000 <= available <= 50_000_00 and not busy:
        withdrawal_id = desk.request(CREATOR, 10_000)
        if desk.status(withdrawal_id) == "pending":
            desk.decide(withdrawal_id, "approve")
            desk.machine.run()


def ask(desk: Desk, month: str = "2026-03", file_format: Any = "csv") -> JobItem:
    with desk.time():
        return statement_requests.ask(CREATOR, month, file_format)


def run(desk: Desk, job: JobItem) -> JobItem:
    """The queue delivers; the job as it is then."""
    with desk.time():
        said = run_statement_job.handler({"Records": [{"messageId": "m", "body": json.dumps({"job_id": job.job_id})}]}, None)
        assert said == {"batchItemFailures": []}
        known = find_job(job.job_id)
    assert known is not None
    return known


def file(creator: int, month: str, file_format: str) -> bytes:
    key = f"statements/{creator}/{month}.{file_format}"
    data: bytes = aws.client("s3").get_object(Bucket="sharestack-test-documents", Key=key)["Body"].read()
    return data


def owed(desk: Desk) -> int:
    parts = desk.balances(CREATOR)
    return parts["pending"] + parts["available"] + parts["frozen"]


@pytest.mark.parametrize("seed", range(3))
def test_statements_of_any_history_tie_to_the_ledger_and_come_out_the_same_later(desk: Desk, seed: int) -> None:
    history(desk, seed)
    with desk.time():
        given = [statement_jobs.give(CREATOR, first) for first in (MARCH, APRIL, MAY, JUNE)]
        assert given[0].opening_balance == 0
        assert [one.closing_balance for one in given[:-1]] == [one.opening_balance for one in given[1:]]
        assert given[-1].closing_balance == owed(desk)
        assert sum(one.line_count for one in given) > 10
        for one in given[:3]:
            rows = list(csv.reader(io.StringIO(_made(one, "csv").decode("utf-8-sig"))))
            figures = [[_fen(text) for text in row[3:]] for row in rows[1:]]
            balance = one.opening_balance
            for amount, after in figures[1:-1]:
                balance += amount
                assert after == balance
            assert figures[-1] == [one.closing_balance - one.opening_balance, one.closing_balance]
    desk.books_hold()
    desk.pass_time(days=10)
    desk.sell(CREATOR, 5_000)
    with desk.time():
        assert [statement_jobs.give(CREATOR, one.month) for one in given[:3]] == given[:3]
        assert [one.month for one in statement_figures.differing(house_connection.current())] == [JUNE], "June went on"


def _fen(text: str) -> int:
    return int(text.replace(".", "")) if text else 0


def _made(given: Any, file_format: Any) -> bytes:
    sink = io.BytesIO()
    with house_connection.transaction() as db:
        statement_jobs.write(db, given, file_format, Hashed(sink))  # which cannot go back, as an upload cannot
    return sink.getvalue()


def test_a_refund_of_a_month_that_is_over_appears_in_the_month_it_is_booked_in(desk: Desk) -> None:
    order_no = desk.sell(CREATOR, 10_000)
    desk.at = datetime(2026, 4, 2, tzinfo=UTC)
    first = run(desk, ask(desk))
    before = file(CREATOR, "2026-03", "csv")
    desk.refund(order_no, 10_000)
    desk.at = datetime(2026, 5, 2, tzinfo=UTC)
    again = run(desk, ask(desk))

    assert again.result_json() == first.result_json()
    assert file(CREATOR, "2026-03", "csv") == before
    run(desk, ask(desk, "2026-04"))
    lines = list(csv.reader(io.StringIO(file(CREATOR, "2026-04", "csv").decode("utf-8-sig"))))
    assert [line[1] for line in lines] == ["类型 Kind", "期初余额 Opening", "退款 Refund", "期末余额 Closing"]
    assert [line[3:] for line in lines[1:]] == [["", "79.52"], ["-79.52", "0.00"], ["-79.52", "0.00"]]
    with desk.time():
        assert statement_figures.prove() == 2


def test_all_formats_say_the_same_and_what_was_stored_is_made_again_byte_for_byte(desk: Desk) -> None:
    for n in range(60):
        desk.pass_time(hours=3)
        desk.sell(CREATOR, 10_000 + n)
    desk.at = datetime(2026, 4, 2, tzinfo=UTC)
    for file_format in FORMATS:
        job = run(desk, ask(desk, file_format=file_format))
        assert job.status == "succeeded"
        stored = file(CREATOR, "2026-03", file_format)
        assert job.result_json() is not None
        assert hashlib.sha256(stored).hexdigest() == (job.result_json() or {})["sha256"]
        with desk.time():
            assert _made(statement_jobs.give(CREATOR, MARCH), file_format) == stored
    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(file(CREATOR, "2026-03", "pdf"))]
    closing = f"{owed(desk) // 100}.{owed(desk) % 100:02d}"
    assert len(pages) > 1
    assert closing in pages[-1]
    rows = list(openpyxl.load_workbook(io.BytesIO(file(CREATOR, "2026-03", "xlsx"))).worksheets[0].values)
    assert rows[-1][1:2] + rows[-1][4:] == ("期末余额 Closing", float(closing))
    assert len(rows) == 60 + 3


def test_a_ledger_that_was_written_behind_the_month_is_noticed_and_no_second_statement_given(desk: Desk) -> None:
    desk.sell(CREATOR, 10_000)
    past, desk.at = desk.at, datetime(2026, 4, 2, tzinfo=UTC)
    run(desk, ask(desk))
    with desk.time(), house_connection.transaction() as db:
        lines = {creator_account(CREATOR, "pending"): 1, "platform:income": -1}
        ledger.post(db, Entry("late", "adjustment", "adjustment", "1", past, lines))
        [wrong] = statement_figures.differing(db)
        assert (wrong.creator_id, wrong.month) == (CREATOR, MARCH)
    with desk.time(), pytest.raises(StatementDiffersError):
        statement_figures.prove()
    with desk.time(), pytest.raises(StatementDiffersError):
        statement_jobs.give(CREATOR, MARCH)
    job = ask(desk, file_format="pdf")
    with desk.time(), pytest.raises(StatementDiffersError):
        statement_jobs.run({"job_id": job.job_id})
    assert find_job(job.job_id).status == "failed"  # type: ignore[union-attr]  # it was opened above
    assert desk.sql("SELECT format FROM finance.statement_files") == [("csv",)]


def test_a_month_is_closed_an_hour_after_its_end_in_shanghai(desk: Desk) -> None:
    end = datetime(2026, 3, 31, 16, tzinfo=UTC)
    for desk.at, amount in ((end - timedelta(seconds=1), 10_000), (end, 20_000)):
        desk.sell(CREATOR, amount)
    desk.at = end + timedelta(minutes=59)
    with pytest.raises(MonthNotOver):
        ask(desk)
    desk.at = end + timedelta(hours=1)
    assert ask(desk).status == "queued"
    with desk.time():
        given = statement_jobs.give(CREATOR, MARCH)
    assert (given.line_count, given.closing_balance) == (1, 7_952)
    for month in ("2026-13", "2026-3", "2027-01", "x"):
        with pytest.raises(MonthInvalid):
            ask(desk, month)


def test_killed_before_any_statement_the_file_is_the_same_one(desk: Desk) -> None:
    desk.sell(CREATOR, 10_000)
    desk.at = datetime(2026, 4, 2, tzinfo=UTC)
    number, sent, files = 0, [1], set()
    while sent[0] >= number:
        number += 1
        job = ask(desk, file_format="csv")
        desk.sql("ALTER TABLE finance.statements DISABLE TRIGGER append_only")
        desk.sql("ALTER TABLE finance.statement_files DISABLE TRIGGER append_only")
        desk.sql("TRUNCATE finance.statements, finance.statement_files")
        try:
            with dying_before_statement(number) as sent, desk.time():
                statement_jobs.run({"job_id": job.job_id})
        except Crash:
            run(desk, job)
        assert find_job(job.job_id).status == "succeeded"  # type: ignore[union-attr]  # it was opened above
        files.add(desk.sql("SELECT sha256, size FROM finance.statement_files")[0])
    assert number > 4
    assert len(files) == 1
    assert files == {(hashlib.sha256(file(CREATOR, "2026-03", "csv")).hexdigest(), len(file(CREATOR, "2026-03", "csv")))}


def test_the_routes_take_a_creator_from_the_wish_to_the_link(api: Any, counter: Desk, sign_in: Any) -> None:
    http: Api = api(handler, "finance")
    counter.sell(CREATOR, 10_000)
    stranger = add_creator(counter.sql, 100_777)
    counter.at = datetime(2026, 4, 2, tzinfo=UTC)
    with clock.frozen(counter.at):
        mine, other = sign_in(CREATOR, roles=("creator",)), sign_in(stranger, roles=("creator",))
        body = {"month": "2026-03", "format": "xlsx"}
        asked = http.call("POST", "/finance/statements/export", token=mine, json_body=body)
        assert (asked.status, asked.data["status"]) == (202, "queued")
        early = http.call("POST", "/finance/statements/export", token=mine, json_body=body | {"month": "2026-04"})
        assert early.error == (409, "month_not_over")
        wrong = http.call("POST", "/finance/statements/export", token=mine, json_body=body | {"format": "doc"})
        assert wrong.status == 422
        job = find_job(asked.data["job_id"])
        assert job is not None
        statement_id = (run(counter, job).result_json() or {})["statement_id"]
        path = f"/finance/statements/download/{statement_id}"
        link = http.call("GET", path, token=mine, query={"format": "xlsx"})
        assert link.data["expires_in"] == 300
        assert "statements/100002/2026-03.xlsx" in link.data["url"]
        assert "X-Amz-Expires=300" in link.data["url"]
        assert http.call("GET", path, token=mine, query={"format": "pdf"}).error == (409, "statement_not_ready")
        assert http.call("GET", path, token=other).error == (404, "statement_not_found")
