"""The routes of finance, through the real handler: who may, what is refused, what comes back."""

import json
from typing import Any

import pytest

from functions.finance import run_settlement_job
from shared import aws
from shared.dynamo.jobs import find_job
from tests.finance.build import OPERATOR, Desk, MortalPayouts, add_creator
from tests.finance.conftest import CREATOR, EVERYTHING, Client
from tests.fixtures.api import Api, Reply, SignIn

OTHER = 100_003
BODY = {"amount": 50_000, "method": "alipay", "account": {"name": "张三", "number": "13812345678"}}


GETS = ["/earnings/summary", "/earnings/settlements", "/earnings/creator-share", "/withdrawals/history", "/withdrawals/1",
        "/finance/statements?month=2026-03"]  # fmt: skip


@pytest.mark.parametrize("path", GETS)
def test_only_creators_read_earnings(http: Api, sign_in: SignIn, path: str) -> None:
    path, _, query = path.partition("?")
    options: Any = {"query": dict([query.split("=")])} if query else {}
    assert http.get(path, **options).error == (401, "unauthenticated")
    assert http.get(path, token=sign_in(5), **options).error == (403, "creator_required")


@pytest.mark.parametrize(
    ("verb", "path", "missing"),
    [
        ("GET", "/admin/finance/settlements", ("finance:write", "finance:approve")),
        ("POST", "/admin/finance/settlements", ("finance:read", "finance:approve")),
        ("GET", "/admin/finance/withdrawals", ("finance:write", "finance:approve")),
        ("POST", "/withdrawals/process/1", ("finance:read", "finance:write")),
    ],
)
def test_each_permission_opens_its_own_routes_only(call: Client, verb: str, path: str, missing: tuple[str, ...]) -> None:
    body: Any = {} if verb == "POST" else None
    assert call.staff(verb, path, body, permissions=missing).error == (403, "permission_denied")
    assert call(verb, path, body).error == (403, "permission_denied")


