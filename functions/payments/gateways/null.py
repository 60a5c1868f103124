"""The Null twin: a gateway in memory that keeps the promises of `base`, and a buyer's side to play with."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import BinaryIO, Literal

from functions.payments.gateways.base import (
    Acknowledgement,
    Bill,
    BillRow,
    Declined,
    Ended,
    Handover,
    NoAnswer,
    NoBill,
    NotBelievedError,
    Notification,
    NotReady,
    NotRepaid,
    Paid,
    Posted,
    Repaid,
    Repayment,
    Unpaid,
)
from functions.payments.models import Channel
from shared import clock
from shared.ids import new_ulid
from shared.money import Money


@dataclass
class Trade:
    """What the twin remembers of one payment."""

    bill: Bill
    gateway_no: str = field(default_factory=new_ulid)
    state: Literal["offered", "paid", "closed"] = "offered"
    received: Money = field(default_factory=lambda: Money(0))
    paid_at: datetime | None = None
    repaid: dict[str, Repayment] = field(default_factory=dict)

    @property
    def kept(self) -> Money:
        """What came in and did not go back."""
        return sum((-one.amount for one in self.repaid.values()), self.received)


class NullGateway:
    """Answers like a vendor without one. `down` makes every call end in NoAnswer, undone; `refuses` declines refunds.

    `bills` has the rows of each day; a day that is not in it has no bill.
    """

    acknowledgement = Acknowledgement("success")
    signed_headers: tuple[str, ...] = ()
    day_begins = timedelta()

    def __init__(self, channel: Channel = "alipay") -> None:
        self.channel = channel
        self.trades: dict[str, Trade] = {}
        self.down = False
        self.refuses = False
        self.calls: list[str] = []
        self.bills: dict[date, list[BillRow]] = {}

    def create(self, bill: Bill) -> Handover | Declined | NoAnswer:
        """Offer a payment."""
        self.calls.append("create")
        if self.down:
            return NoAnswer("down")
        trade = self.trades.setdefault(bill.payment_no, Trade(bill))
        if trade.state != "offered":
            return Declined(trade.state)
        if bill.scene == "qr":
            return Handover(qr_code=f"null://qr/{bill.payment_no}")
        if bill.scene == "app":
            return Handover(app_params={"order_string": bill.payment_no})
        return Handover(pay_url=f"null://pay/{bill.payment_no}")

    def query(self, payment_no: str) -> Paid | Unpaid | Ended | NoAnswer:
        """The state of a payment."""
        self.calls.append("query")
        if self.down:
            return NoAnswer("down")
        trade = self.trades.get(payment_no)
        return Unpaid("unknown") if trade is None else _state(trade)

    def close(self, payment_no: str) -> Ended | Declined | NoAnswer:
        """Stop a payment that was not made."""
        self.calls.append("close")
        if self.down:
            return NoAnswer("down")
        trade = self.trades.get(payment_no)
        if trade is None:
            return Ended("unknown", seen=False)
        if trade.state == "paid":
            return Declined("paid")
        trade.state = "closed"
        return Ended("closed")

    def refund(self, repayment: Repayment) -> Repaid | Declined | NoAnswer:
        """Give money back, once per number."""
        self.calls.append("refund")
        if self.down:
            return NoAnswer("down")
        trade = self.trades.get(repayment.payment_no)
        if trade is None or trade.state != "paid" or self.refuses:
            return Declined("refused")
        if repayment.refund_no in trade.repaid:
            return NoAnswer("repeated")
        if repayment.amount > trade.kept:
            return Declined("too_much")
        trade.repaid[repayment.refund_no] = repayment
        return Repaid(clock.now())

    def refund_query(self, repayment: Repayment) -> Repaid | NotRepaid | NoAnswer:
        """Whether money went back under that number."""
        self.calls.append("refund_query")
        if self.down:
            return NoAnswer("down")
        trade = self.trades.get(repayment.payment_no)
        return Repaid(clock.now()) if trade and repayment.refund_no in trade.repaid else NotRepaid()

    def claimed_id(self, posted: Posted) -> str:
        """The id `notice` gave it."""
        try:
            return str(json.loads(posted.body)["notify_id"])
        except (ValueError, KeyError, TypeError):
            return ""

    def verify_notification(self, posted: Posted) -> Notification:
        """Believe what `notice` made. Raises NotBelievedError for anything else."""
        try:
            said = json.loads(posted.body)
            trade = self.trades[said["payment_no"]]
            amount = Money(said["amount"])
        except (ValueError, KeyError, TypeError) as error:
            raise NotBelievedError("malformed") from error
        state = Paid(trade.gateway_no, amount, trade.paid_at, "paid") if said["state"] == "paid" else _state(trade)
        return Notification(said["notify_id"], said["payment_no"], state, said["refund_no"])

    def bill(self, day: date) -> Iterable[BillRow] | NotReady | NoBill:
        """What `bills` has of that day."""
        self.calls.append("bill")
        if self.down:
            return NotReady("down")
        return self.bills.get(day) or NoBill()

    def read_bill(self, file: BinaryIO, day: date) -> Iterator[BillRow]:  # noqa: ARG002 - each row says when
        """A JSON array of rows. Raises ValueError."""
        for row in json.load(file):
            numbers = row["gateway_no"], row.get("payment_no"), row.get("refund_no")
            yield BillRow(*numbers, row["kind"], Money(row["amount"]), Money(0), datetime.fromisoformat(row["at"]))

    def pay(self, payment_no: str, amount: Money | None = None) -> None:
        """The buyer pays, another amount if given; a closed payment takes nothing."""
        trade = self.trades[payment_no]
        if trade.state == "offered":
            trade.state, trade.received, trade.paid_at = "paid", amount or trade.bill.amount, clock.now()

    def notice(self, payment_no: str, refund_no: str | None = None) -> Posted:
        """What the vendor would post about a payment; each has its own id."""
        trade = self.trades[payment_no]
        said = {"notify_id": new_ulid(), "payment_no": payment_no, "state": trade.state, "refund_no": refund_no}
        return Posted(json.dumps(said | {"amount": trade.received.minor}).encode())


def _state(trade: Trade) -> Paid | Unpaid | Ended:
    if trade.state == "paid":
        return Paid(trade.gateway_no, trade.received, trade.paid_at, "paid")
    return Ended("closed") if trade.state == "closed" else Unpaid("offered")
