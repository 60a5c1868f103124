"""How payments go: counted by day, channel and kind, in days of Shanghai, once in ten minutes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import cache
from tests.fixtures.api import Api
from tests.payments.build import BUYER, MortalGateway, Till

PATH = "/admin/payments/statistics"
# 15:59:59 and 16:00:00 UTC: the last second of a day in Shanghai, and the first of the next.
LATE, EARLY = datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC), datetime(2026, 3, 1, 16, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _forget() -> None:
    cache.forget_memory()


@pytest.fixture
def ask(counter: Api, till: Till, sign_in: Callable[..., str]) -> Callable[..., Any]:
    def asked(**query: str) -> Any:
        with till.time():
            return counter.get(PATH, query=query, token=sign_in(9, permissions=("payment:read",)))

    return asked


def counts(total: int = 0, paid: int = 0, failed: int = 0, amount: int = 0, refunded: int = 0) -> dict[str, Any]:
    decided = paid + failed
    return {
        "total": total,
        "paid": paid,
        "failed": failed,
        "success_rate": paid / decided if decided else 0.0,
        "failure_rate": failed / decided if decided else 0.0,
        "amount": amount,
        "refunded": refunded,
    }


def history(till: Till) -> None:
    """Paid at the end of the one day; failed, abandoned and paid on the next, when some of the first went back."""
    till.at = LATE
    first, _ = till.paid(amount=1000)
    till.at = EARLY
    _, failed = till.started(amount=300)
    till.sql(
        "UPDATE payments.payment_transactions SET status = 'failed', finished_at = %s WHERE payment_no = %s",
        (EARLY, failed),
    )
    till.started(amount=700)
    till.paid(kind="content", amount=500)
    till.process_refund(till.ask_refund(first, 400))
    till.at = EARLY + timedelta(hours=2)


def test_days_are_those_of_shanghai_and_a_refund_counts_when_it_went_through(till: Till, ask: Callable[..., Any]) -> None:
    history(till)
    said = ask(date_from="2026-02-28", date_to="2026-03-02").data
    assert said.pop("rows") == [
        {"key": "2026-02-28"} | counts(),
        {"key": "2026-03-01"} | counts(total=1, paid=1, amount=1000),
        {"key": "2026-03-02"} | counts(total=3, paid=1, failed=1, amount=500, refunded=400),
    ]
    assert said == counts(total=4, paid=2, failed=1, amount=1500, refunded=400)


def test_they_can_be_read_by_channel_and_by_kind(till: Till, ask: Callable[..., Any]) -> None:
    history(till)
    by_channel = ask(group_by="channel").data["rows"]
    assert by_channel == [{"key": "alipay"} | counts(total=4, paid=2, failed=1, amount=1500, refunded=400)]
    by_kind = ask(group_by="kind").data["rows"]
    assert [(row["key"], row["total"], row["paid"], row["refunded"]) for row in by_kind] == [
        ("content", 1, 1, 0),
        ("subscription", 3, 1, 400),
    ]


def test_without_days_it_is_the_last_thirty_and_nothing_is_zero(ask: Callable[..., Any]) -> None:
    said = ask().data
    assert len(said.pop("rows")) == 30
    assert said == counts()


@pytest.mark.parametrize(
    "days",
    [
        {"date_from": "2026-03-02", "date_to": "2026-03-01"},
        {"date_from": "2025-03-01", "date_to": "2026-03-02"},
        {"date_to": "0001-01-05"},
        {"date_from": "9999-12-31"},
        {"group_by": "mood"},
    ],
)
def test_a_range_that_is_none_is_refused(ask: Callable[..., Any], days: dict[str, str]) -> None:
    assert ask(**days).error == (422, "validation_error")


def test_it_is_one_statement_and_then_none_for_ten_minutes(till: Till, ask: Callable[..., Any]) -> None:
    from shared.sql import connection

    till.paid()
    ask(date_from="2020-01-01", date_to="2020-01-01")
    db = connection.current()
    spent = []
    for days in ("2026-11-01", "2026-11-01"):
        cache.forget_memory()
        before = db.statements
        ask(date_from=days, date_to=days)
        spent.append(db.statements - before)
    assert spent[0] - spent[1] == 1, "the second was kept"


def test_what_is_kept_is_made_again_when_it_is_too_old(till: Till, ask: Callable[..., Any], vendor: MortalGateway) -> None:
    assert vendor.calls == []
    assert ask(group_by="channel").data["total"] == 0
    till.started(uid=BUYER)
    cache.forget_memory()
    till.pass_time(seconds=599)
    assert ask(group_by="channel").data["total"] == 0
    till.pass_time(seconds=2)
    cache.forget_memory()
    assert ask(group_by="channel").data["total"] == 1