class TestRequest:
    """FIN-006."""

    def test_freezes_the_amount_and_announces_it(self, call: Client, rich: Desk) -> None:
        reply = call("POST", "/withdrawals/request", BODY)
        assert reply.status == 201
        given = reply.data
        assert given | {"withdrawal_id": 1} == {
            "withdrawal_id": 1, "amount": 50_000, "fee": 0, "net": 50_000, "method": "alipay", "account_masked": "138****5678",
            "status": "pending", "created_at": "2026-03-08T04:00:00Z",
        }  # fmt: skip
        assert rich.balances(CREATOR)["frozen"] == 50_000
        facts = rich.sql(
            "SELECT payload->>'withdrawal_id' FROM platform.outbox_events WHERE topic = 'finance.withdrawal_requested.v1'"
        )
        assert facts == [(str(given["withdrawal_id"]),)]
        rich.books_hold()

    def test_the_account_is_stored_encrypted_and_never_told(self, call: Client, rich: Desk) -> None:
        reply = call("POST", "/withdrawals/request", BODY)
        stored = str(rich.sql("SELECT account FROM finance.withdrawal_requests")[0][0])
        assert stored.startswith("v1:")
        for secret in ("13812345678", "张三"):
            assert secret not in stored
            assert secret not in reply.text

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"amount": 9_999}, (422, "below_minimum")),
            ({"amount": 795_201}, (409, "insufficient_balance")),
            ({"amount": 0}, (422, "validation_error")),
            ({"amount": -5}, (422, "validation_error")),
            ({"amount": 10**30}, (422, "validation_error")),
            ({"amount": 500.5}, (422, "validation_error")),
            ({"amount": "lots"}, (422, "validation_error")),
            ({"method": "bank"}, (422, "validation_error")),
            ({"method": "cash"}, (422, "validation_error")),
            ({"account": {"name": "", "number": "13812345678"}}, (422, "validation_error")),
            ({"account": {"name": "x", "number": "a b"}}, (422, "validation_error")),
            ({"account": {"name": "x\u0000", "number": "abc\u0000"}}, (422, "validation_error")),
            ({"account": None}, (422, "validation_error")),
            ({"extra": 1}, (422, "validation_error")),
        ],
    )
    def test_refuses_and_stores_nothing(self, call: Client, rich: Desk, change: Any, error: Any) -> None:
        assert call("POST", "/withdrawals/request", BODY | change).error == error
        assert rich.sql("SELECT count(*) FROM finance.withdrawal_requests") == [(0,)]
        assert rich.balances(CREATOR)["frozen"] == 0

    def test_asks_for_a_verified_identity(self, call: Client, counter: Desk) -> None:
        add_creator(counter.sql, OTHER, verified=False)
        counter.earned(OTHER, 500_000)
        reply = call("POST", "/withdrawals/request", BODY, uid=OTHER)
        assert reply.error == (409, "identity_not_verified")

    def test_allows_one_at_a_time(self, call: Client, rich: Desk) -> None:
        call("POST", "/withdrawals/request", BODY)
        assert call("POST", "/withdrawals/request", BODY).error == (409, "withdrawal_in_progress")
        rich.books_hold()

    def test_counts_the_day_in_shanghai(self, call: Client, counter: Desk) -> None:
        counter.earned(CREATOR, 20_000_000)
        counter.at = counter.at.replace(hour=15, minute=0)
        whole = BODY | {"amount": 5_000_000}
        assert call("POST", "/withdrawals/request", BODY | {"amount": 5_000_001}).error == (403, "daily_limit_exceeded")
        first = call("POST", "/withdrawals/request", whole).data["withdrawal_id"]
        counter.decide(first, "approve")
        counter.decide(first, "approve", by=OPERATOR + 1)
        counter.decide(first, "mark_paid", payout_no="1")
        assert call("POST", "/withdrawals/request", BODY).error == (403, "daily_limit_exceeded")
        counter.pass_time(hours=1)
        assert call("POST", "/withdrawals/request", whole).status == 201

    def test_a_refused_request_does_not_count_for_the_day(self, call: Client, counter: Desk) -> None:
        counter.earned(CREATOR, 20_000_000)
        whole = BODY | {"amount": 5_000_000}
        counter.decide(call("POST", "/withdrawals/request", whole).data["withdrawal_id"], "reject")
        assert call("POST", "/withdrawals/request", whole).status == 201

    def test_a_negative_pending_balance_blocks_what_it_owes(self, call: Client, counter: Desk) -> None:
        order_no = counter.sell(CREATOR, 1_000_000)
        counter.pass_time(days=7)
        counter.settle()
        counter.refund(order_no, 500_000)
        assert counter.balances(CREATOR) == {"pending": -397_600, "available": 795_200, "frozen": 0, "withdrawn": 0}
        assert call("POST", "/withdrawals/request", BODY | {"amount": 397_601}).error == (409, "insufficient_balance")
        assert call("POST", "/withdrawals/request", BODY | {"amount": 397_600}).status == 201
        counter.books_hold()

    def test_the_same_key_is_the_same_request(self, call: Client, rich: Desk) -> None:
        headers = {"Idempotency-Key": "k"}
        first = call("POST", "/withdrawals/request", BODY, headers=headers)
        again = call("POST", "/withdrawals/request", BODY, headers=headers)
        assert (again.status, again.text, again.headers["idempotent-replay"]) == (201, first.text, "true")
        other = call("POST", "/withdrawals/request", BODY | {"amount": 60_000}, headers=headers)
        assert other.error == (409, "idempotency_conflict")
        assert rich.balances(CREATOR)["frozen"] == 50_000


