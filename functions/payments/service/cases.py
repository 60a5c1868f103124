"""Working on cases: taken by a person, talked about, and ended by a word; two people's where the books give way.

A word that sends money back leaves its case open until the money went: a channel may say no.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from functions.payments.cases import VERBS, Case, CaseAction, Resolution, Word
from functions.payments.errors import (
    AmountMismatch,
    CaseNotFound,
    OrderNotFound,
    OrderNotPaid,
    OrderNotPayable,
    RefundExceedsPaid,
    RefundNotPending,
    RefundPending,
)
from functions.payments.gateways.base import Paid, Repaid
from functions.payments.models import Attempt, Order
from functions.payments.reconciliation_errors import AlreadyResolved, SelfApprovalForbidden
from functions.payments.service import refunds, returns
from functions.payments.service.returns import Decision
from functions.payments.service.settlement import Evidence, settle
from functions.payments.store import attempts, balance, differences, orders
from functions.payments.store import cases as store
from functions.payments.store import refunds as refund_store
from shared import clock, observe
from shared.errors import ValidationFailed
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

_WORD: Final = "case"
_OF_THE_ORDER: Final = {"late", "double_purchase"}
_OF_AN_ATTEMPT: Final = {"surplus", "amount_mismatch"}
_LONGEST_NUMBER: Final = 32


def take(db: Connection, case_id: int, to: int) -> Case:
    """Give an open case to an operator. Raises CaseNotFound, AlreadyResolved, or ValidationFailed for
    somebody who may not resolve it.
    """
    case = store.lock(db, case_id)
    if case is None:
        raise CaseNotFound
    if case.status == "resolved":
        raise AlreadyResolved
    if not store.may_answer(db, to, clock.now()):
        message = "不是可以处理款项的运营人员|Not an operator who may resolve cases"
        raise ValidationFailed([{"field": "body.operator_id", "message": message}])
    store.assign(db, case_id, to)
    return case


def comment(db: Connection, case_id: int, by: int, text: str) -> Case:
    """Add what a person found out. Raises CaseNotFound."""
    case = store.find(db, case_id)
    if case is None:
        raise CaseNotFound
    store.comment(db, case_id, by, text, clock.now())
    return case


def resolve(db: Connection, case_id: int, word: Word) -> tuple[Case, Case]:
    """A person's word on a case: done, under way, or waiting for a second person's same word; before and after.

    Raises CaseNotFound, OrderNotFound, AlreadyResolved, SelfApprovalForbidden, RefundPending, ValidationFailed for what such
    a case cannot become, or what the word itself raises.
    """
    seen = store.find(db, case_id)
    if seen is None:
        raise CaseNotFound
    order = _order(db, seen, word)
    case = store.lock(db, case_id)
    if case is None or case.status == "resolved":
        raise AlreadyResolved
    _check(case, word)
    two = case.takes_two(word, tunable(db, "payment.difference_approval_above"))
    if two and not case.is_proposed(word):
        store.propose(db, case_id, word)
    elif two and case.proposed_by == word.by:
        raise SelfApprovalForbidden
    else:
        ended = _DO[word.action](db, case, order, word)
        if ended is not None:
            store.end(db, case, ended, word)
            observe.count("payment_case_resolved")
    store.comment(db, case_id, word.by, word.comment, word.at)
    return case, store.find(db, case_id) or case


def _order(db: Connection, case: Case, word: Word) -> Order | None:
    """The order it is about is held first, as by everybody else."""
    order_no, payment_no = case.order_no or word.order_no, None
    if case.kind == "foreign_refund" and order_no is None:
        payment_no = attempts.by_gateway_no(db, case.channel, case.gateway_no)
    if order_no is None and payment_no is None:
        return None
    order = orders.lock(db, order_no=order_no, payment_no=payment_no)
    if order is None:
        raise OrderNotFound
    return order


def _check(case: Case, word: Word) -> None:
    if word.action not in VERBS[case.kind]:
        raise ValidationFailed([{"field": "body.action", "message": " | ".join(VERBS[case.kind])}])
    names_an_order = case.kind == "unknown_payment" and word.action in {"credit", "fulfil"}
    if names_an_order != (word.order_no is not None):
        message = "仅用于确认无主款项的归属|Names whose the money of nobody is, and nothing else"
        raise ValidationFailed([{"field": "body.order_no", "message": message}])
    if (word.action == "adjust") != bool(word.amount):
        message = "仅用于调账，且不为零|For an adjustment, and then not zero"
        raise ValidationFailed([{"field": "body.amount", "message": message}])


def _refund(db: Connection, case: Case, order: Order | None, word: Word) -> Resolution | None:
    if case.kind == "refund_stuck":
        found = differences.refund_of(db, case.reference)
        if found is None or found[1] != "processing":
            raise RefundNotPending
        refund_store.hurry(db, case.reference, word.at)
        return None
    if case.kind == "unknown_payment":
        _nothing_under_way(case)
        store.begin_refund(db, case.case_id, word.at)
        return None
    if order is None:
        raise returns.nothing_to_give_back()
    if case.kind == "foreign_refund":
        return _book_refund(db, case, order, word)
    decision = _decision(db, case, case.reference, word)
    if case.kind in _OF_AN_ATTEMPT:
        attempt = _attempt(db, case.reference)
        returns.give_back(db, order, attempt, decision, amount=_beyond(case, attempt), received=case.amount)
        return None
    if order.status == "refunded":
        return "refunded"
    returns.give_back_order(db, order, decision)
    return None


def _book_refund(db: Connection, case: Case, order: Order, word: Word) -> Resolution:
    """What went back without us is from now on a refund of ours that was made, under the number it was made with.

    Of money that is not the order's that is all of it: a part of it leaves a rest that nobody would answer for.
    """
    payment_no = attempts.by_gateway_no(db, case.channel, case.gateway_no) or order.payment_no
    if payment_no is None:
        raise OrderNotPaid(status=order.status)
    decision = _decision(db, case, payment_no, word)
    if payment_no != case.reference and len(case.reference) <= _LONGEST_NUMBER:
        decision = replace(decision, refund_no=case.reference)
    if payment_no == order.payment_no:
        refund_id = returns.give_back_order(db, order, decision, case.amount)
    else:
        returns.stop(db, payment_no, word.by, word.comment)
        attempt = _attempt(db, payment_no)
        if case.amount != attempt.amount and attempt.status == "succeeded":
            raise RefundExceedsPaid(refundable=attempt.amount)
        refund_id = returns.give_back(db, order, attempt, decision, amount=case.amount, received=case.amount)
    refunds.conclude(db, refund_id, Repaid(case.opened_at, None))
    return "refunded"


def _credit(db: Connection, case: Case, order: Order | None, word: Word) -> Resolution:
    if order is None:
        raise OrderNotFound
    _nothing_under_way(case)
    amount = case.amount
    if case.kind in _OF_AN_ATTEMPT:
        amount = _beyond(case, _attempt(db, case.reference))
    decision = _decision(db, case, case.reference, word)
    returns.credit(db, order, case.reference, decision, channel=case.channel, amount=amount)
    return "credited"


def _fulfil(db: Connection, case: Case, order: Order | None, word: Word) -> Resolution:
    """Raises OrderNotPayable for one that is paid, AmountMismatch for money that is not enough."""
    if order is None:
        raise OrderNotFound
    if case.kind in _OF_THE_ORDER:
        if order.status != "paid":
            raise RefundPending if order.status == "refunding" else OrderNotPaid(status=order.status)
        return "fulfilled"
    if order.paid_at is not None:
        raise OrderNotPayable(status=order.status)
    if case.amount < order.payable_amount:
        raise AmountMismatch(expected=order.payable_amount)
    _nothing_under_way(case)
    returns.stop(db, case.reference, word.by, word.comment)
    if case.kind == "unknown_payment" and not attempts.adopt(db, order, case.reference, case.channel, word.at):
        raise OrderNotPayable(payment_no=case.reference)
    paid = Paid(case.gateway_no or case.reference, order.payable, case.opened_at, _WORD)
    settle(db, Evidence(case.channel, case.reference, paid), word.at)
    store.resolve(db, ["late"], case.reference, "fulfilled", word.at, by=word.by)
    if case.amount > order.payable_amount:
        more = case.amount - order.payable_amount
        balance.credit(db, "case", case.reference, order, channel=case.channel, amount=more, at=word.at)
    return "fulfilled"


def _adjust(db: Connection, case: Case, order: Order | None, word: Word) -> Resolution:
    _let_be(db, case, order, word)
    balance.correct_channel(db, f"case:{case.case_id}", case.channel, word.amount or 0, word.at)
    return "adjusted"


def _write_off(db: Connection, case: Case, order: Order | None, word: Word) -> Resolution:
    _let_be(db, case, order, word)
    return "written_off"


def _let_be(db: Connection, case: Case, order: Order | None, word: Word) -> None:
    """Nothing of it goes back by itself any more. Raises RefundPending when it does already."""
    _nothing_under_way(case)
    if case.kind in _OF_AN_ATTEMPT:
        returns.stop(db, case.reference, word.by, word.comment)
    elif case.kind in _OF_THE_ORDER and order is not None and order.status == "refunding":
        raise RefundPending


def _nothing_under_way(case: Case) -> None:
    if case.next_try_at is not None:
        raise RefundPending


def _attempt(db: Connection, payment_no: str) -> Attempt:
    attempt = attempts.find(db, payment_no)
    if attempt is None:
        raise returns.nothing_to_give_back()
    return attempt


def _beyond(case: Case, attempt: Attempt) -> int:
    """What of an attempt's money is not its order's: of a surplus all of it."""
    return attempt.amount if case.kind == "surplus" else returns.surplus_of(attempt, case.amount)


def _decision(db: Connection, case: Case, payment_no: str, word: Word) -> Decision:
    return Decision(case.refund_no(refund_store.ended_in_vain(db, payment_no)), word.by, word.comment, word.at)


_DO: Final[Mapping[CaseAction, Callable[[Connection, Case, Order | None, Word], Resolution | None]]] = {
    "refund": _refund,
    "credit": _credit,
    "fulfil": _fulfil,
    "adjust": _adjust,
    "write_off": _write_off,
}
