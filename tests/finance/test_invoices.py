"""Invoices from the request to the file: numbers without gaps, red letters, races and deaths."""

import hashlib
from collections import Counter as Count
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import psycopg
import pypdfium2
import pytest
from moto.ses.models import ses_backends

from functions.finance.document_errors import AlreadyInvoiced, OrderNotFound, OrderNotPaid
from functions.finance.service import invoice_page, invoice_requests, invoicing, red_invoices
from shared import aws, clock
from shared.dynamo.jobs import find_job
from shared.errors import Refusal
from shared.sql import connection as house_connection
from shared.sql.connection import connect
from shared.sql.tunables import forget_tunables
from tests.finance.invoicing import BUYER, COMPANY, HUAWEI, MAILED, PERSONAL, STRANGER, Counter, MortalInvoicing
from tests.payments.build import Crash, dying_before_statement

THREADS = 16


@pytest.fixture
def counter(fresh_database: Callable[..., str], cloud: None) -> Iterator[Counter]:
    """Invoices on a database that commits, with finance's own rights."""
    forget_tunables()
    owner = psycopg.connect(fresh_database(), autocommit=True)
    serving = connect(fresh_database("finance"))
    house_connection.use(serving)

    def sql(statement: Any, parameters: Any = None) -> list[tuple[Any, ...]]:
        cursor = owner.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []

    with owner, serving:
        counter = Counter(sql)
        yield counter
        counter.books_hold()
        house_connection.use(None)


def text_of(document: bytes) -> str:
    return "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(document))


def test_an_invoice_is_issued_with_number_file_and_job(counter: Counter) -> None:
    counter.draw = invoice_page.draw
    orders = [counter.order(10_000), counter.order(20_050, title="写作课 𫗧")]
    invoice_id = counter.ask(*orders, title=COMPANY)
    job_id = counter.row(invoice_id)["job_id"]
    counter.work(invoice_id)

    row = counter.row(invoice_id)
    assert (row["status"], row["invoice_no"]) == ("issued", "FP202600000001")
    assert (row["amount"], row["tax_amount"]) == (30_050, 1_701)
    page = text_of(counter.file(invoice_id))
    told = ("FP202600000001", "华为技术有限公司", HUAWEI, "叁佰元伍角整", "¥300.50", "283.49", "17.01", "写作课 𫗧", *orders)
    assert [word for word in told if word not in page] == []
    assert hashlib.sha256(counter.file(invoice_id)).hexdigest() == row["sha256"]
    job = find_job(job_id)
    assert job is not None
    assert (job.status, job.result_json()) == ("succeeded", {"invoice_id": invoice_id})
    [(tax_no, email)] = counter.sql("SELECT tax_no, email FROM finance.invoices")
    assert tax_no.startswith("v1:")
    assert email is None


def test_what_was_refunded_before_is_not_invoiced_and_not_taken_back_again(counter: Counter) -> None:
    order_no = counter.order(10_000)
    early = counter.refunded(order_no, 4_000)
    invoice_id = counter.issue(order_no)
    counter.hear(early)
    assert (counter.row(invoice_id)["amount"], counter.reds(invoice_id)) == (6_000, [])

    counter.refund(order_no, 6_000)
    counter.settle_down()
    assert counter.reds(invoice_id) == [(-6_000, -340, "issued")]
    assert counter.row(invoice_id)["status"] == "void"


def test_orders_of_others_unpaid_refunded_and_invoiced_ones_are_refused(counter: Counter) -> None:
    good = counter.order(100)
    with pytest.raises(OrderNotFound):
        counter.ask(good, buyer=STRANGER)
    with pytest.raises(OrderNotPaid):
        counter.ask(good, counter.order(100, paid=False))
    gone = counter.order(100)
    counter.refunded(gone, 100)
    with pytest.raises(OrderNotPaid):
        counter.ask(gone)
    counter.ask(good)
    with pytest.raises(AlreadyInvoiced):
        counter.ask(counter.order(100), good)
    assert counter.sql("SELECT count(*) FROM finance.invoices") == [(1,)]


