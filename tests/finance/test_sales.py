"""Who gets what of a payment, and the same back."""

import pytest

from functions.finance import on_order_paid, on_refund_succeeded
from tests.finance.build import Desk
from tests.finance.conftest import CREATOR


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


def test_a_payment_is_divided_between_channel_platform_and_creator(desk: Desk) -> None:
    order_no = desk.sell(CREATOR, 10_000)
    assert lines(desk, f"capture:{order_no}") == {
        "channel:alipay": -10_000,
        "platform:fees": 60,
        "platform:income": 1_988,
        f"creator:{CREATOR}:pending": 7_952,
    }
    desk.books_hold()
