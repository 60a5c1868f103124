"""FIN-010 and FIN-012: every figure is a sum of postings, whatever happened, and days are Shanghai's over a year's end."""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import pytest

from functions.finance.errors import RangeInvalid
from functions.finance.models import Entry
from functions.finance.report import FIGURES, Asked, Kind, Line, Period, Report, begin, periods
from functions.finance.service import reports, sweep
from functions.finance.service.analytics import analyse
from functions.finance.store import ledger
from shared.clock import SHANGHAI
from shared.sql import connection as house_connection
from tests.finance.build import Desk
from tests.finance.conftest import CREATOR, Client
from tests.finance.test_corrections import end, take
from tests.fixtures.budget import statements
from tests.fixtures.postgres import House

PATH, ANALYTICS = "/finance/reports", "/finance/analytics"
FIRST, LAST = date(2026, 12, 20), date(2027, 1, 25)
MIDNIGHT = datetime(2026, 12, 31, 16, tzinfo=UTC)
"""Of the new year, in Shanghai."""
KINDS: tuple[Kind, ...] = get_args(Kind)
PERIODS: tuple[Period, ...] = get_args(Period)


def history(desk: Desk, seed: int) -> None:
    """Seven weeks over a year's end in which everything happens that a report tells, in any order."""
    chance = random.Random(seed)
    desk.at = datetime(2026, 12, 8, 15, 30, tzinfo=UTC)
    desk.set("finance.withdraw_fees", value={name: {"fixed": 0, "bp": 100} for name in ("alipay", "wechat", "bank", "usdt")})
    sold: list[tuple[str, int]] = []
    for step in range(90):
        desk.pass_time(minutes=chance.randrange(1, 26 * 60))
        if step % 9 == 0:
            lines = {"channel:alipay": -700 - step, "buyer:9:balance": 700 + step}
            with desk.time():
                entry = Entry(f"surplus:{step}", "surplus", "payment", str(step), desk.at, lines)
                ledger.post(house_connection.current(), entry)
        match chance.choice(["sell", "sell", "refund", "dispute", "dispute", "settle", "withdraw"]):
            case "sell":
                amount, channel = chance.randrange(1, 900_000), chance.choice(["alipay", "wechat", "usdt"])
                discount = chance.choice([0, 0, chance.randrange(1, 5_000)])
                if chance.random() < 0.2:
                    desk.sell(0, amount, kind="membership", channel=channel)
                else:
                    sold.append((desk.sell(CREATOR, amount, channel=channel, platform_discount=discount), amount))
            case "refund" if sold:
                order_no, amount = sold.pop(chance.randrange(len(sold)))
                desk.refund(order_no, chance.randrange(1, amount + 1))
            case "dispute" if sold:
                order_no, amount = sold.pop()
                number = take(desk, order_no, amount, f"D-{step}")
                desk.refund(order_no, max(amount // 3, 1))
                desk.pass_time(hours=9)
                end(desk, number, chance.choice(["won", "lost", "lost"]))
            case "settle":
                desk.settle()
            case "withdraw":
                _withdraw(desk, returned=chance.random() < 0.5)


def _withdraw(desk: Desk, *, returned: bool) -> None:
    balances = desk.balances(CREATOR)
    if balances["available"] + min(balances["pending"], 0) < 20_000:
        return
    withdrawal_id = desk.request(CREATOR, 20_000)
    if desk.status(withdrawal_id) == "pending":
        desk.decide(withdrawal_id, "approve")
        desk.machine.run()
    if returned:
        desk.pass_time(hours=13)
        desk.vendor.decide(list(desk.vendor.numbers)[-1], "returned")
        with desk.time():
            assert sweep.find_returned(desk.rails) == 1


Booked = tuple[str, date, dict[str, int]]


def entries(desk: Desk) -> Iterator[Booked]:
    """Kind, day in Shanghai and lines of each entry in yuan."""
    found: dict[int, Booked] = {}
    for entry_id, kind, at, account, amount in desk.sql(
        """
        SELECT e.entry_id, e.kind, e.at, a.name, p.amount FROM finance.ledger_entries e
        JOIN finance.ledger_postings p USING (entry_id) JOIN finance.ledger_accounts a USING (account_id)
        WHERE e.currency = 'CNY' ORDER BY 1
        """
    ):
        found.setdefault(entry_id, (kind, at.astimezone(SHANGHAI).date(), {}))[2][account] = amount
    yield from found.values()


def said_by(kind: Kind, entry: Booked) -> dict[str, int]:
    """What one entry adds to a report, read off its lines one by one."""
    what, _, lines = entry
    channel = sum(amount for name, amount in lines.items() if name.startswith("channel:"))
    creator = sum(lines.get(f"creator:{CREATOR}:{part}", 0) for part in ("pending", "available", "frozen"))
    fees, income = lines.get("platform:fees", 0), lines.get("platform:income", 0)
    discount, paid_out = lines.get("platform:marketing", 0), lines.get(f"creator:{CREATOR}:withdrawn", 0)
    match kind, what:
        case "income", "capture":
            return {
                "amount": -channel, "count": 1, "platform_discount": -discount, "channel_fee": fees,
                "platform_amount": income, "creator_amount": creator,
            }  # fmt: skip
        case "refund", "refund" | "chargeback_lost":
            lost = what == "chargeback_lost"
            return {
                "amount": lines["platform:disputes"] if lost else channel, "count": 1, "platform_discount": discount,
                "channel_fee": -fees, "platform_amount": -income, "creator_amount": -creator,
                "platform_loss": -lines.get("platform:losses", 0), "chargebacks": int(lost),
            }  # fmt: skip
        case "settlement", "settlement":
            made = lines[f"creator:{CREATOR}:available"]
            return {"amount": made, "count": 1, "made_available": max(made, 0), "collected": max(-made, 0)}
        case "withdrawal", "payout":
            return {"amount": paid_out, "count": 1, "fee": income}
        case "withdrawal", "payout_return":
            return {"fee": income, "returned": -paid_out, "returned_count": 1}
    return {}


def make(kind: Kind, period: Period, first: date = FIRST, last: date = LAST, **fields: Any) -> Report:
    return reports.make(house_connection.current(), Asked(kind, period, first, last, **fields))


@pytest.mark.parametrize("seed", range(2))
def test_reports_of_any_history_are_sums_of_its_entries(counter: Desk, seed: int) -> None:
    history(counter, seed)
    booked = list(entries(counter))
    inside = [entry for entry in booked if FIRST <= entry[1] <= LAST]
    assert booked[0][1] < FIRST < LAST < booked[-1][1], "balances begin with something, and more comes later"
    assert {"capture", "refund", "chargeback_lost", "settlement", "payout", "payout_return"} <= {what for what, *_ in inside}
    with counter.time():
        for kind in ("income", "refund", "settlement", "withdrawal"):
            for period in PERIODS:
                expected = {day: Counter[str]() for day in periods(period, FIRST, LAST)}
                for entry in inside:
                    expected[begin(period, entry[1])].update(said_by(kind, entry))
                made = make(kind, period)
                assert [(line.period_start, line.figures) for line in made.lines] == [
                    (day, {name: sums[name] for name in FIGURES[kind]}) for day, sums in expected.items()
                ]
                assert made.totals == {name: sum(line.figures[name] for line in made.lines) for name in FIGURES[kind]}
        _parts_sum_to_the_whole(counter, booked)
        _analysis_is_that_of_the_reports(counter)
    counter.books_hold()


def _parts_sum_to_the_whole(desk: Desk, booked: list[Booked]) -> None:
    for kind in ("income", "refund"):
        whole = make(kind, "week").totals
        assert whole["amount"] + whole["platform_discount"] == sum(
            whole.get(name, 0) for name in ("channel_fee", "platform_amount", "creator_amount", "platform_loss")
        )
        for by, keys in (("channel", {"alipay", "usdt", "wechat"}), ("kind", {"content", "membership"})):
            split = make(kind, "week", by=by)
            assert split.totals == whole
            assert {line.key for line in split.lines} <= keys
            assert len(split.lines) == len(make(kind, "week").lines) * len({line.key for line in split.lines})
    for line in make("balance", "day").lines:
        _stood(line, [lines for _, day, lines in booked if day <= line.period_start])
    assert make("balance", "month").totals["amount"] == sum(
        amount for part, amount in desk.balances(CREATOR).items() if part != "withdrawn"
    ) - sum(
        amount for _, day, lines in booked if day > LAST
        for name, amount in lines.items() if name.startswith("creator:") and not name.endswith("withdrawn")
    )  # fmt: skip


def _stood(line: Line, before: list[dict[str, int]]) -> None:
    """A day's balances are what all entries until its end come to."""
    sums: Counter[str] = Counter()
    for lines in before:
        for name, amount in lines.items():
            sums[name.split(":")[0] if not name.endswith((":withdrawn", ":payouts")) else "paid out"] += amount
    found = line.figures
    assert (found["amount"], found["buyers"], found["platform"], -found["channels"]) == (
        sums["creator"], sums["buyer"], sums["platform"], sums["channel"],
    )  # fmt: skip
    assert found["channels"] == found["amount"] + found["buyers"] + found["platform"]


def _analysis_is_that_of_the_reports(desk: Desk) -> None:
    found = analyse(house_connection.current(), "month", FIRST, LAST)
    income, refund, gone = (make(kind, "month").totals for kind in ("income", "refund", "withdrawal"))
    assert (found.gmv, found.refunds) == (income["amount"], refund["amount"])
    assert found.channel_fees == income["channel_fee"] - refund["channel_fee"]
    assert found.platform_income == income["platform_amount"] - refund["platform_amount"] + gone["fee"]
    assert found.creator_payouts == gone["amount"] - gone["returned"]
    spent = income["platform_discount"] - refund["platform_discount"] + refund["platform_loss"]
    assert sum(one.profit for one in found.trend) == found.platform_income - spent
    assert [one.period_start for one in found.trend] == [date(2026, 12, 1), date(2027, 1, 1)]
    assert sum(one.gmv for one in found.trend) == found.gmv == sum(one.gmv for one in found.by_channel)
    assert sum(one.refunds for one in found.by_channel) == found.refunds
    assert sum(one.refund_count for one in found.by_channel) == refund["count"]


def test_a_sale_at_midnight_is_of_the_new_year_and_empty_periods_are_there(
    call: Client, counter: Desk, house: House
) -> None:
    for counter.at, amount in ((MIDNIGHT - timedelta(microseconds=1), 10_000), (MIDNIGHT, 20_000)):
        counter.sell(CREATOR, amount)
    days = {"date_from": "2026-12-30", "date_to": "2027-01-02"}
    given = call.staff("GET", PATH, query={"kind": "income", "period": "day"} | days).data
    zero = dict.fromkeys(FIGURES["income"], 0)
    sums = [
        {"amount": 10_000, "count": 1, "platform_discount": 0, "channel_fee": 60, "platform_amount": 1_988, "creator_amount": 7_952},
        {"amount": 20_000, "count": 1, "platform_discount": 0, "channel_fee": 120, "platform_amount": 3_976, "creator_amount": 15_904},
    ]  # fmt: skip
    starts = ["2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02"]
    assert given == {
        "kind": "income", "period": "day", "totals": {name: sums[0][name] + sums[1][name] for name in sums[0]},
        "rows": [{"period_start": day, **row} for day, row in zip(starts, [zero, *sums, zero], strict=True)],
    }  # fmt: skip
    yearly = call.staff("GET", PATH, query={"kind": "income", "period": "year"} | days).data["rows"]
    assert [(row["period_start"], row["amount"]) for row in yearly] == [("2026-01-01", 10_000), ("2027-01-01", 20_000)]
    for kind in KINDS:
        query = {"kind": kind} | days
        assert statements(house, "finance", lambda query=query: call.staff("GET", PATH, query=query)) == 1  # type: ignore[misc]
    assert statements(house, "finance", lambda: call.staff("GET", ANALYTICS, query=days)) == 2


def test_the_analysis_of_a_quiet_day_is_zero_and_says_what_costs_nothing_yet(call: Client) -> None:
    days = {"date_from": "2026-03-01", "date_to": "2026-03-01"}
    assert call.staff("GET", ANALYTICS, query=days).data == {
        "gmv": 0, "refunds": 0, "channel_fees": 0, "platform_income": 0, "creator_payouts": 0,
        "usdt_income": "0.000000", "ai_cost": "0", "by_channel": [],
        "trend": [{"period_start": "2026-03-01", "gmv": 0, "refunds": 0, "channel_fees": 0, "platform_income": 0,
                   "marketing": 0, "losses": 0, "profit": 0}],
    }  # fmt: skip


def test_taxes_are_those_of_the_invoices_issued(call: Client, counter: Desk) -> None:
    counter.sql(
        """
        INSERT INTO finance.invoices (kind, invoice_no, user_id, order_nos, amount, tax_rate_bp, tax_amount, title_type, title,
            seller, provider, serial, original_id, refund_id, status, next_try_at, issued_at, s3_key, sha256, created_at,
            updated_at)
        SELECT kind, serial, %s, ARRAY['1'], amount, 600, tax, 'personal', 't', '{}', 'platform', serial, NULL, NULL,
               'issued', now(), at, serial, serial, now(), now()
        FROM (VALUES ('blue', 'A', 10600, 600, %s), ('blue', 'B', 5300, 300, %s)) AS v(kind, serial, amount, tax, at)
        """,
        (CREATOR, MIDNIGHT - timedelta(seconds=1), MIDNIGHT),
    )
    counter.sql(
        """
        INSERT INTO finance.invoices (kind, invoice_no, user_id, order_nos, amount, tax_rate_bp, tax_amount, title_type, title,
            seller, provider, serial, original_id, refund_id, status, next_try_at, issued_at, s3_key, sha256, created_at,
            updated_at)
        SELECT 'red', 'C', user_id, order_nos, -1060, 600, -60, title_type, title, seller, provider, 'C', invoice_id, 1,
               'issued', now(), %s, 'C', 'C', now(), now()
        FROM finance.invoices WHERE serial = 'A'
        """,
        (MIDNIGHT,),
    )
    query = {"kind": "tax", "period": "quarter", "date_from": "2026-12-01", "date_to": "2027-01-31"}
    assert call.staff("GET", PATH, query=query).data["rows"] == [
        {"period_start": "2026-10-01", "amount": 600, "count": 1, "taxed": 10_600, "red_count": 0},
        {"period_start": "2027-01-01", "amount": 240, "count": 2, "taxed": 4_240, "red_count": 1},
    ]


def test_a_range_that_ends_before_it_begins_or_is_too_long_is_refused(call: Client) -> None:
    for first, last in (("2026-03-02", "2026-03-01"), ("2020-01-01", "2026-01-01"), ("1999-12-31", "2000-01-01"),
                        ("2999-12-31", "9999-12-31")):  # fmt: skip
        query = {"kind": "income", "period": "day", "date_from": first, "date_to": last}
        assert call.staff("GET", PATH, query=query).error == (422, "range_invalid")
        query = {"group_by": "day", "date_from": first, "date_to": last}
        assert call.staff("GET", ANALYTICS, query=query).error == (422, "range_invalid")
    good = {"kind": "income", "date_from": "2020-01-01", "date_to": "2026-01-01"}
    assert len(call.staff("GET", PATH, query=good).data["rows"]) == 73
    for wrong in (good | {"kind": "profit"}, good | {"period": "hour"}, {"kind": "income"}):
        assert call.staff("GET", PATH, query=wrong).status == 422
    assert call.staff("GET", PATH, query=good, permissions=("payment:read",)).status == 403
    assert call("GET", PATH, query=good).status == 403
    assert call("GET", ANALYTICS, query=good).status == 403


def test_every_day_lies_in_the_period_that_begins_it() -> None:
    first = date(2026, 1, 1)
    for period in PERIODS:
        found = periods(period, first, first + timedelta(days=1_000))
        assert found == sorted({begin(period, first + timedelta(days=n)) for n in range(1_001)})
    assert len(periods("day", first, first + timedelta(days=1_199))) == 1_200
    with pytest.raises(RangeInvalid):
        periods("day", first, first + timedelta(days=1_200))
