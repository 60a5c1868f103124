"""FIN-001: earnings computed again; what differs is proposed, decided by a second person, and never proposed twice."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from typing import Any

import pytest

from functions.finance import run_settlement_job
from functions.finance.service import adjustments, recalculation
from functions.finance.service.recalculation import Calculation, Found
from shared import aws, clock
from shared.dynamo.jobs import find_job
from shared.sql.connection import connect
from shared.sql.edge import unit_of_work
from tests.finance.build import OPERATOR, Desk, add_creator
from tests.finance.conftest import CREATOR, Client
from tests.payments.build import Crash, dying_before_statement

SECOND, OTHER = 100_010, 100_003
MARCH = {"period_start": "2026-03-01", "period_end": "2026-03-31"}


def calculate(call: Client, desk: Desk, **fields: Any) -> Any:
    """Ask as the desk does and let the queue work it off; the job's result."""
    reply = call.staff("POST", "/earnings/calculate", MARCH | fields)
    assert (reply.status, reply.data["kind"]) == (202, "recalculation")
    deliver(desk)
    item = find_job(reply.data["job_id"])
    assert item is not None
    assert (item.status, item.progress) == ("succeeded", 100)
    return item.result_json()


def deliver(desk: Desk) -> None:
    url = aws.client("sqs").get_queue_url(QueueName="sharestack-test-settlement-jobs")["QueueUrl"]
    with desk.time():
        for message in aws.client("sqs").receive_message(QueueUrl=url).get("Messages", []):
            record = {"messageId": message["MessageId"], "body": message["Body"]}
            assert run_settlement_job.handler({"Records": [record]}, None) == {"batchItemFailures": []}


def decide(desk: Desk, number: int, *, approve: bool) -> None:
    with desk.time(), unit_of_work() as db:
        adjustments.decide(db, SECOND, number, approve=approve, comment=None)


def late_rate(call: Client, rate_bp: int, creator: int = CREATOR) -> None:
    """A rate set for today after sales of today were booked by the one before."""
    body = {"rate_bp": rate_bp, "effective_from": "2026-03-01"}
    assert call.staff("PUT", f"/earnings/creator-share/{creator}", body).status == 200


@pytest.fixture
def sold(call: Client, counter: Desk) -> Desk:
    """A whole sale, one refunded in part, one in full, one discounted, one of somebody else; and then a better rate."""
    add_creator(counter.sql, OTHER)
    counter.sell(CREATOR, 10_000)
    counter.refund(counter.sell(CREATOR, 10_000), 2_500)
    counter.refund(counter.sell(CREATOR, 5_000), 5_000)
    counter.sell(CREATOR, 8_000, platform_discount=2_000)
    counter.sell(OTHER, 1_000)
    return counter


def test_where_nothing_differs_nothing_is_proposed(call: Client, sold: Desk) -> None:
    found = calculate(call, sold)
    ((gross, fee, creator, platform),) = sold.sql(
        """
        SELECT sum(gross - reversed_gross), sum(channel_fee - reversed_fee), sum(creator_amount - reversed_creator),
               sum(platform_amount - reversed_platform) FROM finance.creator_earnings
        """
    )
    assert found == {
        "creators": 2, "gross": gross, "channel_fee": fee, "creator_amount": creator, "platform_amount": platform,
        "unheard_refunds": 0, "unheard_orders": 0, "differing": 0, "difference": 0, "shown": [], "proposed": [],
        "refused": [],
    }  # fmt: skip


def test_a_dry_run_tells_and_does_no_more(call: Client, sold: Desk) -> None:
    late_rate(call, 9_000)
    found = calculate(call, sold, dry_run=True)
    assert (found["differing"], found["proposed"]) == (3, [])
    assert found["difference"] == sum(one["expected"] - one["creator_amount"] for one in found["shown"]) == 2_735
    assert found["creators"] == 2
    assert calculate(call, sold, dry_run=True, creator_id=OTHER)["creators"] == 1
    assert sold.sql("SELECT 1 FROM finance.adjustments") == []


