"""What a buyer's balance takes and gives. Amounts are fen."""

from datetime import datetime
from typing import Literal

from functions.payments.schemas import OrderNo
from shared.http.envelope import In, Out


class BalancePayIn(In):
    """Which order to pay."""

    order_no: OrderNo


class MovementOut(Out):
    """Money that came to the balance (positive) or was spent from it."""

    movement_id: int
    amount: int
    kind: Literal["surplus", "refund", "case", "payment"]
    order_no: str | None
    created_at: datetime


class BalanceOut(Out):
    """What may be spent, and a page of what moved it."""

    available: int
    currency: str
    movements: list[MovementOut]
    total: int
    total_is_capped: bool
    page: int
    page_size: int
    next_cursor: str | None
