"""Paying an own order from the balance: the ledger and the order move in one transaction."""

from functions.payments.errors import BalanceInsufficient, OrderNotFound, OrderNotPending
from functions.payments.gateways.base import Paid
from functions.payments.models import BALANCE
from functions.payments.service import risk
from functions.payments.service.settlement import Evidence, settle
from functions.payments.store import attempts, balance, orders
from shared import clock
from shared.ids import new_order_no
from shared.sql.connection import Connection


def pay(db: Connection, uid: int, order_no: str, ip: str | None = None) -> list[attempts.Due]:
    """Settle an own order from the balance; its other open attempts, to be closed at their gateways, come back.

    Raises OrderNotFound, OrderNotPending, OrderNotPayable, RiskRejected, RiskChallengeRequired or BalanceInsufficient.
    """
    at = clock.now()
    order = orders.lock(db, order_no=order_no)
    if order is None or order.user_id != uid:
        raise OrderNotFound
    if not order.is_payable(at):
        raise OrderNotPending(status=order.status)
    risk.admit(db, order, ip)
    if not balance.pay(db, order, at):
        raise BalanceInsufficient
    attempt = attempts.start(db, order, new_order_no(), channel=BALANCE, scene="app", at=at, ip=ip)
    settle(db, Evidence(BALANCE, attempt.payment_no, Paid(attempt.payment_no, order.payable, at, "paid")), at)
    return attempts.due_of_order(db, order_no, at)
