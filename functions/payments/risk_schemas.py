"""What the back office of risk control takes and gives."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from functions.payments.risk import EventStatus, RiskAction
from shared.http.envelope import BIGINT_MAX, In, Out

_MOST_RULES = 50


class RiskRuleBody(BaseModel):
    """A rule: the same given and taken. Whether its parts fit together is said by `rule_config_invalid`."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(min_length=1, max_length=50)]
    enabled: bool
    threshold: Annotated[int, Field(ge=-BIGINT_MAX, le=BIGINT_MAX)]
    window_seconds: Annotated[int, Field(ge=-BIGINT_MAX, le=BIGINT_MAX)] | None = None
    action: RiskAction


class RulesIn(In):
    """All the rules there shall be."""

    items: Annotated[list[RiskRuleBody], Field(max_length=_MOST_RULES)]


class ReviewIn(In):
    """A person's word on an event."""

    action: Literal["release", "confirm"]
    comment: Annotated[str, Field(max_length=500)] | None = None


class RiskEventOut(Out):
    """A payment a rule caught; `score` is what the rule measured."""

    event_id: int
    order_no: str
    user_id: int
    rule_key: str
    score: int
    status: EventStatus
    created_at: datetime
