"""Money that a channel took back from us, because its payer disputed the payment.

It is gone at once, so it is booked at once, against what we dispute. Won, it comes back. Lost, the sale is taken back from
those who shared it as a refund does, and a creator who was settled owes it; what was refunded before is the platform's
loss, since the buyer has it twice.
"""

from typing import Final, Literal

from functions.finance.document_errors import OrderNotFound
from functions.finance.errors import InvalidState, SelfApprovalForbidden
from functions.finance.ledger_errors import ChargebackNotFound
from functions.finance.models import Entry, channel_account
from functions.finance.store import chargebacks, earnings, ledger
from functions.finance.store.chargebacks import Chargeback
from shared import clock
from shared.money import Money
from shared.sql.connection import Connection

DISPUTES: Final = "platform:disputes"
LOSSES: Final = "platform:losses"

Outcome = Literal["won", "lost"]
NEXT: Final[dict[str, frozenset[Outcome]]] = {"open": frozenset({"won", "lost"}), "won": frozenset(), "lost": frozenset()}
"""What may become of a chargeback."""


def take(db: Connection, staff: int, order_no: str, *, amount: int, case_no: str, reason: str) -> int:
    """Book what the channel took, in fen; the number of the chargeback. Raises OrderNotFound, or InvalidState for a case that
    is known, a sale that no channel carried, or more than its buyer paid.
    """
    earnings.lock_order(db, order_no)
    earning = earnings.lock_earning(db, order_no)
    if earning is None:
        raise OrderNotFound
    left = earning.shares.charged.minor - chargebacks.disputed(db, order_no)
    if earning.channel == "balance" or amount > left:
        raise InvalidState(reason="not_chargeable", chargeable=0 if earning.channel == "balance" else left)
    now = clock.now()
    taken = Chargeback(0, order_no, earning.creator_id, earning.channel, case_no, amount, "open", staff)
    chargeback_id = chargebacks.add(db, taken, reason, now)
    if chargeback_id is None:
        raise InvalidState(reason="case_known")
    lines = {channel_account(earning.channel): amount, DISPUTES: -amount}
    ledger.post(db, Entry(f"chargeback:{chargeback_id}:taken", "chargeback", "chargeback", str(chargeback_id), now, lines))
    return chargeback_id


def end(db: Connection, staff: int, chargeback_id: int, outcome: Outcome, comment: str | None) -> Chargeback:
    """Book how the dispute ended, once, by somebody who did not open it. Raises ChargebackNotFound, SelfApprovalForbidden or
    InvalidState.
    """
    found = chargebacks.lock(db, chargeback_id)
    if found is None:
        raise ChargebackNotFound
    if staff in {found.opened_by, found.creator_id}:
        raise SelfApprovalForbidden
    if outcome not in NEXT[found.status]:
        raise InvalidState(status=found.status)
    now = clock.now()
    lines = {channel_account(found.channel): -found.amount, DISPUTES: found.amount} if outcome == "won" else _lost(db, found)
    chargebacks.decide(db, chargeback_id, outcome, staff, comment, now)
    kind = f"chargeback_{outcome}"
    ledger.post(db, Entry(f"chargeback:{chargeback_id}:outcome", kind, "chargeback", str(chargeback_id), now, lines))
    return found


def _lost(db: Connection, found: Chargeback) -> dict[str, int]:
    """The lines of a loss. Among the reversals of the sale it stands under its own number, below zero: refunds count up."""
    earnings.lock_order(db, found.order_no)
    earning = earnings.lock_earning(db, found.order_no)
    assert earning is not None  # noqa: S101 - nothing takes a booked sale away
    left = (earning.shares.charged - earning.reversed.charged).minor
    shared = min(found.amount, left)
    lines = {DISPUTES: found.amount, LOSSES: shared - found.amount}
    if shared:
        now = clock.now()
        number = -found.chargeback_id
        earnings.hear_refund(
            db,
            refund_id=number,
            order_no=found.order_no,
            creator_id=earning.creator_id,
            amount=shared,
            refunded_at=now,
            now=now,
        )
        part = earning.shares.of_refund(earning.reversed.charged + Money(shared)).minus(earning.reversed)
        earnings.book_reversal(db, earning, number, part, now)
        back = part.taken_back(earning.creator_id, earning.channel)
        del back[channel_account(earning.channel)]
        lines |= back
    return lines
