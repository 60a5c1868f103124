"""FIN-013 and files: taxes tie to the statements of a year, files say what the routes say, and come out the same again."""

import csv
import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import openpyxl
import pypdfium2
import pytest

from functions.finance import run_report_job
from functions.finance.service import statements as monthly
from functions.finance.service import tax_pack
from shared import aws, clock
from shared.documents.sheet import Hashed
from shared.dynamo.jobs import JobItem, find_job
from shared.sql import connection as house_connection
from tests.finance.build import OPERATOR, Desk, add_creator
from tests.finance.conftest import CREATOR, Client
from tests.finance.invoicing import Counter
from tests.finance.test_reports import MIDNIGHT, history
from tests.fixtures.budget import statements
from tests.fixtures.postgres import House

EXPORT, SUMMARY, PACK = "/finance/reports/export", "/finance/tax-summary", "/finance/tax-summary/export"
STRANGER = 100_777
WHOLE = {"date_from": "2026-12-01", "date_to": "2027-01-31"}
CLOSED = MIDNIGHT + timedelta(hours=1)


def deliver(desk: Desk, job_id: str) -> JobItem:
    """The queue delivers, and delivers again; the job as it is then."""
    with desk.time():
        record = {"messageId": "m", "body": json.dumps({"job_id": job_id})}
        for _ in range(2):
            assert run_report_job.handler({"Records": [record]}, None) == {"batchItemFailures": []}
        known = find_job(job_id)
    assert known is not None
    assert known.attempts == 1
    return known


def stored(job: JobItem, name: str) -> bytes:
    key = f"reports/{job.job_id}/{name}"
    data: bytes = aws.client("s3").get_object(Bucket="sharestack-test-exports", Key=key)["Body"].read()
    result = job.result_json() or {}
    assert hashlib.sha256(data).hexdigest() == result["sha256"]
    assert key in result["url"]
    assert "X-Amz-Expires=86400" in result["url"]
    return data


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


def fen(text: str) -> int:
    return int(text.replace(".", ""))


def test_the_year_ties_to_its_twelve_statements(call: Client, counter: Desk, house: House) -> None:
    history(counter, 1)
    counter.at = datetime(2027, 2, 1, tzinfo=UTC)
    for year, begun in ((2026, 12), (2027, 2)):
        given = call("GET", SUMMARY, query={"year": year}).data
        with counter.time():
            db = house_connection.current()
            lines = {
                month: monthly.statement(db, CREATOR, month).lines
                for month in (f"{year}-{number:02d}" for number in range(1, begun + 1))
            }
        earned, back = (sum(one.amount for month in lines.values() for one in month if one.kind == kind)
                        for kind in ("earning", "refund"))  # fmt: skip
        assert earned > -back > 0
        assert (given["year"], given["gross_income"], given["refunds"]) == (year, earned, -back)
        assert given["net_income"] == earned + back == sum(month["net_income"] for month in given["months"])
        assert [(month["month"], month["net_income"]) for month in given["months"]] == [
            (month, sum(one.amount for one in of if one.kind in {"earning", "refund"})) for month, of in lines.items()
        ]
    assert call("GET", SUMMARY, query={"year": 2028}).data == {
        "year": 2028, "gross_income": 0, "refunds": 0, "net_income": 0, "invoiced": 0, "months": [],
    }  # fmt: skip
    assert statements(house, "finance", lambda: call("GET", SUMMARY, query={"year": 2026})) == 1
    assert call("GET", SUMMARY, query={"year": 1999}).status == 422
    assert call.staff("GET", SUMMARY, query={"year": 2026}).status == 403


def test_an_adjustment_is_income_and_what_is_moved_between_parts_is_none(call: Client, rich: Desk) -> None:
    before = call("GET", SUMMARY, query={"year": 2026}).data
    body = {
        "from_account": "platform:income",
        "to_account": f"creator:{CREATOR}:available",
        "amount": 500,
        "reason": "promised",
    }
    number = call.staff("POST", "/admin/finance/adjustments", body, headers={"Idempotency-Key": "a1"}).data["adjustment_id"]
    path = f"/admin/finance/adjustments/{number}/decision"
    assert call("POST", path, {"approve": True}, uid=100_010, permissions=("finance:approve",)).status == 200
    rich.ask(CREATOR, 20_000)
    after = call("GET", SUMMARY, query={"year": 2026}).data
    assert (before["gross_income"], after["gross_income"]) == (795_200, 795_700)
    assert after["refunds"] == before["refunds"] == 0


