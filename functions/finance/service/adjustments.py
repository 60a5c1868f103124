"""Corrections of the books by people: one proposes and says why, another decides.

What comes out of a creator's money is held from the proposal on, so that it is there when somebody approves, and goes back
by itself when nobody decides within a week.
"""

import re
from typing import Final

from functions.finance.errors import InvalidState, SelfApprovalForbidden
from functions.finance.ledger_errors import AdjustmentNotFound
from functions.finance.models import Entry
from functions.finance.service import merging
from functions.finance.store import adjustments, holds, ledger
from functions.finance.store.adjustments import Adjustment
from functions.finance.store.holds import Hold
from shared import clock
from shared.errors import ValidationFailed
from shared.sql.connection import Connection

DAYS: Final = 7
ACCOUNTS: Final = (
    r"creator:[1-9]\d{0,18}:available|buyer:[1-9]\d{0,18}:balance|platform:(income|fees|marketing|losses|exchange)"
    r"|channel:(alipay|wechat|unionpay|usdt|manual)"
)
"""What may be corrected by hand. The other accounts follow rows of their own, which a correction would contradict."""
_OF_CREATOR: Final = re.compile(r"creator:(\d+):available")
_OF_SOMEBODY: Final = re.compile(r"(?:creator|buyer):(\d+):\w+")


def propose(db: Connection, staff: int, adjustment: Adjustment, reason: str) -> int:
    """Write a correction down for somebody else to decide; its number. Raises ValidationFailed for an account of nobody,
    SelfApprovalForbidden for one's own, and InsufficientBalance where a creator does not have as much.
    """
    for field in ("from_account", "to_account"):
        found = _OF_SOMEBODY.fullmatch(getattr(adjustment, field))
        if found and int(found[1]) == staff:
            raise SelfApprovalForbidden
        if found and not adjustments.known(db, int(found[1])):
            raise ValidationFailed([{"field": f"body.{field}", "message": "nobody has this account"}])
    now = clock.now()
    adjustment_id = adjustments.add(db, adjustment, reason, now)
    if _OF_CREATOR.fullmatch(adjustment.from_account):
        holds.place(
            db,
            Hold(
                reference=_reference(adjustment_id),
                kind="adjustment",
                ref_type="adjustment",
                ref_id=str(adjustment_id),
                at=now,
                currency=adjustment.currency,
                account=adjustment.from_account,
                held_in=adjustment.from_account.replace(":available", ":frozen"),
                amount=adjustment.amount,
                expires_at=adjustment.expires_at,
            ),
        )
    return adjustment_id


def decide(db: Connection, staff: int, adjustment_id: int, *, approve: bool, comment: str | None) -> Adjustment:
    """Book a correction or drop it, once. Raises AdjustmentNotFound, SelfApprovalForbidden, InvalidState, or
    InsufficientBalance where a buyer does not have as much.
    """
    found = adjustments.lock(db, adjustment_id)
    if found is None:
        raise AdjustmentNotFound
    touched = {int(match[1]) for match in map(_OF_SOMEBODY.fullmatch, (found.from_account, found.to_account)) if match}
    if staff == found.proposed_by or staff in touched:
        raise SelfApprovalForbidden
    now = clock.now()
    if found.status != "proposed" or found.expires_at <= now:
        raise InvalidState(status="expired" if found.status == "proposed" else found.status)
    adjustments.decide(db, adjustment_id, approved=approve, by=staff, comment=comment, now=now)
    held = _OF_CREATOR.fullmatch(found.from_account)
    if approve:
        _book(db, found)
    elif held:
        holds.void(db, _reference(adjustment_id), now)
    return found


def _book(db: Connection, found: Adjustment) -> None:
    now, reference = clock.now(), _reference(found.adjustment_id)
    credited = _OF_CREATOR.fullmatch(found.to_account)
    if credited:
        merging.hops(db, int(credited[1]))
    if _OF_CREATOR.fullmatch(found.from_account):
        holds.post(db, reference, {found.to_account: found.amount}, now)
    else:
        lines = {found.from_account: -found.amount, found.to_account: found.amount}
        ref_id = str(found.adjustment_id)
        ledger.post(db, Entry(f"{reference}:outcome", "adjustment", "adjustment", ref_id, now, lines, found.currency))
    if credited and found.currency == "CNY":
        merging.forward(db, int(credited[1]), reference)


def _reference(adjustment_id: int) -> str:
    return f"adjustment:{adjustment_id}"