@pytest.mark.parametrize("rate_bp", [9_000, 7_000])
def test_what_differs_is_proposed_once_and_booked_when_a_second_person_agrees(
    call: Client, sold: Desk, rate_bp: int
) -> None:
    sold.earned(CREATOR, 100_000)
    sold.sell(OTHER, 100)
    before = sold.balances(CREATOR)
    lines = sold.sql("SELECT * FROM finance.creator_earnings ORDER BY earning_id")
    late_rate_of = {"rate_bp": rate_bp, "day": "2026-03-01"}
    sold.sql(
        """
        INSERT INTO finance.creator_share_rates (creator_id, rate_bp, effective_from, set_by, created_at)
        VALUES (100002, %(rate_bp)s, %(day)s, 1, now())
        """,
        late_rate_of,
    )
    found = calculate(call, sold)
    (number,) = found["proposed"]
    assert (found["difference"] > 0) == (rate_bp > 8_000)
    again = calculate(call, sold)
    assert (again["differing"], again["proposed"]) == (0, [])
    sold.books_hold()
    decide(sold, number, approve=True)
    assert sold.balances(CREATOR)["available"] - before["available"] == found["difference"]
    assert sold.sql("SELECT * FROM finance.creator_earnings ORDER BY earning_id") == lines
    assert calculate(call, sold)["differing"] == 0
    sold.books_hold()


def test_what_was_rejected_or_lay_for_a_week_is_found_again(call: Client, sold: Desk) -> None:
    late_rate(call, 9_000)
    (first,) = calculate(call, sold)["proposed"]
    decide(sold, first, approve=False)
    (second,) = calculate(call, sold)["proposed"]
    sold.pass_time(days=7)
    (third,) = calculate(call, sold)["proposed"]
    assert first < second < third
    sold.books_hold()


def test_a_refund_after_a_correction_is_counted_with_it(call: Client, sold: Desk) -> None:
    order_no = sold.sell(CREATOR, 10_000)
    late_rate(call, 9_000)
    decide(sold, calculate(call, sold)["proposed"][0], approve=True)
    sold.refund(order_no, 10_000)
    found = calculate(call, sold)
    assert found["difference"] == -994
    sold.books_hold()


def test_who_cannot_cover_a_correction_is_told_of(call: Client, sold: Desk) -> None:
    late_rate(call, 1_000)
    found = calculate(call, sold)
    assert found["proposed"] == []
    assert found["refused"] == [{"creator_id": CREATOR, "difference": found["difference"], "error": "insufficient_balance"}]
    assert sold.sql("SELECT 1 FROM finance.adjustments") == []
    sold.books_hold()


def test_what_was_not_heard_yet_is_counted_not_corrected(call: Client, sold: Desk) -> None:
    order_no = sold.sell(CREATOR, 10_000)
    sold.sql(
        """
        INSERT INTO payments.payment_orders (order_no, user_id, kind, target_id, seller_id, title, amount, discount_amount,
            payable_amount, currency, price_lines, status, channel, payment_no, refunded_amount, paid_at, expires_at,
            created_at, updated_at)
        SELECT o, 1, 'content', 1, %s, 't', 10000, 0, 10000, 'CNY', '[]', 'partially_refunded', 'alipay', o, 100, %s, now(),
            now(), now() FROM unnest(%s::text[]) o
        """,
        (CREATOR, sold.at, [order_no, "unheard"]),
    )
    found = calculate(call, sold)
    assert (found["unheard_orders"], found["unheard_refunds"], found["differing"]) == (1, 1, 0)


def test_an_amount_that_is_not_its_orders_is_found(call: Client, counter: Desk) -> None:
    order_no = counter.sell(CREATOR, 10_000)
    counter.sql(
        """
        INSERT INTO payments.payment_orders (order_no, user_id, kind, target_id, seller_id, title, amount, discount_amount,
            payable_amount, currency, price_lines, status, channel, payment_no, paid_at, expires_at, created_at, updated_at)
        VALUES (%s, 1, 'content', 1, %s, 't', 15000, 3000, 12000, 'CNY', '[{"borne_by": "platform", "amount": -3000}]', 'paid',
            'alipay', 'P', %s, now(), now(), now())
        """,
        (order_no, CREATOR, counter.at),
    )
    (shown,) = calculate(call, counter, dry_run=True)["shown"]
    assert shown == {"order_no": order_no, "creator_id": CREATOR, "creator_amount": 7_952, "expected": 11_942}


