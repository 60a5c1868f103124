"""The null twin: a payout channel in memory, with the one promise every real one makes: a number moves money once. For tests."""

from collections.abc import Sequence
from typing import Literal

from functions.finance.gateways.base import Payout, Said
from functions.finance.withdrawal import BY_HAND, CONFIRM, TransferStatus

Fate = Literal["succeeded", "failed", "dealing", "returned", "lost", "unknown", "hopeless", "confirm", "by_hand"]


class NullPayouts:
    """Treats each new number by the next of `fates`, the last one for ever.

    `lost`: the call never arrives. `unknown`: it arrives and the answer does not. `dealing`, and `confirm`, which waits for
    the payee: decided by `decide`. `by_hand`: a person has to send it, and nothing leaves here.
    """

    def __init__(self, fates: Sequence[Fate] = ("succeeded",)) -> None:
        self.fates = list(fates)
        self.numbers: dict[str, tuple[Payout, Said]] = {}
        self.calls: list[str] = []

    @property
    def paid_out(self) -> int:
        """What has left and not come back."""
        return sum(payout.amount.minor for payout, said in self.numbers.values() if said.status == "succeeded")

    def send(self, payout: Payout) -> Said:
        """Decide once for each number."""
        self.calls.append(payout.transfer_no)
        if payout.transfer_no in self.numbers:
            return self.numbers[payout.transfer_no][1]
        fate = self.fates.pop(0) if len(self.fates) > 1 else self.fates[0]
        if fate == "lost":
            return Said("open", sentence="timeout")
        if fate == "by_hand":
            return Said("open", code=BY_HAND)
        confirm = f'{{"package": "{payout.transfer_no}"}}' if fate == "confirm" else None
        said = Said(_STATUS[fate], f"G{payout.transfer_no}", _CODES.get(fate), fate, confirm)
        self.numbers[payout.transfer_no] = (payout, said)
        return Said("open", sentence="timeout") if fate == "unknown" else said

    def ask(self, transfer_no: str) -> Said | None:
        """What was decided."""
        known = self.numbers.get(transfer_no)
        return None if known is None else known[1]

    def decide(self, transfer_no: str, status: Literal["succeeded", "failed", "returned"]) -> None:
        """End a transfer that is under way, or bring back one that had arrived."""
        payout, said = self.numbers[transfer_no]
        self.numbers[transfer_no] = (payout, Said(status, gateway_no=said.gateway_no, code=status.upper()))


_CODES: dict[Fate, str] = {
    "failed": "PAYER_BALANCE_NOT_ENOUGH",
    "hopeless": "PAYEE_NOT_EXIST",
    "returned": "PAYEE_ACC_RETURNED",
    "confirm": CONFIRM,
}
_STATUS: dict[Fate, TransferStatus] = {
    "succeeded": "succeeded",
    "failed": "failed",
    "hopeless": "failed",
    "dealing": "open",
    "returned": "returned",
    "unknown": "succeeded",
    "lost": "open",
    "confirm": "open",
}
