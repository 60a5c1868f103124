"""A withdrawal: its states, who moves it from where, and what it needs next. Tables and pure functions.

docs/withdrawals.md is drawn from MOVES and ACTIONS by `python -m infra.withdrawal_states`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

Status = Literal["pending", "approved", "processing", "paid", "rejected", "failed"]
Action = Literal["approve", "reject", "retry", "mark_paid"]
TransferStatus = Literal["open", "succeeded", "failed", "returned"]

FINAL: Final = frozenset({"paid", "rejected", "failed"})
DRIVEN: Final = frozenset({"approved", "processing"})

MOVES: Final[Mapping[Status, Mapping[Status, str]]] = {
    "pending": {
        "approved": "the risk check finds nothing, or as many people approve as it takes",
        "rejected": "a person rejects it, or the identity is not verified any more",
    },
    "approved": {
        "processing": "a number is written down, to be given to the channel",
        "paid": "a person who paid it by hand enters the number, before one of ours exists",
    },
    "processing": {
        "paid": "the channel says that the money arrived, or the person who sent it enters the number",
        "failed": "the channel refuses the payee, or three retries",
        "rejected": "a person gives up a payout that only a person can send",
    },
    "paid": {"failed": "the money comes back"},
    "failed": {"approved": "a person has the payout tried again, under a new hold"},
    "rejected": {},
}
"""Every change of state there is, and its cause."""

ACTIONS: Final[Mapping[Action, frozenset[Status]]] = {
    "approve": frozenset({"pending"}),
    "reject": frozenset({"pending", "processing"}),
    "retry": frozenset({"approved", "processing", "failed"}),
    "mark_paid": frozenset({"approved", "processing"}),
}
"""From where FIN-007 may act. In `processing` only a payout that waits for a person is rejected."""

BY_HAND: Final = "BY_HAND"
"""Code of an open number that nobody but a person can send."""
CONFIRM: Final = "WAIT_USER_CONFIRM"
"""Code of an open number that waits for its payee."""

LEASE: Final = timedelta(seconds=90)
"""How long one execution alone may talk to the channel: longer than a step may run, so that who lost it runs no more."""
IN_FLIGHT: Final = timedelta(seconds=60)
"""A call whose answer was lost may still be on its way: within this time the channel's "never got it" is not believed."""
REVIEW_WITHIN: Final = timedelta(days=1)
"""When a person shall have looked at what waits for one."""
CONFIRM_WITHIN: Final = timedelta(hours=24)
"""How long WeChat waits for the payee before it closes a transfer."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A payout request. `hold_no` counts the times its amount was frozen, `run` the executions of its workflow.

    `reasons` say why it waits for a person. `rate` and `units` (1e-6 USDT) are what a USDT payout was promised.
    """

    withdrawal_id: int
    request_no: str
    creator_id: int
    amount: int
    fee: int
    method: str
    account: str
    account_masked: str
    status: Status
    hold_no: int
    run: int
    task_token: str | None
    payout_no: str | None
    reasons: list[str]
    rate: str | None
    units: int | None
    lease_no: int
    lease_until: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def net(self) -> int:
        """What leaves the platform, in fen."""
        return self.amount - self.fee

    @property
    def hold_reference(self) -> str:
        """Name of the hold of the amount; its entries are this with `:hold` and `:outcome`."""
        return f"withdrawal:{self.withdrawal_id}:{self.hold_no}"

    @property
    def outcome_reference(self) -> str:
        """Reference of the one entry that ends a hold, by paying or by giving back: unique, so never both."""
        return f"{self.hold_reference}:outcome"

    @property
    def execution_name(self) -> str:
        """Name of the workflow execution: a second start under it is the same one."""
        return f"withdrawal-{self.withdrawal_id}" + (f"-{self.run}" if self.run > 1 else "")

    def leased_for(self, now: datetime) -> int:
        """Seconds for which somebody else alone may talk to the channel."""
        left = (self.lease_until - now).total_seconds() if self.lease_until else 0
        return max(0, -int(-left // 1))


@dataclass(frozen=True, slots=True)
class Transfer:
    """One number given to the channel, and what became of it. `confirm` is what the payee needs to confirm it."""

    transfer_no: str
    attempt: int
    amount: int
    status: TransferStatus
    gateway_no: str | None
    code: str | None
    sentence: str | None
    asked: int
    updated_at: datetime
    confirm: str | None = None

    @property
    def by_hand(self) -> bool:
        """Whether a person has to send it."""
        return self.status == "open" and self.code == BY_HAND


Step = Literal["send", "poll", "review", "finish", "end"]
MAX_RETRIES: Final = 3
_RETRY_SECONDS: Final = (60, 300, 900)
_POLL_SECONDS: Final = (10, 30, 60, 120, 300, 600, 1800, 3600)
_HOPELESS_GROUPS: Final = ("PAYEE_", "PERMIT_")
_HOPELESS: Final = frozenset(
    {
        *("ACCOUNT_FROZEN", "ACCOUNT_NOT_EXIST", "REAL_NAME_CHECK_FAIL", "NAME_NOT_CORRECT", "OPENID_INVALID"),
        *("ID_CARD_NOT_CORRECT", "TRANSFER_RISK", "TRANSFER_QUOTA_EXCEED", "PARAM_ERROR", "INVALID_REQUEST"),
        *("OVERDUE_CLOSE", "CANCELLED", "CARD_BIN_ERROR", "CARD_NO_ERROR"),
    }
)
"""Refusals of the payee, or by him: another try cannot end otherwise."""


def next_step(status: str, transfers: Sequence[Transfer]) -> tuple[Step, int]:
    """What a payout needs next and in how many seconds, judged by its rows alone; `transfers` are those of its hold.

    A new number is only asked for after an explicit failure, never while one is open (rules.md §7: three retries).
    """
    if status not in DRIVEN:
        return "end", 0
    if not transfers:
        return "send", 0
    last = transfers[-1]
    if last.by_hand:
        return "review", 0
    if last.status == "open":
        return "poll", _POLL_SECONDS[min(last.asked, len(_POLL_SECONDS) - 1)]
    if last.status == "failed" and not is_hopeless(last.code) and len(transfers) <= MAX_RETRIES:
        return "send", _RETRY_SECONDS[len(transfers) - 1]
    return "finish", 0


def is_hopeless(code: str | None) -> bool:
    """Whether a failure is one that another number cannot mend."""
    return code is not None and (code in _HOPELESS or code.startswith(_HOPELESS_GROUPS))


def as_json(withdrawal_id: int, step: tuple[Step, int]) -> dict[str, Any]:
    """A step as the workflow reads it."""
    return {"withdrawal_id": withdrawal_id, "next": step[0], "wait_seconds": step[1]}
