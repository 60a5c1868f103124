"""The states of a subscription and what moves it from one to another (rules.md §6); no I/O."""

from enum import StrEnum
from typing import Literal

Status = Literal["pending", "trialing", "active", "past_due", "paused", "cancelled", "expired"]

LIVE: frozenset[str] = frozenset({"pending", "trialing", "active", "past_due"})
"""A user has at most one of these per creator; each holds a seat of its plan, as a paused one does."""

GIVES_ACCESS: frozenset[str] = frozenset({"trialing", "active", "past_due"})


class Event(StrEnum):
    """What can happen to a subscription."""

    PAID = "paid"
    ORDER_CLOSED = "order_closed"
    """Its first order ended unpaid."""
    REFUNDED = "refunded"
    """Money went back and nothing paid is left."""
    PERIOD_ENDED = "period_ended"
    PAUSED = "paused"
    """Its period ended, and its user wished to pause then."""
    CANCELLED = "cancelled"
    RENEWAL_FAILED = "renewal_failed"
    RETRIES_EXHAUSTED = "retries_exhausted"


_TRANSITIONS: dict[tuple[str, Event], Status] = {
    ("pending", Event.PAID): "active",
    ("pending", Event.ORDER_CLOSED): "expired",
    ("pending", Event.REFUNDED): "expired",
    ("trialing", Event.PAID): "active",
    ("trialing", Event.PERIOD_ENDED): "expired",
    ("trialing", Event.CANCELLED): "cancelled",
    ("active", Event.PAID): "active",
    ("active", Event.PERIOD_ENDED): "expired",
    ("active", Event.PAUSED): "paused",
    ("active", Event.CANCELLED): "cancelled",
    ("active", Event.REFUNDED): "cancelled",
    ("active", Event.RENEWAL_FAILED): "past_due",
    ("past_due", Event.PAID): "active",
    ("past_due", Event.RETRIES_EXHAUSTED): "expired",
    ("past_due", Event.CANCELLED): "cancelled",
    ("past_due", Event.REFUNDED): "cancelled",
    ("paused", Event.PAID): "active",
    ("paused", Event.CANCELLED): "cancelled",
    # Paid money gives access, however late it comes (rules.md §7: a late callback settles the order).
    ("cancelled", Event.PAID): "active",
    ("expired", Event.PAID): "active",
}


def after(status: str, event: Event) -> Status | None:
    """The state an event leads to, or None when it means nothing in this state."""
    return _TRANSITIONS.get((status, event))
