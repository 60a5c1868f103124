"""What creators read of their money, to the fen."""

from typing import Any

import pytest

from functions.finance.service import sweep
from tests.finance.build import Desk, add_creator
from tests.finance.conftest import CREATOR, Client
from tests.fixtures.budget import statements
from tests.fixtures.postgres import House

OTHER = 100_003


def add_plan_order(desk: Desk, order_no: str) -> int:
    """The plan an order bought, as subscriptions would have stored it."""
    (plan_id,) = desk.sql(
        """
        INSERT INTO subscriptions.subscription_plans (creator_id, name, tier, amount, currency, interval, trial_days, benefits,
            permissions, content_scope, content_ids, status, created_at, updated_at)
        VALUES (%s, 'Gold', 1, 2900, 'CNY', 'month', 0, '[]', '{}', 'all', '{}', 'active', now(), now()) RETURNING plan_id
        """,
        (CREATOR,),
    )[0]
    (subscription_id,) = desk.sql(
        """
        INSERT INTO subscriptions.user_subscriptions (user_id, creator_id, plan_id, tier, amount, status, auto_renew, created_at,
            updated_at) VALUES (5, %s, %s, 1, 2900, 'pending', false, now(), now()) RETURNING subscription_id
        """,
        (CREATOR, plan_id),
    )[0]
    desk.sql(
        """
        INSERT INTO subscriptions.subscription_periods (subscription_id, order_no, kind, plan_id, tier, amount, months, days,
            status, created_at, updated_at) VALUES (%s, %s, 'order', %s, 1, 2900, 1, 0, 'open', now(), now())
        """,
        (subscription_id, order_no, plan_id),
    )
    return int(plan_id)


class TestSummary:
    """FIN-002."""

    def test_before_anything_was_sold_all_is_zero(self, call: Client) -> None:
        assert call("GET", "/earnings/summary").data == {
            "currency": "CNY", "pending": 0, "available": 0, "frozen": 0, "withdrawn": 0, "total_gross": 0, "total_net": 0,
            "rows": [],
        }  # fmt: skip

    def test_balances_are_the_ledgers(self, call: Client, rich: Desk) -> None:
        rich.request(CREATOR, 50_000)
        rich.ask(CREATOR, 150_000)
        rich.sell(CREATOR, 10_000)
        given = call("GET", "/earnings/summary").data
        assert {part: given[part] for part in ("pending", "available", "frozen", "withdrawn")} == rich.balances(CREATOR)
        assert given["pending"] == 7_952

    def test_rows_are_net_of_refunds_and_sum_to_the_totals(self, call: Client, counter: Desk) -> None:
        add_creator(counter.sql, OTHER)
        counter.sell(OTHER, 77_777)
        first = counter.sell(CREATOR, 10_000)
        counter.pass_time(days=31)
        counter.sell(CREATOR, 20_000)
        counter.refund(first, 10_000)
        given = call("GET", "/earnings/summary").data
        assert given["rows"] == [
            {"key": "2026-03", "gross": 10_000, "channel_fee": 60, "platform_amount": 1_988, "creator_amount": 7_952},
            {"key": "2026-04", "gross": 10_000, "channel_fee": 60, "platform_amount": 1_988, "creator_amount": 7_952},
        ]
        assert (given["total_gross"], given["total_net"]) == (20_000, 15_904)

    @pytest.mark.parametrize(
        ("query", "keys"),
        [
            ({"group_by": "day"}, ["2026-03-01", "2026-03-02"]),
            ({"group_by": "day", "date_from": "2026-03-02"}, ["2026-03-02"]),
            ({"group_by": "day", "date_to": "2026-03-01"}, ["2026-03-01"]),
            ({"group_by": "content"}, ["41", "42"]),
        ],
    )
    def test_groups_by_shanghai_days_or_content(self, call: Client, counter: Desk, query: Any, keys: list[str]) -> None:
        counter.at = counter.at.replace(hour=15, minute=59)
        counter.sell(CREATOR, 1_000, target_id=41)
        counter.pass_time(minutes=1)
        counter.sell(CREATOR, 2_000, target_id=42)
        counter.sell(CREATOR, 2_900, kind="subscription")
        given = call("GET", "/earnings/summary", query=query).data
        assert [row["key"] for row in given["rows"]] == keys

    def test_groups_by_plan(self, call: Client, counter: Desk) -> None:
        counter.sell(CREATOR, 1_000)
        plan_id = add_plan_order(counter, counter.sell(CREATOR, 2_900, kind="subscription"))
        given = call("GET", "/earnings/summary", query={"group_by": "plan"}).data
        assert [(row["key"], row["gross"]) for row in given["rows"]] == [(str(plan_id), 2_900)]
        assert given["total_gross"] == 3_900

    @pytest.mark.parametrize(
        "query", [{"group_by": "year"}, {"date_from": "yesterday"}, {"date_from": "2026-03-02", "date_to": "2026-03-01"}]
    )
    def test_a_wrong_question_is_refused(self, call: Client, query: Any) -> None:
        assert call("GET", "/earnings/summary", query=query).error == (422, "validation_error")


