"""Cases: money that needs a person. Which word may end which kind, and whose word it takes. Pure; drawn into docs/payments.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from functions.payments.models import CaseKind, Channel
from shared.ids import derived_order_no

CaseAction = Literal["refund", "credit", "fulfil", "adjust", "write_off"]
Resolution = Literal["fulfilled", "refunded", "credited", "adjusted", "written_off"]

BOOKS: Final[Mapping[CaseAction, str]] = {
    "adjust": "the books follow the channel: a correcting entry of the amount named; takes two people",
    "write_off": "nothing moves, and nobody pursues it any more; takes two people",
}
_BACK = "it goes back through its channel; open until it went"
_BALANCE = "it becomes the buyer's balance"

# What each word does to a case of each kind.
VERBS: Final[Mapping[CaseKind, Mapping[CaseAction, str]]] = {
    "late": {"fulfil": "the order stays fulfilled", "refund": "what is left of the order goes back", **BOOKS},
    "double_purchase": {"fulfil": "the order stays fulfilled", "refund": "what is left of the order goes back", **BOOKS},
    "surplus": {"refund": _BACK, "credit": _BALANCE, **BOOKS},
    "amount_mismatch": {
        "fulfil": "what is enough settles its order, and what is more becomes the buyer's balance",
        "refund": _BACK,
        "credit": _BALANCE,
        **BOOKS,
    },
    "unknown_payment": {
        "fulfil": "it settles the order that is named",
        "refund": _BACK,
        "credit": "it becomes the balance of the buyer of the order that is named",
        **BOOKS,
    },
    "foreign_refund": {"refund": "it is booked as a refund of ours that was made", **BOOKS},
    "refund_stuck": {"refund": "the channel is asked again at once", **BOOKS},
}


@dataclass(frozen=True, slots=True)
class Word:
    """What a person wants done about a case, and why. `order_no` names whose money of nobody is; `amount` (fen) is how much
    more the channel holds than the books say, less where negative: for `adjust` alone.
    """

    action: CaseAction
    by: int
    comment: str
    at: datetime
    order_no: str | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One payment or refund that needs a person. `amount` is fen; `owner` is the role that answers for it."""

    case_id: int
    kind: CaseKind
    reference: str
    channel: Channel
    order_no: str | None
    gateway_no: str | None
    amount: int
    currency: str
    owner: str
    assigned_to: int | None
    status: Literal["open", "resolved"]
    resolution: Resolution | None
    resolved_by: int | None
    proposed_action: CaseAction | None
    proposed_amount: int | None
    proposed_order_no: str | None
    proposed_by: int | None
    refund_tries: int
    next_try_at: datetime | None
    opened_at: datetime
    resolved_at: datetime | None

    def refund_no(self, earlier: int = 0) -> str:
        """The number under which its money goes back, after so many that did not; always the same."""
        return derived_order_no(f"case:{self.case_id}:{earlier}", self.opened_at)

    def is_proposed(self, word: Word) -> bool:
        """Whether somebody wants this very thing already."""
        return (self.proposed_action, self.proposed_amount, self.proposed_order_no) == (
            word.action,
            word.amount,
            word.order_no,
        )

    def takes_two(self, word: Word, limit: int) -> bool:
        """Whether a second person has to say the same: always where the books give way, above `limit` where money is given
        to somebody who did not pay it with a card of theirs.
        """
        if word.action in {"adjust", "write_off"}:
            return True
        gives = word.action == "credit" or (word.action == "fulfil" and self.kind == "unknown_payment")
        return gives and self.amount > limit