def test_refunds_in_parts_are_taken_back_by_red_invoices_that_sum_to_the_original(counter: Counter) -> None:
    counter.draw = invoice_page.draw
    first, second = counter.order(9_999), counter.order(7_777)
    invoice_id = counter.issue(first, second)
    for order_no, amount in ((first, 3_347), (second, 7_777), (first, 6_651)):
        counter.refund(order_no, amount)
        counter.settle_down()
        assert counter.row(invoice_id)["status"] == "issued"
    counter.refund(first, 1)
    counter.settle_down()

    original = counter.row(invoice_id)
    assert original["status"] == "void"
    reds = counter.reds(invoice_id)
    assert [amount for amount, *_ in reds] == [-3_347, -7_777, -6_651, -1]
    assert sum(tax for _, tax, _ in reds) == -original["tax_amount"]
    assert counter.numbers() == [f"FP2026{n:08d}" for n in range(1, 6)]
    [(red_id,)] = counter.sql("SELECT invoice_id FROM finance.invoices WHERE amount = -7777")
    page = text_of(counter.file(red_id))
    assert "红字" in page
    assert original["invoice_no"] in page
    assert "负柒拾柒元柒角柒分" in page


def test_a_refund_told_twice_is_taken_back_once(counter: Counter) -> None:
    order_no = counter.order(10_000)
    invoice_id = counter.issue(order_no)
    fact = counter.refunded(order_no, 2_500)
    counter.hear(fact)
    counter.hear(fact)
    counter.settle_down()
    assert counter.reds(invoice_id) == [(-2_500, -142, "issued")]
    assert counter.row(invoice_id)["reddened"] == 2_500


def test_a_refund_heard_before_issuing_ends_waits_for_the_number(counter: Counter) -> None:
    order_no = counter.order(10_000)
    invoice_id = counter.ask(order_no)
    counter.refund(order_no, 10_000)
    [(red_id,)] = counter.sql("SELECT invoice_id FROM finance.invoices WHERE kind = 'red'")
    counter.work(red_id)
    assert counter.reds(invoice_id) == [(-10_000, -566, "issuing")]
    counter.work(invoice_id)
    assert counter.reds(invoice_id) == [(-10_000, -566, "issued")]
    assert counter.row(invoice_id)["status"] == "void"
    assert counter.numbers() == ["FP202600000001", "FP202600000002"]


def test_years_have_sequences_of_their_own_and_shanghai_says_which_year_it_is(counter: Counter) -> None:
    counter.issue(counter.order(100))
    counter.at = counter.at.replace(month=12, day=31, hour=16)
    counter.issue(counter.order(100))
    assert counter.numbers() == ["FP202600000001", "FP202700000001"]


