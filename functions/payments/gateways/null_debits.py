"""The Null twin of debits: a vendor in memory that keeps the promises of `debits`, and switches to play with."""

from dataclasses import dataclass, field

from functions.payments.gateways.base import NoAnswer, Paid
from functions.payments.gateways.debits import Debit, Refused, Unsent, Waiting
from functions.payments.models import Channel
from shared import clock


@dataclass
class NullDebits:
    """Debits whatever it is asked to, once per number. `next` is what the next ones come to instead: `lost` is taken with no
    answer, `silent` is not taken with no answer, `waiting` is taken later, by `take`.
    """

    channel: Channel = "alipay"
    next: list[Refused | str] = field(default_factory=list)
    taken: dict[str, Debit] = field(default_factory=dict)
    waiting: dict[str, Debit] = field(default_factory=dict)
    refused: dict[str, Refused] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def debit(self, debit: Debit) -> Paid | Waiting | Refused | NoAnswer:
        """Take the money, or do what is `next`."""
        self.calls.append("debit")
        known = self.debit_query(debit.payment_no)
        self.calls.pop()
        if not isinstance(known, Unsent):
            return NoAnswer("repeated") if isinstance(known, Paid) else known
        fate = self.next.pop(0) if self.next else "paid"
        if isinstance(fate, Refused):
            self.refused[debit.payment_no] = fate
            return fate
        if fate == "silent":
            return NoAnswer("silent")
        if fate == "waiting":
            self.waiting[debit.payment_no] = debit
            return Waiting("accepted")
        self.taken[debit.payment_no] = debit
        return NoAnswer("lost") if fate == "lost" else self._paid(debit)

    def debit_query(self, payment_no: str) -> Paid | Waiting | Refused | Unsent | NoAnswer:
        """What became of it."""
        self.calls.append("query")
        if payment_no in self.taken:
            return self._paid(self.taken[payment_no])
        if payment_no in self.refused:
            return self.refused[payment_no]
        return Waiting("accepted") if payment_no in self.waiting else Unsent()

    def take(self, payment_no: str) -> None:
        """What waits is taken now."""
        self.taken[payment_no] = self.waiting.pop(payment_no)

    def _paid(self, debit: Debit) -> Paid:
        return Paid(f"G{debit.payment_no}", debit.amount, clock.now(), "paid")
