"""What creators read about their money. Every figure comes from the ledger or ties to it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from functions.finance import models
from functions.finance.errors import MonthInvalid
from functions.finance.schemas import LineKind, LineOut, StatementOut, SummaryOut, SummaryRowOut
from functions.finance.store import ledger, statements
from shared import clock
from shared.sql.connection import Connection

_KINDS: dict[str, LineKind] = {
    "capture": "earning",
    "pool": "earning",
    "refund": "refund",
    "chargeback_lost": "refund",
    "payout": "withdrawal",
    "payout_return": "adjustment",
}


def summary(db: Connection, creator_id: int, group_by: str, date_from: date | None, date_to: date | None) -> SummaryOut:
    """Balances now, and earnings net of refunds by day, month, content or plan."""
    balances = ledger.balances(db, creator_id)
    since = models.day_start(date_from) if date_from else None
    until = models.day_end(date_to) if date_to else None
    sums = statements.summary(db, creator_id, group_by, since, until)
    total = next(amounts for _, is_total, amounts in sums if is_total)
    return SummaryOut.model_construct(
        currency="CNY",
        pending=balances["pending"],
        available=balances["available"],
        frozen=balances["frozen"],
        withdrawn=balances["withdrawn"],
        total_gross=total[0],
        total_net=total[3],
        rows=[
            SummaryRowOut.model_construct(
                key=key, gross=gross, channel_fee=fee, platform_amount=platform, creator_amount=creator
            )
            for key, is_total, (gross, fee, platform, creator) in sums
            if key is not None and not is_total
        ],
    )


@dataclass(frozen=True, slots=True)
class Figures:
    """A statement while it is read: the lines come once, each with the balance after it."""

    opening: int
    lines: Iterator[LineOut]


def figures(db: Connection, creator_id: int, first: date) -> Figures:
    """The movements of the month that begins on a day in Shanghai; in a transaction."""
    return figures_of(db, creator_id, models.day_start(first), models.day_start(following(first)))


def figures_of(db: Connection, creator_id: int, since: datetime, until: datetime) -> Figures:
    """The movements of any span of time; in a transaction."""
    opening, moved = statements.movements(db, creator_id, since, until)
    return Figures(opening, _lines(opening, moved))


def _lines(balance: int, moved: Iterator[statements.Movement]) -> Iterator[LineOut]:
    for at, kind, ref, amount, fee in moved:
        parts: list[tuple[LineKind, int]] = [(_KINDS.get(kind, "adjustment"), amount + fee), ("fee", -fee)]
        for shown, part in parts:
            if part:
                balance += part
                yield LineOut.model_construct(at=at, kind=shown, ref=ref, amount=part, balance=balance)


def statement(db: Connection, creator_id: int, month: str) -> StatementOut:
    """The movements of a month in Shanghai, `YYYY-MM`. Raises MonthInvalid for another form, or one to come."""
    first = first_day(month)
    with db.transaction():
        found = figures(db, creator_id, first)
        lines = list(found.lines)
    closing = lines[-1].balance if lines else found.opening
    return StatementOut.model_construct(month=month, opening_balance=found.opening, lines=lines, closing_balance=closing)


def following(first: date) -> date:
    """The first day of the next month."""
    return (first + timedelta(days=31)).replace(day=1)


def first_day(month: str) -> date:
    """Of a month, `YYYY-MM`. Raises MonthInvalid for another form, or one to come."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise MonthInvalid from error
    if len(month) != len("YYYY-MM") or first > models.shanghai_day(clock.now()):
        raise MonthInvalid
    return first
