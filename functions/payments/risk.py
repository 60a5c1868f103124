"""What risk control goes by: rules of which each measures one thing, and what they caught (rules.md §7). Pure.

`review` lets a payment pass and has a person look at it; `reject` stops it; `challenge` stops it until the buyer proves by a
one-time code, sent to an address of theirs after the order was placed, that it is them (docs/payments.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

RuleKey = Literal[
    "order_count",
    "amount_single",
    "failed_count",
    "new_account_amount",
    "device_accounts",
    "ip_accounts",
    "refund_percent",
]
RiskAction = Literal["review", "challenge", "reject"]
EventStatus = Literal["open", "released", "confirmed"]

RULE_KEYS: Final[tuple[str, ...]] = get_args(RuleKey)
# The one that looks at the order alone; every other says how far back it looks.
WITHOUT_WINDOW: Final = "amount_single"
_LONGEST_WINDOW: Final = 366 * 86_400
_LARGEST: Final = 10**13


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: it catches a payment when what it measures has reached `threshold`."""

    key: str
    enabled: bool
    threshold: int
    window_seconds: int | None
    action: RiskAction


@dataclass(frozen=True, slots=True)
class Event:
    """A payment a rule let pass for a person to look at; `score` is what the rule measured."""

    event_id: int
    order_no: str
    user_id: int
    rule_key: str
    score: int
    status: EventStatus
    created_at: datetime


def fault(rules: Sequence[Rule]) -> str | None:
    """Why these rules cannot be the rules, as `zh|en`; None when they can."""
    keys = [rule.key for rule in rules]
    if len(set(keys)) < len(keys):
        return "规则重复|a rule is named twice"
    for rule in rules:
        if rule.key not in RULE_KEYS:
            return f"未知规则 {rule.key}|unknown rule {rule.key}"
        if not 0 < rule.threshold <= _LARGEST:
            return f"{rule.key} 的阈值超出范围|the threshold of {rule.key} is out of range"
        if (rule.window_seconds is None) != (rule.key == WITHOUT_WINDOW):
            return f"{rule.key} 的时间窗口不正确|{rule.key} needs a window, or has none"
        if rule.window_seconds is not None and not 0 < rule.window_seconds <= _LONGEST_WINDOW:
            return f"{rule.key} 的时间窗口超出范围|the window of {rule.key} is out of range"
    return None
