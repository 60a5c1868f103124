"""How payments go, as the back office reads it. Amounts are fen."""

from shared.http.envelope import Out


class Counts(Out):
    """Payments that were started, what became of them, and their rates of those that ended in either."""

    total: int
    paid: int
    failed: int
    success_rate: float
    failure_rate: float
    amount: int
    refunded: int


class PaymentCounts(Counts):
    """The same of one day (as YYYY-MM-DD), channel or kind of order."""

    key: str


class PaymentStatistics(Counts):
    """Of all of them together, and by group."""

    rows: list[PaymentCounts]
