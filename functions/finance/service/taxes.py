"""What a creator needs to file their own taxes (FIN-013), by month of a year, out of their own accounts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from functions.finance import models
from functions.finance.models import creator_account
from functions.finance.store import reports as store
from shared import clock
from shared.sql.connection import Connection


@dataclass(frozen=True, slots=True)
class Month:
    """What was earned and what was taken back of it, in fen."""

    first: date
    gross: int
    refunds: int

    @property
    def net(self) -> int:
        """What was earned after all."""
        return self.gross - self.refunds


@dataclass(frozen=True, slots=True)
class Year:
    """The months that have begun, and what was invoiced of the creator's orders less what red invoices took back."""

    number: int
    months: Sequence[Month]
    invoiced: int

    @property
    def gross(self) -> int:
        """Of all months."""
        return sum(month.gross for month in self.months)

    @property
    def refunds(self) -> int:
        """Of all months."""
        return sum(month.refunds for month in self.months)


def span(year: int) -> tuple[datetime, datetime]:
    """A year in Shanghai."""
    return models.day_start(date(year, 1, 1)), models.day_start(date(year + 1, 1, 1))


def of_year(db: Connection, creator_id: int, year: int) -> Year:
    """The figures of a year, or of what has passed of it."""
    accounts = [creator_account(creator_id, part) for part in ("pending", "available", "frozen")]
    sums = {first: amounts for first, *amounts in store.taxes_of(db, accounts, creator_id, *span(year))}
    today = models.shanghai_day(clock.now())
    begun = [first for first in (date(year, month, 1) for month in range(1, 13)) if first <= today]
    invoiced, reddened = sums.get(None, (0, 0))
    return Year(year, [Month(first, *sums.get(first, (0, 0))) for first in begun], invoiced - reddened)
