"""The routes of invoices: what they take, refuse, list and hand out."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from functions.finance import run_invoice_job, sweep_invoices
from functions.finance.documents import handler
from functions.finance.personal_data import DATA
from shared import aws, clock
from tests.finance.invoicing import BUYER, HUAWEI, STRANGER, Counter
from tests.fixtures.api import Api, Reply, SignIn
from tests.fixtures.postgres import House


@pytest.fixture
def counter(house: House, cloud: None, monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Buyers on the rolled-back database."""
    monkeypatch.setenv("MAIL_FROM", "no-reply@house.test")
    aws.client("sesv2").create_email_identity(EmailIdentity="no-reply@house.test")
    return Counter(house.sql, lambda: house.acting("finance"))


@pytest.fixture
def call(api: Callable[..., Api], counter: Counter, sign_in: SignIn) -> Callable[..., Reply]:
    """Calls at the counter's time, as the buyer."""
    http = api(handler, "finance")

    def calling(verb: str, path: str, body: Any = None, uid: int = BUYER, **options: Any) -> Reply:
        with clock.frozen(counter.at):
            return http.call(verb, f"/invoices/{path}", token=sign_in(uid), json_body=body, **options)

    return calling


Call = Callable[..., Reply]


def wish(*order_nos: str, **told: Any) -> dict[str, Any]:
    return {"order_nos": order_nos, "title_type": "personal", "title": "陈𬭎𫗧"} | told


def queued(url_of: str) -> list[dict[str, Any]]:
    got: list[dict[str, Any]] = (
        aws.client("sqs")
        .receive_message(QueueUrl=os.environ[url_of], MaxNumberOfMessages=10, VisibilityTimeout=0)
        .get("Messages", [])
    )
    return got


def test_from_the_request_to_the_link(counter: Counter, call: Call, house: House) -> None:
    order_no = counter.order(10_600)
    body = wish(
        order_no, order_no, title_type="company", title="华为技术有限公司", tax_no="91440300 1922038216", email="a@b.cn"
    )
    asked = call("POST", "generate", body)
    assert asked.status == 202, asked.text
    invoice = asked.data["invoice"]
    assert (asked.data["status"], asked.data["kind"]) == ("queued", "invoice")
    assert (invoice["amount"], invoice["tax_amount"], invoice["status"], invoice["invoice_no"]) == (
        10_600,
        600,
        "issuing",
        None,
    )
    path = f"download/{invoice['invoice_id']}"
    assert call("GET", path).error == (409, "invoice_not_ready")

    [told] = queued("QUEUE_INVOICE_JOBS")
    with counter.time():
        record = {"messageId": "m", "body": told["Body"]}
        assert run_invoice_job.handler({"Records": [record]}, None) == {"batchItemFailures": []}
    [listed] = call("GET", "list", query={"status": "issued"}).data["items"]
    assert (listed["invoice_no"], listed["kind"]) == ("FP202600000001", "blue")
    assert call("GET", "list", uid=STRANGER).data["items"] == []
    link = call("GET", path)
    assert link.data["expires_in"] == 300
    assert f"invoices/{BUYER}/" in link.data["url"]
    assert "X-Amz-Expires=300" in link.data["url"]
    assert call("GET", path, uid=STRANGER).error == (404, "invoice_not_found")
    [rows] = [rows for rows in DATA.rows if rows.table == "finance.invoices"]
    assert rows.reveal is not None
    [(tax_no, email, serial)] = house.sql("SELECT tax_no, email, serial FROM finance.invoices")
    assert (HUAWEI in tax_no, "a@b.cn" in email) == (False, False)
    assert rows.reveal({"tax_no": tax_no, "email": email, "serial": serial}) == {"tax_no": HUAWEI, "email": "a@b.cn"}


@pytest.mark.parametrize(
    ("told", "error", "field"),
    [
        ({"title_type": "company"}, (422, "tax_no_required"), ""),
        ({"title_type": "company", "tax_no": "914403001922038217"}, (422, "validation_error"), "body.tax_no"),
        ({"tax_no": HUAWEI}, (422, "validation_error"), "body.tax_no"),
        ({"title": ""}, (422, "validation_error"), "body.title"),
        ({"title": "a\nb"}, (422, "validation_error"), "body.title"),
        ({"email": "nobody"}, (422, "validation_error"), "body.email"),
        ({"order_nos": []}, (422, "validation_error"), "body.order_nos"),
        ({"order_nos": ["x"] * 51}, (422, "validation_error"), "body.order_nos"),
        ({"order_nos": ["none"]}, (404, "order_not_found"), ""),
    ],
)
def test_what_cannot_be_invoiced_is_refused_by_name(
    counter: Counter, call: Call, told: dict[str, Any], error: tuple[int, str], field: str
) -> None:
    said = call("POST", "generate", wish(counter.order(100)) | told)
    assert said.error == error, said.text
    assert field in said.text
    assert counter.sql("SELECT count(*) FROM finance.invoices") == [(0,)]


def test_orders_of_others_unpaid_and_invoiced_ones_answer_what_the_contract_says(counter: Counter, call: Call) -> None:
    order_no = counter.order(100)
    assert call("POST", "generate", wish(order_no), uid=STRANGER).error == (404, "order_not_found")
    assert call("POST", "generate", wish(counter.order(100, paid=False))).error == (409, "order_not_paid")
    assert call("POST", "generate", wish(order_no)).status == 202
    assert call("POST", "generate", wish(order_no)).error == (409, "already_invoiced")


def test_what_was_not_queued_the_sweeper_queues(counter: Counter) -> None:
    counter.ask(counter.order(100))
    with counter.time():
        assert sweep_invoices.handler({}, None)["done"] == 0
        assert queued("QUEUE_INVOICE_JOBS") == []
        counter.at = counter.at.replace(hour=5)
    with counter.time():
        assert sweep_invoices.handler({}, None)["done"] == 1
        assert len(queued("QUEUE_INVOICE_JOBS")) == 1
