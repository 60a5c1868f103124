"""Money: whole minor units with their currency. No float ever touches an amount."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

_EXPONENT = {"CNY": 2, "USDT": 6}
BASIS_POINTS = 10_000
_DECIMAL = re.compile(r"-?\d{1,15}(\.\d{1,8})?")


class CurrencyMismatchError(ValueError):
    """Two amounts of different currencies met in one sum or comparison."""


def divide_half_even(numerator: int, denominator: int) -> int:
    """Divide integers, rounding half to even (rules.md §1); exact for any size, unlike `round` on floats."""
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    if twice > denominator or (twice == denominator and quotient % 2 == 1):
        return quotient + 1
    return quotient


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` units (fen for CNY, 1e-6 for USDT) of one `currency`."""

    minor: int
    currency: str = "CNY"

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            message = f"minor units are whole numbers, not {type(self.minor).__name__}"
            raise TypeError(message)
        if self.currency not in _EXPONENT:
            message = f"unknown currency {self.currency!r}"
            raise ValueError(message)

    @classmethod
    def from_yuan(cls, text: str, currency: str = "CNY") -> Self:
        """Parse a decimal string in major units, as vendors send it. Raises ValueError when it is not exact."""
        if not _DECIMAL.fullmatch(text := text.strip()):
            message = f"not an amount: {text[:40]!r}"
            raise ValueError(message)
        scaled = Decimal(text).scaleb(_EXPONENT[currency])
        if scaled != scaled.to_integral_value():
            message = f"not a whole number of minor units: {text!r}"
            raise ValueError(message)
        return cls(int(scaled), currency)

    def to_yuan(self) -> str:
        """The decimal string in major units with every decimal place, e.g. `12.30`."""
        return str(
            Decimal(self.minor).scaleb(-_EXPONENT[self.currency]).quantize(Decimal(1).scaleb(-_EXPONENT[self.currency]))
        )

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            message = f"{self.currency} and {other.currency} do not mix"
            raise CurrencyMismatchError(message)
        return other.minor

    def __add__(self, other: "Money") -> "Money":
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.minor <= self._same(other)

    def __gt__(self, other: "Money") -> bool:
        return self.minor > self._same(other)

    def __ge__(self, other: "Money") -> bool:
        return self.minor >= self._same(other)

    def portion_bp(self, basis_points: int) -> "Money":
        """The share of `basis_points` / 10000, half even to the minor unit."""
        return Money(divide_half_even(self.minor * basis_points, BASIS_POINTS), self.currency)

    def floor_bp(self, basis_points: int) -> "Money":
        """The share of `basis_points` / 10000, rounded down; what is lost goes to the platform (rules.md §7)."""
        return Money(self.minor * basis_points // BASIS_POINTS, self.currency)

    def allocate(self, weights: Sequence[int]) -> list["Money"]:
        """Split into parts proportional to `weights` whose sum is exactly this amount (largest remainder first)."""
        total = sum(weights)
        if total <= 0 or any(weight < 0 for weight in weights):
            message = "weights must be non-negative with a positive sum"
            raise ValueError(message)
        parts = [self.minor * weight // total for weight in weights]
        by_remainder = sorted(range(len(weights)), key=lambda i: (-(self.minor * weights[i] % total), i))
        for index in by_remainder[: self.minor - sum(parts)]:
            parts[index] += 1
        return [Money(part, self.currency) for part in parts]
