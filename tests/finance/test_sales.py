"""Sales and refunds are booked once, in any order, and to the fen."""

from functions.finance import on_order_paid, on_refund_succeeded
from shared.ids import new_ulid
from tests.finance.build import Desk
from tests.finance.conftest import CREATOR

MINE = f"creator:{CREATOR}:pending"


def lines(desk: Desk, reference: str) -> dict[str, int]:
    return dict(
        desk.sql(
            """
            SELECT a.name, p.amount FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
            JOIN finance.ledger_accounts a USING (account_id) WHERE e.reference = %s
            """,
            (reference,),
        )
    )


def earning(desk: Desk, order_no: str) -> tuple[str, int, int]:
    """Status, creator's amount, reversed of it."""
    statement = "SELECT status, creator_amount, reversed_creator FROM finance.creator_earnings WHERE order_no = %s"
    return desk.sql(statement, (order_no,))[0]


def test_a_payment_is_divided_between_channel_platform_and_creator(counter: Desk) -> None:
    order_no = counter.sell(CREATOR, 10_000)
    shares = {"channel:alipay": -10_000, "platform:fees": 60, "platform:income": 1_988, MINE: 7_952}
    assert lines(counter, f"capture:{order_no}") == shares
    assert earning(counter, order_no) == ("pending", 7_952, 0)
    counter.books_hold()


def test_the_platform_pays_for_its_own_discounts_and_gets_its_part_back(counter: Desk) -> None:
    """A work of 100 yuan, 30 of them taken off by a campaign: the creator earns of 100, the buyer paid 70."""
    order_no = counter.sell(CREATOR, 7_000, platform_discount=3_000)
    shares = {
        "channel:alipay": -7_000,
        "platform:marketing": -3_000,
        "platform:fees": 42,
        "platform:income": 1_992,
        MINE: 7_966,
    }
    assert lines(counter, f"capture:{order_no}") == shares
    refund_id = counter.refund(order_no, 1_400)
    assert lines(counter, f"refund:{refund_id}") == {
        "channel:alipay": 1_400, "platform:marketing": 600, "platform:fees": -8, "platform:income": -398, MINE: -1_594,
    }  # fmt: skip
    counter.books_hold()
    counter.refund(order_no, 5_600)
    assert earning(counter, order_no) == ("reversed", 7_966, 7_966)
    counter.books_hold()


def test_a_discount_that_covers_all_costs_the_platform_alone(counter: Desk) -> None:
    order_no = counter.sell(CREATOR, 0, platform_discount=1_000, channel="balance")
    assert lines(counter, f"capture:{order_no}") == {"platform:marketing": -1_000, "platform:income": 200, MINE: 800}
    counter.books_hold()


def test_usdt_costs_no_fee(counter: Desk) -> None:
    order_no = counter.sell(CREATOR, 10_000, channel="usdt")
    assert lines(counter, f"capture:{order_no}") == {"channel:usdt": -10_000, "platform:income": 2_000, MINE: 8_000}


def test_what_the_platform_sells_is_all_its_own(counter: Desk) -> None:
    order_no = counter.sell(0, 10_000, kind="membership")
    shares = {"channel:alipay": -10_000, "platform:fees": 60, "platform:income": 9_940}
    assert lines(counter, f"capture:{order_no}") == shares
    refund_id = counter.refund(order_no, 10_000)
    assert lines(counter, f"refund:{refund_id}") == {account: -amount for account, amount in shares.items()}
    counter.pass_time(days=8)
    assert counter.settle() == 0
    counter.books_hold()


def test_an_order_that_was_free_is_booked_without_an_entry(counter: Desk) -> None:
    order_no = counter.sell(CREATOR, 0)
    assert lines(counter, f"capture:{order_no}") == {}
    assert earning(counter, order_no) == ("pending", 0, 0)
    counter.books_hold()


def test_the_rate_is_the_creators_own_of_the_day_of_payment_in_shanghai(counter: Desk) -> None:
    counter.sql(
        """
        INSERT INTO finance.creator_share_rates (creator_id, rate_bp, effective_from, set_by, created_at) VALUES
            (%(c)s, 9000, '2026-03-01', 1, now()), (%(c)s, 5000, '2026-03-02', 1, now())
        """,
        {"c": CREATOR},
    )
    counter.at = counter.at.replace(hour=15, minute=59)  # 23:59 on the 1st in Shanghai
    first = counter.sell(CREATOR, 10_000)
    counter.pass_time(minutes=1)
    second = counter.sell(CREATOR, 10_000)
    assert (earning(counter, first)[1], earning(counter, second)[1]) == (8_946, 4_970)


