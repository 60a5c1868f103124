"""Risk control: asked before a payment starts; its rules are the operators', and what it caught is reviewed by them."""

from collections.abc import Sequence
from typing import Final, Literal

from functions.payments.errors import (
    AlreadyReviewed,
    OrderNotPayable,
    RiskChallengeRequired,
    RiskEventNotFound,
    RiskRejected,
    RuleConfigInvalid,
)
from functions.payments.models import Order
from functions.payments.risk import Event, Rule, fault
from functions.payments.store import risk
from shared import clock, observe
from shared.sql.connection import Connection

_PROOFS: Final = ("verify_email", "verify_phone")
"""Purposes of the codes that pass a challenge: asked for at IDN-005, given to the route that verifies the address."""


def admit(db: Connection, order: Order, ip: str | None = None) -> None:
    """Let a payment of an order that is held pass, an event opened where a rule wants a person to look.

    Raises RiskRejected, RiskChallengeRequired, or OrderNotPayable when the buyer has the thing by another order.
    """
    found = risk.look(db, order, ip, clock.now())
    if found.owned:
        raise OrderNotPayable(already_owned=True)
    if found.rejected_by or found.confirmed:
        observe.count("payment_risk_event")
        observe.warn("payment rejected", order_no=order.order_no, rules=found.rejected_by)
        raise RiskRejected
    if found.challenged_by and not found.proved:
        observe.count("payment_risk_event")
        observe.warn("payment challenged", order_no=order.order_no, rules=found.challenged_by)
        raise RiskChallengeRequired(purposes=_PROOFS)
    if found.opened:
        observe.count("payment_risk_event", found.opened)


def replace(db: Connection, wanted: Sequence[Rule]) -> list[Rule]:
    """Make these the rules as a whole; those of before come back. Raises RuleConfigInvalid."""
    reason = fault(wanted)
    if reason is not None:
        raise RuleConfigInvalid(reason=reason)
    return risk.replace(db, wanted)


def review(db: Connection, event_id: int, action: Literal["release", "confirm"], by: int, comment: str | None) -> Event:
    """A person's word on an event; of an order with a confirmed one no payment starts any more.

    Raises RiskEventNotFound or AlreadyReviewed.
    """
    status: Literal["released", "confirmed"] = "released" if action == "release" else "confirmed"
    event, was_open = risk.review(db, event_id, status, by=by, comment=comment, at=clock.now())
    if event is None:
        raise RiskEventNotFound
    if not was_open:
        raise AlreadyReviewed(status=event.status)
    return event