def test_what_was_invoiced_is_that_of_own_orders_less_red_invoices_of_the_year(call: Client, counter: Desk) -> None:
    add_creator(counter.sql, STRANGER)
    counter.at = MIDNIGHT - timedelta(hours=1)
    books = Counter(counter.sql, counter.acting, at=counter.at)
    mine, others = books.order(10_000), books.order(7_000)
    counter.sell(CREATOR, 10_000, order_no=mine)
    counter.sell(STRANGER, 7_000, order_no=others)
    books.issue(mine, others)
    books.refund(mine, 1_000)
    books.refund(others, 500)
    books.settle_down()
    assert books.at < MIDNIGHT
    books.at = MIDNIGHT
    books.refund(mine, 2_000)
    books.settle_down()
    counter.at = books.at
    asked = [call("GET", SUMMARY, uid=uid, query={"year": year}).data["invoiced"]
             for uid in (CREATOR, STRANGER) for year in (2026, 2027)]  # fmt: skip
    assert asked == [9_000, -2_000, 6_500, 0]


@pytest.mark.parametrize("by", [None, "channel", "kind"])
def test_a_file_says_what_the_report_says(call: Client, counter: Desk, by: str | None) -> None:
    counter.at = MIDNIGHT - timedelta(minutes=1)
    for channel in ("alipay", "wechat"):
        counter.sell(CREATOR, 10_000, channel=channel)
    counter.sell(0, 3_000, kind="membership")
    counter.pass_time(minutes=1)
    counter.sell(CREATOR, 20_000)
    totals = call.staff("GET", "/finance/reports", query={"kind": "income"} | WHOLE).data["totals"]
    made = {}
    for file_format in ("csv", "xlsx", "pdf"):
        asked = call.staff("POST", EXPORT, {"kind": "income", "by": by, "format": file_format} | WHOLE)
        assert (asked.status, asked.data["kind"], asked.data["status"]) == (202, "finance_report", "queued")
        job = deliver(counter, asked.data["job_id"])
        assert (job.status, job.progress, job.uid) == ("succeeded", 100, OPERATOR)
        made[file_format] = stored(job, f"income-2026-12-01-2027-01-31.{file_format}")
    table = rows(made["csv"])
    keys = {None: [""], "channel": ["alipay", "wechat"], "kind": ["content", "membership"]}[by]
    assert [row[0] for row in table[1:-1]] == [day for day in ("2026-12-01", "2027-01-01") for _ in keys]
    assert by is None or [row[1] for row in table[1:-1]] == keys * 2
    first = 1 if by is None else 2
    assert table[-1][0] == "合计 Total"
    for place, name in enumerate(totals, first):
        assert fen(table[-1][place]) == totals[name] == sum(fen(row[place]) for row in table[1:-1])
    [*_, last] = openpyxl.load_workbook(io.BytesIO(made["xlsx"])).worksheets[0].values
    assert last[first : first + 2] == (totals["amount"] / 100, totals["count"])
    page = pypdfium2.PdfDocument(made["pdf"])[0].get_textpage().get_text_range()
    assert f"{totals['amount'] // 100}.{totals['amount'] % 100:02d}" in page