def test_the_same_payment_told_twice_is_booked_once(counter: Desk) -> None:
    fact = counter.paid_order(CREATOR, 10_000)
    for _ in range(2):
        assert counter.deliver(on_order_paid.handler, fact) == []
    assert counter.deliver(on_order_paid.handler, fact.model_copy(update={"event_id": new_ulid()})) == []
    assert counter.balances(CREATOR)["pending"] == 7_952
    counter.books_hold()


def test_another_currency_is_not_booked_and_not_lost(counter: Desk) -> None:
    fact = counter.paid_order(CREATOR, 10_000, currency="USDT")
    assert counter.deliver(on_order_paid.handler, fact) != []
    assert counter.sql("SELECT count(*) FROM platform.processed_events") == [(0,)]


def test_partial_refunds_add_up_to_the_whole(counter: Desk) -> None:
    order_no = counter.sell(CREATOR, 1_999)
    for amount in (1, 333, 667, 500):
        counter.refund(order_no, amount)
        counter.books_hold()
    assert earning(counter, order_no)[0] == "pending"
    counter.refund(order_no, 498)
    assert earning(counter, order_no) == ("reversed", 1_589, 1_589)
    assert counter.balances(CREATOR)["pending"] == 0
    assert counter.sql("SELECT sum(amount) FROM finance.ledger_postings GROUP BY account_id") == [(0,)] * 4
    counter.books_hold()


def test_the_same_refund_told_twice_is_booked_once(counter: Desk) -> None:
    order_no = counter.sell(CREATOR, 10_000)
    fact = counter.refund_of(order_no, 5_000)
    for event_id in (fact.event_id, fact.event_id, new_ulid()):
        again = fact.model_copy(update={"event_id": event_id})
        assert counter.deliver(on_refund_succeeded.handler, again) == []
    assert counter.balances(CREATOR)["pending"] == 3_976
    counter.books_hold()


def test_refunds_heard_before_their_sale_wait_for_it(counter: Desk) -> None:
    sale = counter.paid_order(CREATOR, 10_000)
    refunds = [counter.refund_of(sale.order_no, 4_000), counter.refund_of(sale.order_no, 6_000, 4_000)]
    for fact in reversed(refunds):
        assert counter.deliver(on_refund_succeeded.handler, fact) == []
    counter.books_hold()
    assert counter.balances(CREATOR)["pending"] == 0
    assert counter.deliver(on_order_paid.handler, sale) == []
    assert earning(counter, sale.order_no) == ("reversed", 7_952, 7_952)
    assert counter.balances(CREATOR)["pending"] == 0
    counter.books_hold()


def test_more_than_was_paid_is_never_taken_back(counter: Desk) -> None:
    order_no = counter.sell(CREATOR, 10_000)
    counter.refund(order_no, 9_000)
    assert counter.deliver(on_refund_succeeded.handler, counter.refund_of(order_no, 1_001)) != []
    assert earning(counter, order_no) == ("pending", 7_952, 7_157)
    counter.books_hold()


def test_a_refund_after_settlement_is_owed_from_pending_and_never_touches_cash(counter: Desk) -> None:
    order_no = counter.sell(CREATOR, 10_000)
    counter.pass_time(days=7)
    counter.settle()
    counter.refund(order_no, 10_000)
    assert counter.balances(CREATOR) == {"pending": -7_952, "available": 7_952, "frozen": 0, "withdrawn": 0}
    assert earning(counter, order_no)[0] == "reversed"
    counter.books_hold()


def test_a_channel_no_account_can_be_named_for_is_not_booked_and_not_lost(counter: Desk) -> None:
    for channel in ("ali,pay", 'ali"pay', "ali}pay", "Alipay", ""):
        fact = counter.paid_order(CREATOR, 10_000, channel=channel)
        assert counter.deliver(on_order_paid.handler, fact) != []
    assert counter.sql("SELECT count(*) FROM finance.ledger_entries") == [(0,)]
    counter.books_hold()
