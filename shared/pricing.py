"""What does it cost? The one computation behind the quote, the subscription's order and the order of a content (rules.md §6).

Rule, then promotions, then coupon; pure. Whoever sells asks through `shared.views.prices`. payments sells contents and may
not import subscriptions, so this stands in shared, as the question who may read what does (`shared.views.access`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Kind = Literal["plan", "content", "membership"]
Source = Literal["rule", "promotion", "coupon"]
Bearer = Literal["platform", "creator"]
WHOLE = 100


@dataclass(frozen=True, slots=True)
class Rule:
    """A creator's pricing rule of one plan or content."""

    rule_id: int
    kind: Literal["time_window", "demand", "early_bird", "bulk"]
    config: dict[str, Any]
    priority: int
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def apply(self, amount: int, at: datetime, sold: int, quantity: int) -> int | None:
        """The amount under this rule, or None when it does not match."""
        if not self._matches(at, sold, quantity):
            return None
        if self.kind == "demand":
            return self._by_demand(amount, sold)
        if (percent := self.config.get("percent_off")) is not None:
            return amount - amount * int(percent) // WHOLE
        return max(0, amount - int(self.config["amount_off"]) * quantity)

    def _matches(self, at: datetime, sold: int, quantity: int) -> bool:
        begun = self.starts_at is None or self.starts_at <= at
        over = self.ends_at is not None and self.ends_at <= at
        early = self.kind != "early_bird" or sold < self.config["first_n"]
        enough = self.kind != "bulk" or quantity >= self.config["min_quantity"]
        return begun and not over and early and enough

    def _by_demand(self, amount: int, sold: int) -> int | None:
        reached = [step for step in self.config["thresholds"] if sold >= step["sold_gte"]]
        if not reached:
            return None
        percent = int(max(reached, key=lambda step: int(step["sold_gte"]))["adjust_percent"])
        change = amount * abs(percent) // WHOLE
        return amount + change if percent > 0 else max(0, amount - change)


@dataclass(frozen=True, slots=True)
class Promotion:
    """A running campaign of the platform that covers the target. `*_left` is None where there is no limit."""

    promotion_id: int
    kind: Literal["percent", "amount", "flash_sale"]
    value: int
    stackable: bool
    budget_left: int | None = None
    stock_left: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def discount(self, amount: int, quantity: int) -> int:
        """What it takes off; nothing when its budget does not reach so far."""
        if self.stock_left is not None and self.stock_left < 1:
            return 0
        if self.kind == "percent":
            off = amount * self.value // WHOLE
        elif self.kind == "amount":
            off = min(amount, self.value)
        else:
            off = max(0, amount - self.value * quantity)
        return 0 if self.budget_left is not None and off > self.budget_left else off


@dataclass(frozen=True, slots=True)
class Coupon:
    """A coupon as it applies to the target and the person; `refused` says why it does not."""

    coupon_id: int
    kind: Literal["percent", "amount", "free_days"]
    value: int
    min_amount: int = 0
    max_discount: int | None = None
    owner_id: int | None = None
    serial: int | None = None
    budget_left: int | None = None
    ends_at: datetime | None = None
    refused: str | None = None

    def refusal(self, amount: int, kind: Kind) -> str | None:
        """Why it cannot be used on so much of this, by the contract's name; None when it can."""
        if self.refused is not None:
            return self.refused
        if amount < max(self.min_amount, 1) or (self.kind == "free_days" and kind != "plan"):
            return "coupon_not_applicable"
        off = self.discount(amount)
        if off == 0 and self.kind != "free_days":
            return "coupon_not_applicable"
        return "coupon_exhausted" if self.budget_left is not None and off > self.budget_left else None

    def discount(self, amount: int) -> int:
        """What it takes off; free days take nothing off, they lengthen the first period."""
        if self.kind == "free_days":
            return 0
        off = amount * self.value // WHOLE if self.kind == "percent" else min(amount, self.value)
        return off if self.max_discount is None else min(off, self.max_discount)


@dataclass(frozen=True, slots=True)
class Line:
    """One step from the list price to what is paid; negative takes off. `borne_by` is whose money the step is."""

    source: Source
    id: int
    amount: int
    borne_by: Bearer

    def as_json(self) -> dict[str, Any]:
        """As it stands in an order's price lines."""
        return {"source": self.source, "id": self.id, "amount": self.amount, "borne_by": self.borne_by}


def best_rule(amount: int, rules: Sequence[Rule], at: datetime, sold: int, quantity: int) -> list[Line]:
    """The matching rule of the highest priority; of equals the one with the lowest price, then the older."""
    matching = [
        (-rule.priority, found, rule.rule_id)
        for rule in rules
        if (found := rule.apply(amount, at, sold, quantity)) is not None
    ]
    if not matching:
        return []
    _, found, rule_id = min(matching)
    return [Line("rule", rule_id, found - amount, "creator")] if found != amount else []


def best_promotions(amount: int, promotions: Sequence[Promotion], quantity: int) -> list[Line]:
    """The best single promotion, or all stackable ones one after the other where that is less; equal: the single one."""
    ordered = sorted(promotions, key=lambda one: one.promotion_id)
    stack, left = [], amount
    for one in (one for one in ordered if one.stackable):
        if (off := one.discount(left, quantity)) > 0:
            stack.append(Line("promotion", one.promotion_id, -off, "platform"))
            left -= off
    single = max(ordered, key=lambda one: (one.discount(amount, quantity), -one.promotion_id), default=None)
    off = single.discount(amount, quantity) if single is not None else 0
    if single is None or amount - left > off:
        return stack
    return [Line("promotion", single.promotion_id, -off, "platform")] if off > 0 else []


def coupon_line(amount: int, coupon: Coupon) -> Line:
    """What a coupon that may be used does to an amount; whose coupon it is bears it."""
    return Line("coupon", coupon.coupon_id, -coupon.discount(amount), "platform" if coupon.owner_id is None else "creator")


def price(
    list_amount: int,
    rules: Sequence[Rule],
    promotions: Sequence[Promotion],
    coupon: Coupon | None,
    at: datetime,
    *,
    quantity: int = 1,
    sold: int = 0,
    kind: Kind = "plan",
) -> list[Line]:
    """The lines between the list price (of all pieces) and what is paid. A coupon that does not apply makes no line."""
    lines = best_rule(list_amount, rules, at, sold, quantity)
    lines += best_promotions(list_amount + total(lines), promotions, quantity)
    amount = list_amount + total(lines)
    if coupon is not None and coupon.refusal(amount, kind) is None:
        lines.append(coupon_line(amount, coupon))
    return lines


def total(lines: Sequence[Line]) -> int:
    """The sum of lines."""
    return sum(line.amount for line in lines)


def platform_discount(price_lines: Sequence[dict[str, Any]]) -> int:
    """What of an order's discount the platform bears, in fen: the seller is paid as if it had been charged."""
    return -sum(int(line["amount"]) for line in price_lines if line.get("borne_by") == "platform")
