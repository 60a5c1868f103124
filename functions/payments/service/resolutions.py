"""Resolving what reconciliation found: a person decides, two where much money is at stake, and no money is left over.

Money a bill proves, that we had not settled, is settled as if its notice came now: it ends fulfilled, refunded or in a case.
"""

from datetime import datetime
from typing import Final

from functions.payments.gateways.base import Paid, Repaid
from functions.payments.models import CaseKind
from functions.payments.reconciliation_errors import (
    AlreadyResolved,
    ReconciliationItemNotFound,
    SelfApprovalForbidden,
)
from functions.payments.service import refunds, returns
from functions.payments.service.returns import Decision
from functions.payments.service.settlement import Evidence, Settled, settle
from functions.payments.store import attempts, cases, differences, orders
from functions.payments.store import reconciliations as runs
from functions.payments.store.differences import Difference, Word
from functions.payments.store.reconciliations import Run
from shared import clock, observe
from shared.errors import ValidationFailed
from shared.money import Money
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

_WORD: Final = "bill"
_STANDS: Final = "unchanged"


def resolve(db: Connection, reconciliation_id: int, item_id: int, word: Word) -> tuple[Difference, Difference]:
    """One person's word on a difference: it is resolved, or waits for a second person's same word; before and after.

    Raises ReconciliationItemNotFound, AlreadyResolved, SelfApprovalForbidden, RefundPending, or ValidationFailed for a refund
    or credit of what is not there to give.
    """
    run = runs.hold(db, reconciliation_id)
    item = differences.find(db, reconciliation_id, item_id) if run else None
    if run is None or item is None:
        raise ReconciliationItemNotFound
    if item.status == "resolved":
        raise AlreadyResolved
    if word.action in {"refund", "credit"} and not _can_be_given_back(item):
        raise returns.nothing_to_give_back()
    if item.stake > tunable(db, "payment.difference_approval_above") and item.proposed_action != word.action:
        differences.propose(db, item_id, word)
    elif item.proposed_by == word.by:
        raise SelfApprovalForbidden
    else:
        differences.resolve(db, item_id, word, _do(db, run, item, word))
        if run.status != "running":
            runs.release(db, run.reconciliation_id, run.token, word.at)
        observe.count("difference_resolved")
    after = differences.find(db, reconciliation_id, item_id)
    return item, after or item


def _can_be_given_back(item: Difference) -> bool:
    """Whether the channel holds money of a payment of ours."""
    return item.movement == "pay" and item.kind not in {"missing_remote", "missing_local"}


def _do(db: Connection, run: Run, item: Difference, word: Word) -> str:
    if word.action in {"ignore", "accept_local"}:
        return _STANDS
    if item.movement == "refund":
        return _take_refund(db, run, item)
    if item.kind == "missing_remote":
        return _case(db, "amount_mismatch", run, item, 0)
    came = _settle(db, run, item, word.at)
    if word.action == "refund":
        return _give_back(db, item, came, word)
    if word.action == "credit":
        return _credit(db, item, came, word)
    return came if came != "repeated" else _books(db, run, item)


def _settle(db: Connection, run: Run, item: Difference, at: datetime) -> Settled:
    paid = Paid(item.gateway_no or item.reference, Money(item.remote_amount or 0), item.remote_at, _WORD)
    return settle(db, Evidence(run.channel, item.reference, paid), at)


def _books(db: Connection, run: Run, item: Difference) -> str:
    """Settled before: then the books say so too, or a person has to look at them."""
    if item.order_no is None or differences.is_booked(db, item.order_no, run.channel, item.remote_amount or 0):
        return "repeated"
    return _case(db, "amount_mismatch", run, item, item.remote_amount or 0)


def _give_back(db: Connection, item: Difference, came: Settled, word: Word) -> str:
    """What `settle` took in goes back under a number of this difference; `finish_refunds` calls the gateway."""
    order, attempt = orders.lock(db, payment_no=item.reference), attempts.find(db, item.reference)
    if order is None or attempt is None:
        return "case"
    decision = Decision(item.refund_no, word.by, word.comment, word.at)
    received = item.remote_amount or 0
    if came == "amount_mismatch":
        amount = returns.surplus_of(attempt, received)
        returns.give_back(db, order, attempt, decision, amount=amount, received=received)
    elif came == "surplus" or (came == "repeated" and order.payment_no != item.reference):
        returns.give_back(db, order, attempt, decision, amount=attempt.amount, received=received)
    elif item.kind == "amount_diff" and received <= (item.local_amount or 0):
        raise returns.nothing_to_give_back()
    elif order.status != "refunded":
        returns.give_back_order(db, order, decision)
    return "refund"


def _credit(db: Connection, item: Difference, came: Settled, word: Word) -> str:
    """What `settle` took in and is not the order's becomes its buyer's balance."""
    order, attempt = orders.lock(db, payment_no=item.reference), attempts.find(db, item.reference)
    if order is None or attempt is None:
        return "case"
    if came != "amount_mismatch" and order.payment_no == item.reference:
        message = "该款项已用于支付订单|This money pays for its order"
        raise ValidationFailed([{"field": "body.action", "message": message}])
    amount = returns.surplus_of(attempt, item.remote_amount or 0) if came == "amount_mismatch" else attempt.amount
    decision = Decision(item.refund_no, word.by, word.comment, word.at)
    returns.credit(db, order, item.reference, decision, channel=attempt.channel, amount=amount)
    cases.resolve(db, ["surplus", "amount_mismatch"], item.reference, "credited", word.at, by=word.by)
    return "credit"


def _take_refund(db: Connection, run: Run, item: Difference) -> str:
    """The bill tells of money given back: ours is finished by it, anything else is a case."""
    ours = differences.refund_of(db, item.reference)
    if item.kind == "missing_remote":
        return _case(db, "refund_stuck", run, item, item.local_amount or 0)
    if ours is not None and ours[1:] == ("processing", item.remote_amount):
        refunds.conclude(db, ours[0], Repaid(item.remote_at, None))
        return "refunded"
    return _case(db, "foreign_refund", run, item, item.remote_amount or 0)


def _case(db: Connection, kind: CaseKind, run: Run, item: Difference, amount: int) -> str:
    cases.open_case(
        db,
        kind,
        item.reference,
        channel=run.channel,
        order_no=item.order_no,
        gateway_no=item.gateway_no,
        amount=Money(amount),
        at=clock.now(),
    )
    observe.count("payment_case_opened")
    return "case"
