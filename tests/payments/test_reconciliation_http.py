"""PAY-027 to PAY-030 as an operator calls them."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from functions.payments import run_reconciliation
from functions.payments.gateways.base import BillRow
from shared import aws, clock
from shared.clock import SHANGHAI
from shared.dynamo.jobs import JobItem, find_job
from shared.money import Money
from tests.fixtures.api import Api
from tests.fixtures.people import make_file
from tests.payments.build import OPERATOR
from tests.payments.reconciling import SECOND_OPERATOR, Books

BASE = "/admin/payments/reconciliations"


@pytest.fixture
def staff(sign_in: Callable[..., str]) -> str:
    return sign_in(OPERATOR, permissions=("payment:read", "payment:write"))


@pytest.fixture
def day(counter: Api, books: Books) -> str:
    """Yesterday in Shanghai."""
    return (clock.now().astimezone(SHANGHAI).date() - timedelta(days=1)).isoformat()


def deliver(job_id: str) -> list[Any]:
    body = json.dumps({"job_id": job_id})
    return list(run_reconciliation.handler({"Records": [{"messageId": "1", "body": body}]}, None)["batchItemFailures"])


def job(job_id: str) -> JobItem:
    item = find_job(job_id)
    assert item is not None
    return item


def queued() -> list[str]:
    url = aws.client("sqs").get_queue_url(QueueName="sharestack-test-reconciliations")["QueueUrl"]
    found = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"])["job_id"] for message in found]


def ask(counter: Api, staff: str, day: str, **more: Any) -> Any:
    return counter.post(BASE, {"channel": "alipay", "date": day} | more, token=staff)


def test_a_day_is_reconciled_by_a_job_and_its_difference_resolved(
    counter: Api, books: Books, staff: str, day: str, sign_in: Callable[..., str]
) -> None:
    unknown = BillRow("G1", "P1", None, "pay", Money(200_000), Money(9), clock.now())
    books.till.gateway.bills[clock.now().astimezone(SHANGHAI).date() - timedelta(days=1)] = [unknown]
    reply = ask(counter, staff, day)
    assert (reply.status, reply.data["kind"], reply.data["status"]) == (202, "reconciliation", "queued")
    assert queued() == [reply.data["job_id"]]
    assert deliver(reply.data["job_id"]) == []
    done = job(reply.data["job_id"])
    assert (done.status, done.progress) == ("succeeded", 100)
    number = (done.result_json() or {})["reconciliation_id"]

    page = counter.get(BASE, token=staff, query={"channel": "alipay", "date_from": day, "date_to": day}).data
    run = {
        "reconciliation_id": number, "channel": "alipay", "date": day, "status": "mismatched", "matched": 0, "mismatched": 0,
        "missing_local": 1, "missing_remote": 0, "amount_diff": 200_000,
    }  # fmt: skip
    assert page["items"] == [run]
    assert counter.get(BASE, token=staff, query={"status": "resolved"}).data["total"] == 0
    shown = counter.get(f"{BASE}/{number}", token=staff).data
    (item,) = shown.pop("items")
    assert shown == run
    assert (item["kind"], item["gateway_no"], item["local_amount"], item["remote_amount"], item["status"]) == (
        "missing_local", "G1", None, 200_000, "open",
    )  # fmt: skip

    address = f"{BASE}/{number}/items/{item['item_id']}/resolve"
    wanted = {"action": "accept_remote", "comment": "seen at the console"}
    proposed = counter.post(address, wanted, token=staff).data
    assert (proposed["status"], proposed["proposed_action"], proposed["proposed_by"]) == ("open", "accept_remote", OPERATOR)
    assert counter.post(address, wanted, token=staff).error == (403, "self_approval_forbidden")
    second = sign_in(SECOND_OPERATOR, permissions=("payment:write",))
    resolved = counter.post(address, wanted, token=second).data
    assert (resolved["status"], resolved["resolution"], resolved["outcome"]) == (
        "resolved", "accept_remote", "order_not_found",
    )  # fmt: skip
    assert counter.post(address, wanted, token=staff).error == (409, "already_resolved")
    assert counter.get(f"{BASE}/{number}", token=staff).data["status"] == "resolved"
    audited = books.sql(
        """
        SELECT operation, admin_uid, details -> 'before' ->> 'status', details -> 'after' ->> 'status'
        FROM admin.admin_operation_logs WHERE result = 'success' ORDER BY created_at, id
        """
    )
    assert audited == [
        ("reconciliation.start", OPERATOR, None, None),
        ("reconciliation.propose", OPERATOR, "open", "open"),
        ("reconciliation.resolve", SECOND_OPERATOR, "open", "resolved"),
    ]


def test_a_day_that_is_being_reconciled_is_refused(counter: Api, staff: str, day: str) -> None:
    assert ask(counter, staff, day).status == 202
    assert ask(counter, staff, day).error == (409, "reconciliation_running")
    assert ask(counter, staff, day, channel="wechat").status == 202


def test_a_day_to_come_is_refused(counter: Api, staff: str, day: str) -> None:
    tomorrow = (clock.now().astimezone(SHANGHAI).date() + timedelta(days=1)).isoformat()
    assert ask(counter, staff, tomorrow).error == (422, "date_in_future")


@pytest.mark.parametrize(
    "change", [{"channel": "usdt"}, {"channel": "balance"}, {"date": "March"}, {"statement_media_id": 0}]
)
def test_what_cannot_be_reconciled_is_refused(counter: Api, staff: str, day: str, change: Any) -> None:
    assert counter.post(BASE, {"channel": "alipay", "date": day} | change, token=staff).status == 422


def test_what_does_not_exist_is_not_found(counter: Api, staff: str) -> None:
    assert counter.get(f"{BASE}/99", token=staff).error == (404, "reconciliation_not_found")
    wanted = {"action": "ignore", "comment": "x"}
    assert counter.post(f"{BASE}/99/items/1/resolve", wanted, token=staff).error == (404, "reconciliation_item_not_found")


def test_who_may_only_read_changes_nothing(counter: Api, day: str, sign_in: Callable[..., str]) -> None:
    reader = sign_in(OPERATOR, permissions=("payment:read",))
    assert ask(counter, reader, day).error == (403, "permission_denied")
    assert counter.get(BASE, token=reader).status == 200


def test_a_bill_that_is_not_ready_fails_the_job_and_frees_the_day(counter: Api, books: Books, staff: str, day: str) -> None:
    books.till.gateway.down = True
    first = ask(counter, staff, day).data["job_id"]
    assert deliver(first) == []
    assert (job(first).status, (job(first).error_json() or {})["error"]) == ("failed", "bill_not_ready")
    books.till.gateway.down = False
    second = ask(counter, staff, day).data["job_id"]
    deliver(second)
    assert job(second).status == "succeeded"


class TestStatementOfAPerson:
    ROWS = json.dumps([{"gateway_no": "G1", "kind": "pay", "amount": 700, "at": "2026-03-01T04:00:00+00:00"}])

    def upload(self, books: Books, content: str, owner: int = OPERATOR, status: str = "ready") -> int:
        media_id = make_file(books.sql, owner, "document", status)
        ((key,),) = books.sql("SELECT s3_key FROM media.media_files WHERE media_id = %s", (media_id,))
        aws.client("s3").put_object(Bucket="sharestack-test-media-private", Key=key, Body=content.encode())
        return media_id

    def test_a_file_takes_the_place_of_the_channels_bill(self, counter: Api, books: Books, staff: str, day: str) -> None:
        job_id = ask(counter, staff, day, statement_media_id=self.upload(books, self.ROWS)).data["job_id"]
        assert deliver(job_id) == []
        assert "bill" not in books.till.gateway.calls
        assert [row[4] for row in books.items()] == [700]

    def test_a_file_that_is_no_bill_fails_the_job_and_frees_the_day(
        self, counter: Api, books: Books, staff: str, day: str
    ) -> None:
        job_id = ask(counter, staff, day, statement_media_id=self.upload(books, "no bill")).data["job_id"]
        assert deliver(job_id) == []
        assert (job(job_id).error_json() or {})["error"] == "statement_invalid"
        assert ask(counter, staff, day).status == 202

    def test_a_strangers_file_and_one_not_yet_examined_are_not_found(
        self, counter: Api, books: Books, staff: str, day: str
    ) -> None:
        for media_id in (
            self.upload(books, self.ROWS, SECOND_OPERATOR),
            self.upload(books, self.ROWS, status="scanning"),
            99,
        ):
            assert ask(counter, staff, day, statement_media_id=media_id).error == (404, "media_not_found")


def test_a_job_delivered_again_does_nothing_again(counter: Api, books: Books, staff: str, day: str) -> None:
    job_id = ask(counter, staff, day).data["job_id"]
    for _ in range(2):
        assert deliver(job_id) == []
    assert job(job_id).attempts == 1
    assert books.sql("SELECT import_no FROM payments.reconciliation_runs") == [(1,)]


def test_a_queue_that_is_away_leaves_the_day_free(
    counter: Api, staff: str, day: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setenv("QUEUE_RECONCILIATIONS", "http://127.0.0.1:1/nowhere")
        assert ask(counter, staff, day).status == 503
    assert ask(counter, staff, day).status == 202
