"""What a call to a vendor comes to: done, refused, or unknown. What is unknown is asked about, then repeated."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Done(Generic[T]):
    """The vendor did it, or answered the question, and proved that it was the vendor."""

    value: T


@dataclass(frozen=True)
class Unknown:
    """It may or may not have happened. Query first, then repeat with the same number and the same amount."""

    reason: str


@dataclass(frozen=True)
class Declined:
    """The vendor proved that it is the vendor, and that this call did nothing. Branch on `code`, never on the sentence.

    `throttled`: turned away at the entrance; the same call may be repeated later.
    """

    code: str
    sentence: str
    throttled: bool = False


Said = Done[T] | Declined | Unknown
