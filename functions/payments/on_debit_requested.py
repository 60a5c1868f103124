"""A renewal is due whose subscriber agreed to be debited."""

from typing import Any

from events.subscriptions import DebitRequested
from functions.payments.service import debits
from shared.batch import each_message


def _hear(body: dict[str, Any]) -> None:
    """A channel is called between two transactions, so what is heard twice is told by its try, not by its event."""
    debits.hear(DebitRequested.model_validate(body["detail"]))


handler = each_message(_hear, "payments.on_debit_requested")