class TestOwn:
    """FIN-008, FIN-009."""

    def test_lists_own_payouts_only(self, call: Client, rich: Desk) -> None:
        add_creator(rich.sql, OTHER)
        rich.earned(OTHER, 500_000)
        theirs = rich.ask(OTHER, 20_000)
        mine = rich.request(CREATOR, 30_000)
        page = call("GET", "/withdrawals/history").data
        assert [item["withdrawal_id"] for item in page["items"]] == [mine]
        assert page["items"][0]["account_masked"] == "c***@example.com"
        assert call("GET", "/withdrawals/history", query={"status": "rejected"}).data["total"] == 0
        assert call("GET", "/withdrawals/history", query={"status": "nonsense"}).error == (422, "validation_error")
        assert call("GET", f"/withdrawals/{theirs}").error == (404, "withdrawal_not_found")

    def test_shows_the_steps(self, call: Client, rich: Desk) -> None:
        withdrawal_id = rich.request(CREATOR, 30_000)
        given = call("GET", f"/withdrawals/{withdrawal_id}").data
        assert [step["status"] for step in given["steps"]] == ["pending", "approved", "processing", "paid"]
        assert given["status"] == "paid"

    @pytest.mark.parametrize("path", ["/withdrawals/0", "/withdrawals/999999"])
    def test_an_unknown_one_is_not_found(self, call: Client, path: str) -> None:
        assert call("GET", path).error == (404, "withdrawal_not_found")

    def test_an_impossible_id_is_no_server_error(self, call: Client) -> None:
        assert call("GET", f"/withdrawals/{10**30}").status in {404, 422}


class TestProcess:
    """FIN-007."""

    def process(self, call: Client, withdrawal_id: int, action: str, **fields: Any) -> Reply:
        return call.staff("POST", f"/withdrawals/process/{withdrawal_id}", {"action": action} | fields)

    def test_an_approval_is_told_to_the_workflow_and_audited(self, call: Client, rich: Desk) -> None:
        withdrawal_id = rich.request(CREATOR, 150_000)
        reply = self.process(call, withdrawal_id, "approve", comment="ok")
        assert reply.data["status"] == "approved"
        assert len(rich.machine.answered) == 1
        rich.machine.run()
        assert rich.status(withdrawal_id) == "paid"
        ((admin, operation, details),) = rich.sql("SELECT admin_uid, operation, details FROM admin.admin_operation_logs")
        assert (admin, operation, details["comment"]) == (OPERATOR, "withdrawal.approve", "ok")

    def test_a_workflow_that_cannot_be_reached_does_not_undo_the_approval(self, call: Client, rich: Desk) -> None:
        withdrawal_id = rich.request(CREATOR, 150_000)

        def down(**_: object) -> None:
            raise OSError

        events = aws.client("stepfunctions").meta.events
        events.register_first("before-parameter-build.sfn.SendTaskSuccess", down)
        assert self.process(call, withdrawal_id, "approve").status == 200
        events.unregister("before-parameter-build.sfn.SendTaskSuccess", down)
        assert rich.sweep() == 1
        rich.machine.run()
        assert rich.status(withdrawal_id) == "paid"

    def test_a_retry_that_cannot_start_its_workflow_changes_nothing(
        self, call: Client, rich: Desk, monkeypatch: Any
    ) -> None:
        rich.vendor = MortalPayouts(("hopeless",))
        withdrawal_id = rich.request(CREATOR, 50_000)
        monkeypatch.setenv("WORKFLOW_WITHDRAWAL", "arn:aws:states:us-east-1:123456789012:stateMachine:gone")
        assert self.process(call, withdrawal_id, "retry").error == (502, "gateway_error")
        assert rich.status(withdrawal_id) == "failed"
        rich.books_hold()

    def test_a_rejection_gives_the_money_back(self, call: Client, rich: Desk) -> None:
        withdrawal_id = rich.request(CREATOR, 150_000)
        assert self.process(call, withdrawal_id, "reject", comment="no").data["status"] == "rejected"
        assert rich.balances(CREATOR)["frozen"] == 0
        assert self.process(call, withdrawal_id, "approve").error == (409, "invalid_state")
        assert call("GET", f"/withdrawals/{withdrawal_id}").data["steps"][-1]["comment"] == "no"

    def test_nobody_decides_on_their_own(self, call: Client, rich: Desk) -> None:
        withdrawal_id = rich.request(CREATOR, 150_000)
        path = f"/withdrawals/process/{withdrawal_id}"
        reply = call("POST", path, {"action": "approve"}, permissions=EVERYTHING)
        assert reply.error == (403, "self_approval_forbidden")

    def test_paid_by_hand_needs_the_number(self, call: Client, rich: Desk) -> None:
        withdrawal_id = rich.ask(CREATOR, 150_000)
        self.process(call, withdrawal_id, "approve")
        assert self.process(call, withdrawal_id, "mark_paid").error == (422, "validation_error")
        assert self.process(call, withdrawal_id, "mark_paid", payout_no="B1").data["status"] == "paid"

    def test_the_same_key_decides_once(self, call: Client, rich: Desk) -> None:
        withdrawal_id = rich.request(CREATOR, 150_000)
        path, body = f"/withdrawals/process/{withdrawal_id}", {"action": "reject"}
        first = call.staff("POST", path, body, headers={"Idempotency-Key": "k"})
        again = call.staff("POST", path, body, headers={"Idempotency-Key": "k"})
        assert (again.status, again.text) == (200, first.text)
        assert rich.sql("SELECT count(*) FROM admin.admin_operation_logs") == [(1,)]

    def test_an_unknown_one_is_not_found(self, call: Client) -> None:
        assert self.process(call, 999_999, "approve").error == (404, "withdrawal_not_found")
        assert self.process(call, 1, "burn").error == (422, "validation_error")


