"""What creators read about their money. Every figure comes from the ledger or ties to it."""

from datetime import date, timedelta

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


def statement(db: Connection, creator_id: int, month: str) -> StatementOut:
    """The movements of a month in Shanghai, `YYYY-MM`. Raises MonthInvalid for another form, or one to come."""
    first = _first_day(month)
    following = (first + timedelta(days=31)).replace(day=1)
    opening, moved = statements.movements(db, creator_id, models.day_start(first), models.day_start(following))
    balance, lines = opening, []
    for at, kind, ref, amount, fee in moved:
        parts: list[tuple[LineKind, int]] = [(_KINDS.get(kind, "adjustment"), amount + fee), ("fee", -fee)]
        for shown, part in parts:
            if part:
                balance += part
                lines.append(LineOut.model_construct(at=at, kind=shown, ref=ref, amount=part, balance=balance))
    return StatementOut.model_construct(month=month, opening_balance=opening, lines=lines, closing_balance=balance)


def _first_day(month: str) -> date:
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise MonthInvalid from error
    if len(month) != len("YYYY-MM") or first > models.shanghai_day(clock.now()):
        raise MonthInvalid
    return first
