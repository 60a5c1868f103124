"""What reconciliation takes and gives. Amounts are fen."""

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import Field

from functions.payments.store.differences import Action, Difference, Kind
from shared.http.envelope import Id, In, Out

BillChannel = Literal["alipay", "wechat", "unionpay", "usdt"]
RunStatus = Literal["running", "matched", "mismatched", "resolved"]


class ReconcileIn(In):
    """Which channel's day, and the bill of it when a person has it."""

    channel: BillChannel
    date: dt.date
    statement_media_id: Id | None = None


class ResolveIn(In):
    """What holds, and why."""

    action: Action
    comment: Annotated[str, Field(min_length=1, max_length=500)]


class ReconciliationOut(Out):
    """One channel's day. `mismatched` counts what both sides have, with another amount or state; `amount_diff` is the bill's
    total less ours.
    """

    reconciliation_id: int
    channel: BillChannel
    date: dt.date
    status: RunStatus
    matched: int
    mismatched: int
    missing_local: int
    missing_remote: int
    amount_diff: int


class DifferenceOut(Out):
    """One movement of money on which bill and books do not agree. `proposed_action` waits for a second person's word."""

    item_id: int
    kind: Kind
    movement: Literal["pay", "refund"]
    order_no: str | None
    gateway_no: str | None
    local_amount: int | None
    remote_amount: int | None
    status: Literal["open", "resolved"]
    resolution: Action | None
    outcome: str | None
    proposed_action: Action | None
    proposed_by: int | None


class ReconciliationDetailOut(ReconciliationOut):
    """A run with its differences, open ones first, a thousand at most."""

    items: list[DifferenceOut]


def run_row(row: dict[str, Any]) -> ReconciliationOut:
    """A run as it is sent."""
    return ReconciliationOut.model_construct(**{name: row[name] for name in ReconciliationOut.model_fields})


def run_detail(row: dict[str, Any]) -> ReconciliationDetailOut:
    """The same with its differences, which come as JSON."""
    fields = {name: row[name] for name in ReconciliationOut.model_fields}
    items = [DifferenceOut.model_construct(**item) for item in row["items"]]
    return ReconciliationDetailOut.model_construct(**fields, items=items)


def difference_out(item: Difference) -> DifferenceOut:
    """A difference as it is sent."""
    return DifferenceOut.model_construct(**{name: getattr(item, name) for name in DifferenceOut.model_fields})