class TestQueue:
    """ADM-027."""

    def test_shows_who_asked(self, call: Client, rich: Desk) -> None:
        withdrawal_id = rich.request(CREATOR, 150_000)
        page = call.staff("GET", "/admin/finance/withdrawals", query={"status": "pending", "method": "alipay"}).data
        assert [item["withdrawal_id"] for item in page["items"]] == [withdrawal_id]
        assert page["items"][0]["creator"] == {
            "user_id": CREATOR, "username": f"creator{CREATOR}", "display_name": f"Creator{CREATOR}",
            "avatar_url": None,
        }  # fmt: skip
        assert call.staff("GET", "/admin/finance/withdrawals", query={"creator_id": 1}).data["total"] == 0

    def test_cursors_walk_through_all(self, call: Client, rich: Desk) -> None:
        for amount in (20_000, 30_000, 40_000):
            rich.request(CREATOR, amount)
        seen: list[int] = []
        query: dict[str, Any] = {"page_size": 2, "sort_by": "amount"}
        for _ in range(2):
            page = call.staff("GET", "/admin/finance/withdrawals", query=query).data
            seen += [item["amount"] for item in page["items"]]
            query["cursor"] = page["next_cursor"]
        assert seen == [40_000, 30_000, 20_000]
        assert query["cursor"] is None


