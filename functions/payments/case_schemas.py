"""What the back office of cases takes and gives. Amounts are fen."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from functions.payments.cases import Case, CaseAction, Resolution
from functions.payments.models import CaseKind, Channel
from shared.http.envelope import Id, In, Out

CaseStatus = Literal["open", "resolved"]
Text = Annotated[str, Field(min_length=1, max_length=500)]
_LARGEST = 10**13


class AssignIn(In):
    """To whom; to oneself when nobody is named."""

    operator_id: Id | None = None


class CommentIn(In):
    """What was found out."""

    comment: Text


class ResolveCaseIn(In):
    """What shall become of it, and why. `order_no` names whose money of nobody is, `amount` what an adjustment books."""

    action: CaseAction
    comment: Text
    order_no: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    amount: Annotated[int, Field(ge=-_LARGEST, le=_LARGEST)] | None = None


class CaseOut(Out):
    """Money that needs a person. `owner` is the role that answers for it; `proposed_*` waits for a second person's word."""

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
    status: CaseStatus
    resolution: Resolution | None
    resolved_by: int | None
    proposed_action: CaseAction | None
    proposed_amount: int | None
    proposed_by: int | None
    opened_at: datetime
    resolved_at: datetime | None


class CommentOut(Out):
    """What a person said about a case."""

    comment_id: int
    author_id: int
    text: str
    at: datetime


class CaseDetailOut(CaseOut):
    """A case with what it may become, and what people said about it."""

    actions: list[CaseAction]
    comments: list[CommentOut]


def case_out(case: Case) -> CaseOut:
    """A case as it is sent."""
    return CaseOut.model_construct(**{name: getattr(case, name) for name in CaseOut.model_fields})
