"""What starting a payment is in every channel: the intention committed, the vendor asked, the answer kept."""

from functions.payments.errors import GatewayFailed, OrderNotFound, OrderNotPayable, RiskChallengeRequired, RiskRejected
from functions.payments.gateways.base import Buyer
from functions.payments.models import Channel, Scene
from functions.payments.schemas import PaymentOut, payment_out
from functions.payments.service import attempts
from shared.caller import Caller
from shared.http.envelope import Answer, answer
from shared.http.idempotency import Once
from shared.http.problems import problems
from shared.sql.edge import unit_of_work

REFUSALS = problems(OrderNotFound, OrderNotPayable, RiskRejected, RiskChallengeRequired, GatewayFailed)


def start(caller: Caller, once: Once, channel: Channel, order_no: str, *, scene: Scene, buyer: Buyer) -> Answer[PaymentOut]:
    """Start a payment of an own order, or hand over the one that still lives.

    Raises OrderNotFound, OrderNotPayable, RiskRejected, RiskChallengeRequired or GatewayFailed.
    """
    with unit_of_work() as db:
        # Only looked at: the key is taken with the answer, so that a call the vendor failed may be repeated.
        with db.transaction(force_rollback=True):
            once.claim(db, caller)
        order, attempt = attempts.start(db, caller.uid, order_no, channel, scene, ip=buyer.ip)
    handover = attempts.hand_over(order, attempt, buyer)
    with unit_of_work() as db:
        once.claim(db, caller)
        attempts.keep(db, attempt, handover)
        return once.keep(db, answer(payment_out(attempt, handover)), 201)
