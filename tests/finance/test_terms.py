"""Terms agreed with creators: share rates by kind from a day on, and holds. What is booked keeps what it was booked by."""

import re
from typing import Any

import pytest

from functions.finance import on_order_paid, sources
from tests.finance.build import OPERATOR, Desk
from tests.finance.conftest import CREATOR, Client
from tests.payments.build import add_work

TODAY, TOMORROW = "2026-03-01", "2026-03-02"


def split(desk: Desk, order_no: str) -> tuple[str, int, int]:
    """What was frozen on a line: kind, rate, the creator's part."""
    (found,) = desk.sql(
        "SELECT rate_kind, rate_bp, creator_amount FROM finance.creator_earnings WHERE order_no = %s", (order_no,)
    )
    return found


def put(call: Client, rate_bp: int, effective_from: str = TODAY, **fields: Any) -> Any:
    body = {"rate_bp": rate_bp, "effective_from": effective_from, **fields}
    return call.staff("PUT", f"/earnings/creator-share/{CREATOR}", body)


class TestRates:
    """FIN-005, and what FIN-004 shows of it."""

    def test_a_rate_counts_from_its_day_in_shanghai_and_leaves_what_is_booked(self, call: Client, counter: Desk) -> None:
        before = counter.sell(CREATOR, 10_000)
        assert put(call, 5_000, TOMORROW, reason="new agreement").data == {
            "creator_id": CREATOR, "rate_bp": 5_000, "effective_from": TOMORROW, "kind": None,
        }  # fmt: skip
        counter.pass_time(hours=11, minutes=59)
        today = counter.sell(CREATOR, 10_000)
        counter.pass_time(minutes=1)
        tomorrow = counter.sell(CREATOR, 10_000)
        assert [split(counter, order_no)[1:] for order_no in (before, today, tomorrow)] == [
            (8_000, 7_952), (8_000, 7_952), (5_000, 4_970),
        ]  # fmt: skip
        counter.books_hold()

    def test_a_sale_heard_late_is_shared_by_the_rate_of_its_day(self, call: Client, counter: Desk) -> None:
        fact = counter.paid_order(CREATOR, 10_000)
        put(call, 5_000, TOMORROW)
        counter.pass_time(days=3)
        assert counter.deliver(on_order_paid.handler, fact) == []
        assert split(counter, fact.order_no)[1] == 8_000

    @pytest.mark.parametrize("kind", ["article", "video"])
    def test_a_rate_of_a_kind_goes_before_the_general_one(self, call: Client, counter: Desk, kind: str) -> None:
        put(call, 3_000, kind=kind)
        put(call, 6_000, kind="subscription")
        put(call, 5_000, TOMORROW)
        counter.pass_time(days=1)
        work = {other: add_work(counter.sql, author_id=CREATOR, kind=other) for other in ("article", "video")}
        sold = {other: split(counter, counter.sell(CREATOR, 10_000, target_id=work[other])) for other in work}
        assert sold[kind][:2] == (kind, 3_000)
        assert {other: found[1] for other, found in sold.items() if other != kind} == (
            {"video": 5_000} if kind == "article" else {"article": 5_000}
        )
        for source in ("subscription", "renewal", "change_plan", "gift"):
            assert split(counter, counter.sell(CREATOR, 10_000, kind=source))[:2] == ("subscription", 6_000)
        assert split(counter, counter.sell(CREATOR, 10_000, target_id=9**9))[:2] == ("any", 5_000)
        counter.books_hold()

    def test_the_last_word_for_a_day_counts_and_both_are_audited(self, call: Client, counter: Desk) -> None:
        put(call, 1_000)
        put(call, 2_000, reason="typing error")
        assert split(counter, counter.sell(CREATOR, 10_000))[1] == 2_000
        assert counter.sql(
            """
            SELECT admin_uid, details->'before'->>'rate_bp', details->'after'->>'rate_bp', details->'after'->>'reason'
            FROM admin.admin_operation_logs WHERE operation = 'creator_share.set' ORDER BY 3
            """
        ) == [(OPERATOR, None, "1000", None), (OPERATOR, "1000", "2000", "typing error")]

    def test_a_creator_reads_the_rate_the_history_and_each_split(self, call: Client, counter: Desk) -> None:
        put(call, 7_000)
        put(call, 9_000, kind="audio")
        put(call, 6_000, TOMORROW)
        order_no = counter.sell(CREATOR, 10_000)
        given = call("GET", "/earnings/creator-share").data
        assert (given["rate_bp"], given["channel_fee_bp"]) == (7_000, 60)
        assert given["history"] == [
            {"rate_bp": 6_000, "effective_from": TOMORROW, "kind": None},
            {"rate_bp": 7_000, "effective_from": TODAY, "kind": None},
            {"rate_bp": 9_000, "effective_from": TODAY, "kind": "audio"},
        ]
        (item,) = given["items"]
        assert (item["order_no"], item["creator_amount"], item["platform_amount"]) == (order_no, 6_958, 2_982)

    def test_what_is_refused(self, call: Client, counter: Desk) -> None:
        assert put(call, 5_000, "2026-02-28").error == (422, "effective_from_in_past")
        missing = call.staff("PUT", "/earnings/creator-share/99", {"rate_bp": 1, "effective_from": TODAY})
        assert missing.error == (404, "creator_not_found")
        for body in ({"rate_bp": 10_001}, {"rate_bp": -1}, {"kind": "any"}, {"kind": "meme"}, {"effective_from": "soon"}):
            given = call.staff("PUT", f"/earnings/creator-share/{CREATOR}", {"rate_bp": 1, "effective_from": TODAY} | body)
            assert given.status == 422
            assert given.json["details"][0]["field"].startswith(f"body.{next(iter(body))}")
        assert call("PUT", f"/earnings/creator-share/{CREATOR}", {"rate_bp": 1, "effective_from": TODAY}).status == 403
        assert counter.sql("SELECT 1 FROM finance.creator_share_rates") == []


