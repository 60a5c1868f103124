"""What the platform's memberships receive and send. Amounts are fen."""

import re
from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from functions.subscriptions.memberships import Level
from functions.subscriptions.schemas import Name
from shared.http.envelope import In, Items, Out
from shared.sql.settings_types import Exact

_OPENS: Final = re.compile(r"content:(subscribers|paid|[1-9][0-9]{0,18})|creator:[1-9][0-9]{0,18}")
_WORD: Final = re.compile(r"[a-z][a-z0-9_]*(:[a-z0-9_]+)*")


def _permission(text: str) -> str:
    """What opens works is read by the access check, so a slip in it would give nothing without a word."""
    known = _OPENS if text.startswith(("content:", "creator:")) else _WORD
    if known.fullmatch(text) is None:
        sentences = (
            "权限须为 content:subscribers、content:paid、content:编号、creator:编号，或小写单词（可用冒号分段）"
            "|a permission is content:subscribers, content:paid, content:<id>, creator:<id>, or lower-case words joined by colons"
        )
        raise ValueError(sentences)
    return text


Permission = Annotated[str, Field(max_length=64), AfterValidator(_permission)]
Permissions = Annotated[list[Permission], Field(max_length=50)]
Days = Annotated[int, Field(ge=1, le=3660)]
Price = Annotated[int, Field(ge=1, le=10**13)]
Usdt = Annotated[Exact, Field(gt=0, le=Decimal(10**9), decimal_places=8)]
Quota = Annotated[int, Field(ge=0, le=1_000_000)]


class CreateMembershipPlanIn(In):
    """SUB-016."""

    level: Level
    name: Name
    duration_days: Days
    amount: Price
    usdt_amount: Usdt
    ai_daily_quota: Quota
    permissions: Permissions


class UpdateMembershipPlanIn(In):
    """SUB-017: what is sent is changed, whatever the defaults say."""

    level: Level = "basic"
    name: Name = ""
    duration_days: Days = 1
    amount: Price = 1
    usdt_amount: Usdt = Decimal(1)
    ai_daily_quota: Quota = 0
    permissions: Permissions = Field(default_factory=list)
    is_active: bool = True


class MembershipPlanOut(Out):
    """The contract's MembershipPlan."""

    plan_id: int
    level: Level
    name: str
    duration_days: int
    amount: int
    currency: Literal["CNY"]
    usdt_amount: Exact
    ai_daily_quota: int
    permissions: list[str]
    is_active: bool


class MembershipPlansOut(Items[MembershipPlanOut]):
    """SUB-015."""
