"""Giving back payments that are nobody's, under the number of their case: there is no order a refund could belong to."""

from functions.payments.cases import Case
from functions.payments.gateways.base import Declined, NoAnswer, NotRepaid, Repaid, Repayment
from functions.payments.gateways.registry import gateway
from functions.payments.models import wait_after
from functions.payments.store import cases
from shared import clock, observe
from shared.money import Money
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work

_BATCH = 50


def repay_due() -> int:
    """Go on with every such refund whose time has come; how many ended."""
    ended = 0
    with reading() as db:
        due = cases.repayments_due(db, clock.now(), _BATCH)
    for case in due:
        said = _ask(case)
        with unit_of_work() as db:
            ended += _conclude(db, case, said)
    return ended


def _ask(case: Case) -> Repaid | Declined | NoAnswer:
    """After a first try the channel is asked what became of that before anything is sent again."""
    vendor, amount = gateway(case.channel), Money(case.amount, case.currency)
    repayment = Repayment(case.reference, case.refund_no(), amount, "unknown payment", amount, case.gateway_no)
    if case.refund_tries > 0:
        said = vendor.refund_query(repayment)
        if not isinstance(said, NotRepaid):
            return said
    return vendor.refund(repayment)


def _conclude(db: Connection, case: Case, said: Repaid | Declined | NoAnswer) -> bool:
    """Declined, it is a person's again."""
    held = cases.lock(db, case.case_id)
    if held is None or held.next_try_at is None:
        return False
    if isinstance(said, Repaid):
        cases.resolve(db, ["unknown_payment"], case.reference, "refunded", clock.now())
        return True
    if isinstance(said, NoAnswer):
        cases.try_again(db, case.case_id, clock.now() + wait_after(held.refund_tries + 1))
        return False
    observe.warn("refund declined", case_id=case.case_id, code=said.code)
    cases.try_again(db, case.case_id, None)
    return True