def test_what_is_refused_and_what_is_written_down(call: Client, sold: Desk) -> None:
    def ask(**fields: Any) -> Any:
        return call.staff("POST", "/earnings/calculate", MARCH | fields)

    assert ask(period_end="2026-02-28").error == (422, "range_invalid")
    assert ask(period_end="2027-03-03").error == (422, "range_invalid")
    assert ask(creator_id=0).status == 422
    assert call("POST", "/earnings/calculate", MARCH).status == 403
    sold.pass_time(days=7)
    sold.settle()
    assert ask().error == (409, "period_settled")
    assert ask(dry_run=True).status == 202
    sold.sell(CREATOR, 1)
    assert ask().status == 202
    logged = sold.sql("SELECT admin_uid FROM admin.admin_operation_logs WHERE operation = 'earnings.calculate'")
    assert logged == [(OPERATOR,)] * 2


def test_a_creator_whose_lines_cannot_be_read_leaves_the_others_alone_and_is_retried(call: Client, sold: Desk) -> None:
    late_rate(call, 9_000)
    late_rate(call, 9_000, OTHER)
    job_id = call.staff("POST", "/earnings/calculate", MARCH).data["job_id"]
    sold.sql("ALTER TABLE finance.adjustments ADD CONSTRAINT broken CHECK (to_account <> 'creator:100002:available')")
    record = {"messageId": "m", "body": json.dumps({"job_id": job_id})}
    with sold.time():
        assert run_settlement_job.handler({"Records": [record]}, None)["batchItemFailures"]
        sold.sql("ALTER TABLE finance.adjustments DROP CONSTRAINT broken")
        assert not run_settlement_job.handler({"Records": [record]}, None)["batchItemFailures"]
    assert len(sold.sql("SELECT 1 FROM finance.adjustments")) == 2
    item = find_job(job_id)
    assert item is not None
    assert item.status == "succeeded"


def test_two_recalculations_at_once_propose_once(desk: Desk, fresh_database: Any) -> None:
    desk.sell(CREATOR, 10_000)
    desk.sql("INSERT INTO finance.creator_share_rates VALUES (100002, 9000, '2026-03-01', 1, NULL, now())")
    asked = Calculation(date(2026, 3, 1), date(2026, 3, 31), None, dry_run=False, operator=OPERATOR)

    def one(_: int) -> int:
        found = Found()
        with connect(fresh_database("finance")) as db, clock.frozen(desk.at), db.transaction():
            recalculation._creator(db, CREATOR, asked, found)
        return len(found.proposed)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(one, range(8))) == [0] * 7 + [1]
    desk.books_hold()


@pytest.mark.parametrize("rate_bp", [9_000, 7_000])
def test_dying_before_any_statement_proposes_once_all_the_same(desk: Desk, rate_bp: int) -> None:
    uids = iter(range(300_000, 10**6))
    for number in range(1, 100):
        creator = add_creator(desk.sql, next(uids))
        desk.earned(creator, 10_000)
        first = desk.at.date()
        desk.sell(creator, 10_000)
        desk.sql(
            "INSERT INTO finance.creator_share_rates (creator_id, rate_bp, effective_from, set_by, created_at) VALUES (%s, %s, %s, 1, now())",
            (creator, rate_bp, first),
        )
        asked = Calculation(first, first, creator, dry_run=False, operator=OPERATOR)
        with desk.time():
            with dying_before_statement(number) as sent, suppress(Crash):
                recalculation.run(asked, lambda _: None)
            recalculation.run(asked, lambda _: None)
        own = f"creator:{creator}:available"
        assert desk.sql(
            "SELECT amount, count(*) OVER () FROM finance.adjustments WHERE %s IN (from_account, to_account)", (own,)
        ) == [(994, 1)], f"died before statement {number}"
        if sent[0] < number:
            break
    assert number > 7
    desk.books_hold()
