"""ADM-024: the overview ties to the ledger, in two round trips."""

from tests.finance.build import Desk
from tests.finance.conftest import CREATOR, Client
from tests.fixtures.budget import statements
from tests.fixtures.postgres import House

PATH = "/admin/finance/overview"


def test_before_anything_was_sold_all_is_zero(call: Client) -> None:
    assert call.staff("GET", PATH).data == {
        "gmv": 0, "net_revenue": 0, "platform_income": 0, "creator_payable": 0,
        "withdrawals_pending": {"count": 0, "amount": 0}, "refunds": {"count": 0, "amount": 0},
        "usdt": {"received": "0.000000", "pending": 0}, "by_channel": [],
    }  # fmt: skip


def test_every_figure_is_that_of_the_books(call: Client, rich: Desk, house: House) -> None:
    """10 000 yuan a week ago; today a discounted sale, a partial refund, the platform's own sale and a payout under way."""
    rich.sell(CREATOR, 10_000, channel="wechat", platform_discount=2_000)
    order_no = rich.sell(CREATOR, 20_000)
    rich.refund(order_no, 5_000)
    rich.sell(0, 3_000, kind="membership", channel="usdt")
    rich.ask(CREATOR, 150_000)
    rich.sql(
        """
        INSERT INTO payments.payment_orders (order_no, user_id, kind, target_id, seller_id, title, amount, discount_amount,
            payable_amount, currency, price_lines, status, channel, expires_at, created_at, updated_at)
        VALUES ('waits', 1, 'content', 1, 2, 't', 1, 0, 1, 'CNY', '[]', 'pending', 'usdt', now(), now(), now())
        """
    )
    today = rich.at.date().isoformat()
    given = call.staff("GET", PATH, query={"date_from": today}).data
    ((income,),) = rich.sql(
        """
        SELECT sum(p.amount) FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id)
        WHERE a.name = 'platform:income' AND p.at = %s
        """,
        (rich.at,),
    )
    balances = rich.balances(CREATOR)
    assert given == {
        "gmv": 33_000, "net_revenue": 28_000, "platform_income": income,
        "creator_payable": balances["pending"] + balances["available"] + balances["frozen"],
        "withdrawals_pending": {"count": 1, "amount": 150_000}, "refunds": {"count": 1, "amount": 5_000},
        "usdt": {"received": "0.000000", "pending": 1},
        "by_channel": [
            {"channel": "alipay", "gmv": 20_000, "orders": 1, "refunds": 5_000, "refund_count": 1},
            {"channel": "usdt", "gmv": 3_000, "orders": 1, "refunds": 0, "refund_count": 0},
            {"channel": "wechat", "gmv": 10_000, "orders": 1, "refunds": 0, "refund_count": 0},
        ],
    }  # fmt: skip
    assert call.staff("GET", PATH).data["gmv"] == 1_033_000
    assert statements(house, "finance", lambda: call.staff("GET", PATH)) == 2


def test_days_are_those_of_shanghai_and_what_was_owed_is_that_of_the_last(call: Client, counter: Desk) -> None:
    counter.at = counter.at.replace(hour=15, minute=59)
    counter.sell(CREATOR, 10_000)
    counter.pass_time(minutes=1)
    counter.sell(CREATOR, 20_000)
    for day, gmv, owed in (("2026-03-01", 10_000, 7_952), ("2026-03-02", 20_000, 23_856)):
        given = call.staff("GET", PATH, query={"date_from": day, "date_to": day}).data
        assert (given["gmv"], given["creator_payable"]) == (gmv, owed)


def test_a_range_ends_after_it_begins_and_within_a_year(call: Client) -> None:
    for first, last in (("2026-03-02", "2026-03-01"), ("2025-02-27", "2026-03-01")):
        given = call.staff("GET", PATH, query={"date_from": first, "date_to": last})
        assert (given.status, given.json["details"][0]["field"]) == (422, "query.date_to")
    assert call("GET", PATH).status == 403