def test_every_kind_has_a_file_and_what_cannot_be_one_is_refused(call: Client, counter: Desk) -> None:
    counter.sell(CREATOR, 10_000)
    for kind in ("refund", "settlement", "withdrawal", "tax", "balance"):
        asked = call.staff("POST", EXPORT, {"kind": kind, "format": "csv"} | WHOLE).data
        table = rows(stored(deliver(counter, asked["job_id"]), f"{kind}-2026-12-01-2027-01-31.csv"))
        assert len(table) == 4
        assert all(len(row) == len(table[0]) for row in table)
    good = {"kind": "income", "format": "csv"} | WHOLE
    assert call.staff("POST", EXPORT, good | {"date_to": "2026-11-30"}).error == (422, "range_invalid")
    for wrong in (good | {"format": "doc"}, good | {"kind": "tax", "by": "channel"}, good | {"by": "day"}):
        assert call.staff("POST", EXPORT, wrong).status == 422
    assert call.staff("POST", EXPORT, good, permissions=("payment:read",)).status == 403
    assert call("POST", EXPORT, good).status == 403
    told = counter.sql(
        "SELECT admin_uid, count(*) FROM admin.admin_operation_logs WHERE operation = 'finance_report.export' GROUP BY 1"
    )
    assert told == [(OPERATOR, 5)]


def test_more_parts_than_a_report_has_rows_fail_the_job_by_name(call: Client, counter: Desk) -> None:
    for channel in ("alipay", "wechat"):
        counter.sell(CREATOR, 10_000, channel=channel)
    days = {"date_from": "2024-01-01", "date_to": "2026-03-01", "period": "day"}
    asked = call.staff("POST", EXPORT, {"kind": "income", "by": "channel", "format": "csv"} | days)
    job = deliver(counter, asked.data["job_id"])
    assert (job.status, (job.error_json() or {})["error"]) == ("failed", "range_invalid")


def test_the_tax_pack_holds_every_line_of_a_year_that_is_over(call: Client, counter: Desk) -> None:
    history(counter, 1)
    counter.at = CLOSED - timedelta(seconds=1)
    assert call("POST", PACK, {"year": 2026}).json["details"][0]["field"] == "body.year"
    counter.at = CLOSED
    assert call("POST", PACK, {"year": 2026}).status == 202
    counter.at = datetime(2027, 2, 1, tzinfo=UTC)
    given = call("GET", SUMMARY, query={"year": 2026}).data
    made = []
    for _ in range(2):
        asked = call("POST", PACK, {"year": 2026})
        assert (asked.status, asked.data["kind"]) == (202, "tax_pack")
        made.append(stored(deliver(counter, asked.data["job_id"]), "tax-2026.zip"))
        counter.pass_time(days=40)
    assert made[0] == made[1]
    archive = zipfile.ZipFile(io.BytesIO(made[0]))
    assert archive.testzip() is None
    assert archive.namelist() == ["summary-2026.pdf", "months-2026.csv", "lines-2026.csv"]
    page = pypdfium2.PdfDocument(archive.read("summary-2026.pdf"))[0].get_textpage().get_text_range()
    assert f"¥{given['net_income'] // 100}.{given['net_income'] % 100:02d}" in page
    months = rows(archive.read("months-2026.csv"))
    assert [(row[0], fen(row[3])) for row in months[1:-1]] == [(one["month"], one["net_income"]) for one in given["months"]]
    assert list(map(fen, months[-1][1:])) == [given["gross_income"], given["refunds"], given["net_income"]]
    lines = rows(archive.read("lines-2026.csv"))
    assert sum(fen(row[3]) for row in lines if row[1] == "收入 Earning") == given["gross_income"]
    assert -sum(fen(row[3]) for row in lines if row[1] == "退款 Refund") == given["refunds"]
    with clock.frozen(counter.at), counter.acting():
        closing = monthly.statement(house_connection.current(), CREATOR, "2026-12").closing_balance
    assert fen(lines[-1][4]) == closing == sum(fen(row[3]) for row in lines[2:])
    assert call("POST", PACK, {"year": 1999}).status == 422
    assert call.staff("POST", PACK, {"year": 2026}).status == 403


def test_the_pack_is_told_month_by_month_how_far_it_is(counter: Desk) -> None:
    for month in (1, 3, 12):
        counter.at = datetime(2026, month, 2, tzinfo=UTC)
        counter.sell(CREATOR, 10_000)
    counter.at = datetime(2027, 2, 1, tzinfo=UTC)
    told: list[int] = []
    sink: Any = Hashed(io.BytesIO())
    with counter.time(), house_connection.transaction() as db:
        tax_pack.write(db, CREATOR, 2026, sink, told.append)
    assert told == [10, 25, 92]
