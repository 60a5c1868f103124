"""What tests of reconciliation arrange: payments that are booked, a bill that tells of them, a run, and its differences."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from functions.payments.gateways.base import BillRow
from functions.payments.service import reconciliation, resolutions
from functions.payments.service.reconciliation import LEASE, Turn
from functions.payments.store import reconciliations as store
from functions.payments.store.differences import Word
from shared.ids import new_ulid
from shared.money import Money
from shared.sql.edge import unit_of_work
from tests.payments.build import OPERATOR, PRICE, START, Till

DAY = date(2026, 3, 1)
SECOND_OPERATOR = OPERATOR + 1


def refund_row(payment_no: str, refund_no: str, amount: int) -> BillRow:
    """A refund as a bill tells it."""
    return BillRow(f"G-{payment_no}", payment_no, refund_no, "refund", Money(amount), Money(0), START)


@dataclass
class Books:
    """A till with its ledger, and what the channel will say of its day."""

    till: Till
    rows: list[BillRow] = field(default_factory=list)

    def sql(self, statement: Any, parameters: Any = None) -> list[tuple[Any, ...]]:
        """As the owner."""
        return self.till.sql(statement, parameters)

    def book(self, reference: str, kind: str, order_no: str, amount: int) -> None:
        """What finance would have posted."""
        signed = -amount if kind == "capture" else amount
        self.sql(
            "SELECT finance.post_entry(%s, %s, 'order', %s, %s, 'CNY', %s, %s)",
            (reference, kind, order_no, self.till.at, ["channel:alipay", "platform:income"], [signed, -signed]),
        )

    def booked(self, **order: Any) -> tuple[str, str]:
        """A paid order that reached the ledger."""
        order_no, payment_no = self.till.paid(**order)
        self.book(f"capture:{order_no}", "capture", order_no, order.get("amount", PRICE))
        return order_no, payment_no

    def refunded(self, order_no: str, amount: int) -> tuple[int, str]:
        """A refund that reached the ledger; its id and number."""
        refund_id = self.till.ask_refund(order_no, amount)
        assert self.till.process_refund(refund_id) == "succeeded"
        self.book(f"refund:{refund_id}", "refund", order_no, amount)
        ((refund_no,),) = self.sql("SELECT refund_no FROM payments.payment_refunds WHERE refund_id = %s", (refund_id,))
        return refund_id, refund_no

    def bill(self, numbers: tuple[str, str], amount: int | None = None) -> None:
        """The channel tells of a payment, with another amount if given."""
        trade = self.till.gateway.trades[numbers[1]]
        told = Money(amount) if amount is not None else trade.received
        self.rows.append(BillRow(trade.gateway_no, numbers[1], None, "pay", told, Money(12), trade.paid_at or self.till.at))

    def claim(self, day: date = DAY) -> Turn:
        """Take the day."""
        with self.till.time():
            at, token = self.till.at, new_ulid()
            with unit_of_work() as db:
                run = store.claim(db, "alipay", day, token=token, until=at + LEASE, at=at)
            assert run is not None
            return Turn(run, "alipay", day, token)

    def reconcile(self, day: date = DAY) -> tuple[Any, ...]:
        """Reconcile a day; the run."""
        if day == DAY and self.rows:
            self.till.gateway.bills[DAY] = self.rows
        turn = self.claim(day)
        with self.till.time():
            reconciliation.reconcile(turn, lambda _: None)
        return self.run(day)

    def run(self, day: date = DAY) -> tuple[Any, ...]:
        """State and counts of a day's run."""
        (found,) = self.sql(
            """
            SELECT status, matched, mismatched, missing_local, missing_remote, amount_diff
            FROM payments.reconciliation_runs WHERE date = %s AND channel = 'alipay'
            """,
            (day,),
        )
        return found

    def items(self) -> list[tuple[Any, ...]]:
        """Every difference, as it is."""
        return self.sql(
            """
            SELECT kind, movement, order_no, local_amount, remote_amount, status FROM payments.reconciliation_items
            ORDER BY order_no NULLS LAST, movement, reference
            """
        )

    def item(self, reference: str) -> tuple[int, int]:
        """The run and the id of a difference."""
        ((run, item),) = self.sql(
            "SELECT reconciliation_id, item_id FROM payments.reconciliation_items WHERE reference = %s", (reference,)
        )
        return run, item

    def item_status(self, reference: str) -> str:
        """Whether a difference is open or resolved."""
        ((status,),) = self.sql("SELECT status FROM payments.reconciliation_items WHERE reference = %s", (reference,))
        return str(status)

    def resolve(self, reference: str, action: Any, by: int = OPERATOR) -> str | None:
        """A person's word; what came of it, None while it waits for a second one."""
        run, item = self.item(reference)
        with self.till.time(), unit_of_work() as db:
            _, after = resolutions.resolve(db, run, item, Word(action, by, "looked into it", self.till.at))
        return after.outcome