class TestShare:
    """FIN-004."""

    def test_shows_the_rate_and_how_each_order_was_divided(self, call: Client, counter: Desk) -> None:
        order_no = counter.sell(CREATOR, 10_000)
        counter.sql(
            """
            INSERT INTO finance.creator_share_rates (creator_id, rate_bp, effective_from, set_by, created_at) VALUES
                (%(c)s, 9000, '2026-03-02', 1, now()), (%(c)s, 9500, '2026-04-01', 1, now())
            """,
            {"c": CREATOR},
        )
        counter.pass_time(days=1)
        given = call("GET", "/earnings/creator-share").data
        assert (given["rate_bp"], given["channel_fee_bp"]) == (9_000, 60)
        assert given["history"] == [
            {"rate_bp": 9_500, "effective_from": "2026-04-01", "kind": None},
            {"rate_bp": 9_000, "effective_from": "2026-03-02", "kind": None},
        ]  # fmt: skip
        (item,) = given["items"]
        assert item | {"earning_id": 1} == {
            "earning_id": 1, "order_no": order_no, "gross": 10_000, "channel_fee": 60, "platform_amount": 1_988,
            "creator_amount": 7_952, "status": "pending", "created_at": "2026-03-01T04:00:00Z",
        }  # fmt: skip
        assert given["total"] == 1

    def test_the_default_rate_has_no_history(self, call: Client) -> None:
        given = call("GET", "/earnings/creator-share").data
        assert (given["rate_bp"], given["history"], given["items"]) == (8_000, [], [])

    def test_days_bound_the_list(self, call: Client, counter: Desk) -> None:
        counter.sell(CREATOR, 1_000)
        counter.pass_time(days=2)
        counter.sell(CREATOR, 2_000)
        given = call("GET", "/earnings/creator-share", query={"date_from": "2026-03-02", "date_to": "2026-03-03"}).data
        assert [item["gross"] for item in given["items"]] == [2_000]


class TestStatement:
    """FIN-011."""

    def test_every_movement_of_a_month_ties_to_the_balance(self, call: Client, counter: Desk) -> None:
        first = counter.sell(CREATOR, 100_000)
        counter.pass_time(days=7)
        counter.settle()
        withdrawal_id = counter.request(CREATOR, 20_000)
        counter.sell(CREATOR, 10_000)
        refund_order = first
        counter.refund(refund_order, 50_000)
        given = call("GET", "/finance/statements", query={"month": "2026-03"}).data
        assert [(line["kind"], line["ref"], line["amount"], line["balance"]) for line in given["lines"]] == [
            ("earning", first, 79_520, 79_520),
            ("withdrawal", str(withdrawal_id), -20_000, 59_520),
            ("earning", given["lines"][2]["ref"], 7_952, 67_472),
            ("refund", first, -39_760, 27_712),
        ]
        balances = counter.balances(CREATOR)
        assert given["opening_balance"] == 0
        assert given["closing_balance"] == balances["pending"] + balances["available"] + balances["frozen"] == 27_712

    def test_a_month_opens_with_what_the_last_one_closed_with(self, call: Client, counter: Desk) -> None:
        counter.at = counter.at.replace(day=31, hour=15, minute=59)
        counter.sell(CREATOR, 10_000)
        counter.pass_time(minutes=1)
        counter.sell(CREATOR, 20_000)
        march = call("GET", "/finance/statements", query={"month": "2026-03"}).data
        april = call("GET", "/finance/statements", query={"month": "2026-04"}).data
        assert (len(march["lines"]), march["closing_balance"]) == (1, 7_952)
        assert (april["opening_balance"], april["closing_balance"]) == (7_952, 23_856)

    def test_fees_and_returns_have_lines_of_their_own(self, call: Client, rich: Desk) -> None:
        withdrawal_id = rich.ask(CREATOR, 50_000)
        rich.sql("UPDATE finance.withdrawal_requests SET fee = 100")
        rich.start(withdrawal_id, CREATOR)
        rich.machine.run()
        (number,) = rich.vendor.numbers
        rich.vendor.decide(number, "returned")
        rich.pass_time(hours=13)
        with rich.time():
            assert sweep.find_returned(rich.rails) == 1
        given = call("GET", "/finance/statements", query={"month": "2026-03"}).data
        assert [(line["kind"], line["amount"]) for line in given["lines"]] == [
            ("earning", 795_200), ("withdrawal", -49_900), ("fee", -100), ("adjustment", 50_000),
        ]  # fmt: skip
        assert given["closing_balance"] == 795_200

    @pytest.mark.parametrize(
        "month", ["2026-13", "2026-3", "202603", "2026-03-01", "march", "2026-W01", "2027-01", "٢٠٢٦-٠٣"]
    )
    def test_what_is_no_month_or_one_to_come_is_refused(self, call: Client, month: str) -> None:
        assert call("GET", "/finance/statements", query={"month": month}).error == (422, "month_invalid")

    def test_the_month_must_be_given(self, call: Client) -> None:
        assert call("GET", "/finance/statements").error == (422, "validation_error")


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/earnings/summary", 2),
        ("/earnings/settlements", 2),
        ("/earnings/creator-share", 2),
        ("/withdrawals/history", 2),
        ("/withdrawals/1", 2),
        ("/finance/statements?month=2026-03", 2),
    ],
)
def test_a_read_takes_two_round_trips_at_most(call: Client, house: House, path: str, most: int) -> None:
    path, _, query = path.partition("?")
    options: Any = {"query": dict([query.split("=")])} if query else {}
    assert statements(house, "finance", lambda: call("GET", path, **options)) <= most