class TestHolds:
    """T+7, configurable per creator."""

    def hold(self, call: Client, days: int | None, creator: int = CREATOR) -> Any:
        return call.staff("PUT", f"/earnings/hold/{creator}", {"hold_days": days})

    def test_a_hold_counts_for_what_is_sold_from_then_on(self, call: Client, counter: Desk) -> None:
        counter.sell(CREATOR, 1_000)
        assert self.hold(call, 2).data == {"creator_id": CREATOR, "hold_days": 2}
        counter.sell(CREATOR, 2_000)
        assert self.hold(call, None).data == {"creator_id": CREATOR, "hold_days": None}
        counter.sell(CREATOR, 4_000)
        for days, gross in ((2, 2_000), (4, 0), (1, 5_000)):
            counter.pass_time(days=days)
            counter.settle()
            assert counter.sql(
                "SELECT coalesce(sum(gross), 0) FROM finance.creator_earnings WHERE settlement_id IS NOT NULL AND updated_at = %s",
                (counter.at,),
            ) == [(gross,)]
        counter.books_hold()

    def test_no_hold_at_all_is_due_at_once(self, call: Client, counter: Desk) -> None:
        self.hold(call, 0)
        counter.sell(CREATOR, 10_000)
        assert counter.settle() == 1
        assert counter.balances(CREATOR)["available"] == 7_952

    def test_it_is_audited_and_refused_as_rates_are(self, call: Client, counter: Desk) -> None:
        self.hold(call, 3)
        self.hold(call, None)
        assert counter.sql(
            """
            SELECT details->'before'->'hold_days', details->'after'->'hold_days' FROM admin.admin_operation_logs
            WHERE operation = 'creator_hold.set' ORDER BY details->'before'->>'hold_days' NULLS FIRST
            """
        ) == [(None, 3), (3, None)]
        assert self.hold(call, 3, creator=99).error == (404, "creator_not_found")
        assert self.hold(call, 366).json["details"][0]["field"].startswith("body.hold_days")


def test_finance_knows_every_kind_of_order_that_payments_does(counter: Desk) -> None:
    ((check,),) = counter.sql(
        """
        SELECT string_agg(pg_get_constraintdef(oid), ' ') FROM pg_constraint
        WHERE conrelid = 'payments.payment_orders'::regclass AND contype = 'c' AND pg_get_constraintdef(oid) LIKE '%(kind%'
        """
    )
    assert set(re.findall(r"'(\w+)'", check)) <= set(sources.RATED)
    assert set(sources.RATED) >= {"subscription", "renewal", "change_plan", "content", "gift", "membership"}


def test_a_sale_of_an_unknown_kind_waits_in_its_queue(counter: Desk) -> None:
    assert len(counter.deliver(on_order_paid.handler, counter.paid_order(CREATOR, 10_000, kind="lottery"))) == 1
    assert counter.sql("SELECT 1 FROM finance.creator_earnings") == []


def test_what_the_platform_sells_is_its_own(counter: Desk) -> None:
    order_no = counter.sell(0, 10_000, kind="membership")
    assert split(counter, order_no) == ("any", 0, 0)
    assert counter.settle() == 0
    counter.books_hold()
