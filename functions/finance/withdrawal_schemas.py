"""What the routes of withdrawals receive and send."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from functions.finance.withdrawal import Action, Status
from shared.http.envelope import Fen, In, Out
from shared.views.profiles import UserBrief

Method = Literal["alipay", "wechat", "bank", "usdt"]


class AccountIn(In):
    """Where a payout goes, and whose it is. `number` by method: the login or 2088… id of Alipay, the openid of WeChat, the
    number of a card (with `bank`, if wanted), an address (with `network`).
    """

    name: Annotated[str, Field(min_length=1, max_length=100)]
    number: Annotated[str, Field(min_length=3, max_length=128, pattern=r"^[^\s\x00-\x1f]+$")]
    bank: Annotated[str | None, Field(max_length=100)] = None
    network: Annotated[str | None, Field(max_length=20)] = None


class WithdrawalIn(In):
    """FIN-006; `amount` in fen."""

    amount: Annotated[Fen, Field(gt=0)]
    method: Method
    account: AccountIn


class WithdrawalOut(Out):
    """The contract's Withdrawal; `net` is `amount` less `fee`, what arrives."""

    withdrawal_id: int
    amount: int
    fee: int
    net: int
    method: Method
    account_masked: str
    status: Status
    created_at: datetime


class StepOut(Out):
    """A state a withdrawal came to, with its cause in the caller's language."""

    status: Status
    at: datetime
    comment: str | None


class NextOut(Out):
    """What happens next, in the caller's language, and by when."""

    comment: str
    at: datetime | None


class WithdrawalDetailOut(WithdrawalOut):
    """FIN-009. `confirm` is what the client hands to WeChat (`requestMerchantTransfer`) while the payee has to confirm.

    `rate` (yuan for one) and `usdt` are what a payout in USDT was promised.
    """

    steps: list[StepOut]
    next: NextOut | None
    confirm: dict[str, Any] | None
    rate: str | None
    usdt: str | None


class ReasonOut(Out):
    """Why a withdrawal waits for a person."""

    reason: str
    message: str


class SendOut(Out):
    """What a person has to send: shown to who may approve, while it waits to be sent."""

    network: str
    address: str
    usdt: str
    rate: str


class QueuedWithdrawalOut(WithdrawalOut):
    """ADM-027. `approvals` are the people who approved so far."""

    creator: UserBrief
    reasons: list[ReasonOut]
    approvals: list[int]
    send: SendOut | None


class ProcessIn(In):
    """FIN-007; `payout_no` belongs to `mark_paid`: the receipt's number, of USDT the hash of the transaction."""

    action: Action
    comment: Annotated[str | None, Field(max_length=500)] = None
    payout_no: Annotated[str | None, Field(min_length=1, max_length=80)] = None