def test_a_number_and_an_amount_are_for_good(counter: Counter) -> None:
    invoice_id = counter.issue(counter.order(100))
    with pytest.raises(psycopg.Error, match="keeps its number"):
        counter.sql("UPDATE finance.invoices SET invoice_no = 'FP202600000009' WHERE invoice_id = %s", (invoice_id,))
    for statement in ("UPDATE finance.invoices SET amount = 1", "DELETE FROM finance.invoices"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            house_connection.current().execute(statement)


def test_the_address_is_told_when_it_is_issued_and_again_while_the_mail_is_not_taken(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_FROM", "no-reply@house.test")
    invoice_id = counter.issue(counter.order(10_000), title=MAILED)  # the sender is not verified yet
    job = find_job(counter.row(invoice_id)["job_id"])
    assert job is not None
    assert (job.status, counter.row(invoice_id)["status"]) == ("succeeded", "issued")
    aws.client("sesv2").create_email_identity(EmailIdentity="no-reply@house.test")
    counter.at += timedelta(minutes=1)
    with counter.time():
        assert invoicing.sweep() == 1
    for _ in range(2):
        counter.work(invoice_id)
    with counter.time():
        assert invoicing.sweep() == 0
    [letter] = ses_backends["123456789012"]["us-east-1"].sent_messages
    assert letter.destinations["ToAddresses"] == ["buyer@example.com"]
    assert "FP202600000001" in letter.body
    assert "100.00" in letter.body


def test_a_mail_that_nobody_takes_for_a_day_is_given_up(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_FROM", "nobody@elsewhere.test")
    invoice_id = counter.issue(counter.order(10_000), title=MAILED)
    counter.at += timedelta(days=1)
    counter.work(invoice_id)
    with counter.time():
        assert invoicing.sweep() == 0
    assert counter.row(invoice_id)["status"] == "issued"


# What the provider of 数电发票 may do.


@pytest.mark.parametrize(
    "fates", [("issued",), ("late",), ("unknown",), ("lost", "issued"), ("busy", "busy", "busy", "issued")]
)
def test_whatever_the_provider_does_a_serial_is_issued_once(counter: Counter, fates: Any) -> None:
    counter.uses("einvoice")
    counter.provider = MortalInvoicing(fates)
    order_no = counter.order(10_000)
    invoice_id = counter.issue(order_no, title=COMPANY)
    counter.settle_down()
    counter.refund(order_no, 1_000)
    counter.settle_down()

    assert counter.row(invoice_id)["status"] == "issued"
    assert counter.reds(invoice_id) == [(-1_000, -57, "issued")]
    assert len(counter.provider.issued) == 2
    assert counter.numbers() == sorted(said.invoice_no or "" for _, said in counter.provider.issued.values())
    assert counter.file(invoice_id).startswith(b"%PDF-")
    documents = [document for document, _ in counter.provider.issued.values()]
    assert [(one.tax_no, one.original_no) for one in documents] == [
        (HUAWEI, None),
        (HUAWEI, counter.row(invoice_id)["invoice_no"]),
    ]


@pytest.mark.parametrize(("fates", "calls"), [(("refused",), 1), (("busy",), 4)])
def test_a_refused_invoice_fails_frees_its_orders_and_takes_its_red_ones_along(
    counter: Counter, fates: Any, calls: int
) -> None:
    counter.uses("einvoice")
    counter.provider = MortalInvoicing(fates)
    order_no = counter.order(10_000)
    invoice_id = counter.ask(order_no)
    counter.refund(order_no, 1_000)
    counter.settle_down()

    row = counter.row(invoice_id)
    assert (row["status"], row["invoice_no"]) == ("failed", None)
    assert len(counter.provider.calls) == calls
    job = find_job(row["job_id"])
    assert job is not None
    assert job.status == "failed"
    assert counter.reds(invoice_id) == [(-1_000, -57, "void")]
    counter.provider = MortalInvoicing()
    again = counter.issue(order_no)
    assert (counter.row(again)["status"], counter.row(again)["amount"]) == ("issued", 9_000)


# Races: sixteen at once.


def race(counter: Counter, fresh_database: Callable[..., str], work: Callable[[int], Any]) -> list[Any]:
    barrier = Barrier(THREADS)

    def one(index: int) -> Any:
        with connect(fresh_database("finance")) as db, clock.frozen(counter.at):
            barrier.wait()
            try:
                with db.transaction():
                    return work(index)(db) if callable(work(index)) else None
            except Refusal as refusal:
                return refusal.error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


def test_of_sixteen_requests_for_one_order_one_gets_the_invoice(
    counter: Counter, fresh_database: Callable[..., str]
) -> None:
    shared, own = counter.order(100), [counter.order(100) for _ in range(THREADS)]

    def work(index: int) -> Any:
        pair = [own[index], shared] if index % 2 else [shared, own[index]]
        return lambda db: invoice_requests.generate(db, BUYER, pair, PERSONAL)[0].invoice_id

    said = race(counter, fresh_database, work)
    assert Count(one for one in said if isinstance(one, str)) == {"already_invoiced": THREADS - 1}
    assert counter.sql("SELECT count(*) FROM finance.invoice_orders WHERE order_no = %s", (shared,)) == [(1,)]


def test_sixteen_at_once_get_numbers_one_to_sixteen_though_every_third_dies(
    counter: Counter, fresh_database: Callable[..., str]
) -> None:
    invoices = [counter.ask(counter.order(100)) for _ in range(THREADS)]

    def work(index: int) -> Any:
        def number(db: Any) -> None:
            invoicing.number_in(db, invoices[index], None)
            if index % 3 == 0:
                raise AlreadyInvoiced  # the transaction is lost after its number was taken

        return number

    race(counter, fresh_database, work)
    for invoice_id in invoices:
        counter.work(invoice_id)
    assert counter.numbers() == [f"FP2026{n:08d}" for n in range(1, THREADS + 1)]


def test_a_refund_and_a_request_at_once_never_leave_the_refund_invoiced(
    counter: Counter, fresh_database: Callable[..., str]
) -> None:
    orders = [counter.order(1_000) for _ in range(THREADS // 2)]
    facts = [counter.refunded(order_no, 400) for order_no in orders]
    counter.sql("UPDATE payments.payment_orders SET refunded_amount = 0, status = 'paid'")

    def work(index: int) -> Any:
        order_no, fact = orders[index // 2], facts[index // 2]
        if index % 2:
            return lambda db: invoice_requests.generate(db, BUYER, [order_no], PERSONAL)[0].invoice_id

        def refund(db: Any) -> None:
            counter_sql = psycopg.connect(fresh_database(), autocommit=True)
            with counter_sql:
                counter_sql.execute(
                    """
                    UPDATE payments.payment_orders SET refunded_amount = 400, status = 'partially_refunded'
                    WHERE order_no = %s
                    """,
                    (order_no,),
                )
            red_invoices.hear_refund(db, fact)

        return refund

    race(counter, fresh_database, work)
    left = counter.sql("SELECT sum(amount) FROM finance.invoices GROUP BY order_nos")
    assert left == [(600,)] * len(orders)


# Deaths: before every statement, and around every call.


def outcome(counter: Counter, invoice_id: int) -> dict[str, Any]:
    counter.settle_down()
    row = counter.row(invoice_id)
    job = find_job(row["job_id"])
    serials = [
        serial
        for (serial,) in counter.sql(
            "SELECT serial FROM finance.invoices WHERE %(id)s IN (invoice_id, original_id)", {"id": invoice_id}
        )
    ]
    return {
        "row": {name: row[name] for name in ("amount", "tax_amount", "status", "reddened")},
        "reds": counter.reds(invoice_id),
        "job": job and job.status,
        "serials": len({document.serial for document, _ in counter.provider.issued.values()} & {*serials}),
        "gaps": counter.sql(
            "SELECT series, year, last FROM finance.invoice_counters WHERE last <> (SELECT count(*) FROM finance.invoices"
            " WHERE invoice_no LIKE 'FP%')"
        ),
    }


def walk(counter: Counter, order_no: str) -> int:
    """Asked for, refunded in part while it is issued, refunded in full after."""
    try:
        invoice_id = counter.ask(order_no)
    except (AlreadyInvoiced, OrderNotPaid):  # the answer was lost, the invoice was not
        [(invoice_id,)] = counter.sql(
            "SELECT invoice_id FROM finance.invoice_orders WHERE order_no = %s AND live", (order_no,)
        )
    counter.work(invoice_id)
    return int(invoice_id)


@pytest.mark.parametrize("provider", ["platform", "einvoice"])
def test_killed_before_any_statement_an_invoice_ends_as_if_it_had_not_been(counter: Counter, provider: str) -> None:
    counter.uses(provider)
    counter.provider = MortalInvoicing(("unknown",))
    undisturbed, killed = None, 0
    for number in range(1, 200):
        order_no = counter.order(10_000)
        fact = None
        try:
            with dying_before_statement(number) as sent:
                invoice_id = walk(counter, order_no)
                fact = counter.refunded(order_no, 10_000)
                counter.hear(fact)
                counter.settle_down()
        except Crash:
            killed += 1
            invoice_id = walk(counter, order_no)
            counter.hear(fact or counter.refunded(order_no, 10_000))
        found = outcome(counter, invoice_id)
        undisturbed = undisturbed or {
            "row": {"amount": 10_000, "tax_amount": 566, "status": "void", "reddened": 10_000},
            "reds": [(-10_000, -566, "issued")],
            "job": "succeeded",
            "serials": 0 if provider == "platform" else 2,
            "gaps": [],
        }
        assert found == undisturbed, number
        if sent[0] < number:
            break
    assert killed > 10


@pytest.mark.parametrize("moment", ["before issue", "after issue", "before ask", "after ask", "before fetch"])
def test_killed_around_any_call_a_serial_is_issued_once(counter: Counter, moment: str) -> None:
    counter.uses("einvoice")
    counter.provider = MortalInvoicing(("unknown",))
    counter.provider.dies = moment
    invoice_id = counter.ask(counter.order(10_000))
    for _ in range(3):
        try:
            counter.work(invoice_id)
        except Crash:
            continue
    assert counter.provider.dies is None or moment.endswith(("ask", "fetch"))
    counter.settle_down()
    assert counter.provider.dies is None
    assert counter.row(invoice_id)["status"] == "issued"
    assert len(counter.provider.issued) == 1