class TestSettling:
    """ADM-025, ADM-026, FIN-003."""

    MARCH = {"period_start": "2026-03-01", "period_end": "2026-03-31"}  # noqa: RUF012 - read only

    def work_off(self, desk: Desk) -> None:
        url = aws.client("sqs").get_queue_url(QueueName="sharestack-test-settlement-jobs")["QueueUrl"]
        for received in aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            with desk.time():
                record = {"messageId": "1", "body": received["Body"]}
                assert run_settlement_job.handler({"Records": [record]}, None) == {"batchItemFailures": []}
            aws.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=received["ReceiptHandle"])

    def test_a_period_is_settled_by_a_job(self, call: Client, counter: Desk) -> None:
        counter.sell(CREATOR, 10_000)
        counter.pass_time(days=7)
        reply = call.staff("POST", "/admin/finance/settlements", self.MARCH)
        assert reply.status == 202
        job = reply.data
        assert (job["status"], job["progress"], job["kind"]) == ("queued", 0, "settlement")
        assert job["status_url"] == f"/api/v1/jobs/{job['job_id']}"
        self.work_off(counter)
        item = find_job(job["job_id"])
        assert item is not None
        assert (item.status, item.progress, item.result_json()) == (
            "succeeded", 100, {"settlements": 1, "creator_amount": 7_952},
        )  # fmt: skip
        page = call.staff("GET", "/admin/finance/settlements", query={"period": "2026-03"}).data
        assert page["items"][0] | {"settlement_id": 1} == {
            "settlement_id": 1, "creator_id": CREATOR, "period_start": "2026-03-01", "period_end": "2026-03-31",
            "gross": 10_000, "channel_fee": 60, "refund": 0, "platform_amount": 1_988, "creator_amount": 7_952,
            "status": "confirmed", "settled_at": "2026-03-08T04:00:00Z",
        }  # fmt: skip
        assert call("GET", "/earnings/settlements").data["items"] == page["items"]
        assert call.staff("GET", "/admin/finance/settlements", query={"period": "2026-04"}).data["total"] == 0
        assert call.staff("POST", "/admin/finance/settlements", self.MARCH).error == (409, "period_settled")
        counter.books_hold()

    def test_a_job_delivered_again_changes_nothing(self, call: Client, counter: Desk) -> None:
        counter.sell(CREATOR, 10_000)
        counter.pass_time(days=7)
        job_id = call.staff("POST", "/admin/finance/settlements", self.MARCH).data["job_id"]
        body = json.dumps({"job_id": job_id})
        for _ in range(2):
            with counter.time():
                run_settlement_job.handler({"Records": [{"messageId": "1", "body": body}]}, None)
        item = find_job(job_id)
        assert item is not None
        assert item.attempts == 1
        counter.books_hold()

    def test_a_job_that_cannot_be_done_fails_after_three_retries(self, call: Client, counter: Desk) -> None:
        counter.sell(CREATOR, 10_000)
        counter.pass_time(days=7)
        job_id = call.staff("POST", "/admin/finance/settlements", self.MARCH).data["job_id"]
        counter.sql("ALTER TABLE finance.settlements ADD CONSTRAINT broken CHECK (creator_id <> 100002)")
        record = {"messageId": "m", "body": json.dumps({"job_id": job_id})}
        said = []
        for _ in range(4):
            with counter.time():
                said.append(len(run_settlement_job.handler({"Records": [record]}, None)["batchItemFailures"]))
        assert said == [1, 1, 1, 0]
        item = find_job(job_id)
        assert item is not None
        assert (item.status, item.attempts) == ("failed", 4)
        assert item.error_json() == {"error": "settlement_failed", "message": f"creators [{CREATOR}]"}

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"period_end": "2026-02-28"}, (422, "range_invalid")),
            ({"period_end": "2028-03-01"}, (422, "range_invalid")),
            ({"period_end": "March"}, (422, "validation_error")),
            ({"creator_ids": []}, (422, "validation_error")),
            ({"creator_ids": [10**30]}, (422, "validation_error")),
        ],
    )
    def test_a_wrong_period_is_refused(self, call: Client, change: Any, error: Any) -> None:
        assert call.staff("POST", "/admin/finance/settlements", self.MARCH | change).error == error

    def test_a_period_without_sales_settles_nothing(self, call: Client, counter: Desk) -> None:
        job_id = call.staff("POST", "/admin/finance/settlements", self.MARCH | {"creator_ids": [OTHER]}).data["job_id"]
        self.work_off(counter)
        item = find_job(job_id)
        assert item is not None
        assert item.result_json() == {"settlements": 0, "creator_amount": 0}

    def test_the_same_key_is_one_job(self, call: Client, counter: Desk) -> None:
        first = call.staff("POST", "/admin/finance/settlements", self.MARCH, headers={"Idempotency-Key": "k"})
        again = call.staff("POST", "/admin/finance/settlements", self.MARCH, headers={"Idempotency-Key": "k"})
        assert (again.status, again.text) == (202, first.text)

    @pytest.mark.parametrize("query", [{"period": "2026-13"}, {"period": "202603"}, {"status": "x"}, {"creator_id": 0}])
    def test_wrong_filters_are_refused(self, call: Client, query: Any) -> None:
        assert call.staff("GET", "/admin/finance/settlements", query=query).error == (422, "validation_error")
