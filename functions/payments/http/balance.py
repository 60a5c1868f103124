"""The own balance: what it holds and why, and paying an own order from it."""

from fastapi import APIRouter

from functions.payments import lists
from functions.payments.balance_schemas import BalanceOut, BalancePayIn
from functions.payments.errors import (
    BalanceInsufficient,
    OrderNotFound,
    OrderNotPayable,
    OrderNotPending,
    RiskChallengeRequired,
    RiskRejected,
)
from functions.payments.schemas import OrderOut, order_out
from functions.payments.service import attempts, balance
from functions.payments.store import balance as store
from functions.payments.store import orders
from shared.http.app import BASE
from shared.http.auth import Context, SignedIn
from shared.http.envelope import Answer, answer
from shared.http.idempotency import OnceOnly
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Steps
from shared.sql.edge import unit_of_work

router = APIRouter(prefix=BASE + "/payments/balance", tags=["payments"])


@router.get("")
async def own_balance(caller: SignedIn, db: Read, query: Paging) -> Answer[BalanceOut]:
    """The own balance with its movements, newest first."""
    movements = lists.MOVEMENTS.page(db, query, {"user_id": caller.uid}, lists.movement_row)
    return answer(
        BalanceOut.model_construct(
            available=store.available(db, caller.uid),
            currency="CNY",
            movements=movements.items,
            total=movements.total,
            total_is_capped=movements.total_is_capped,
            page=movements.page,
            page_size=movements.page_size,
            next_cursor=movements.next_cursor,
        )
    )


@router.post(
    "/pay",
    responses=problems(
        OrderNotFound, OrderNotPending, OrderNotPayable, RiskRejected, RiskChallengeRequired, BalanceInsufficient
    ),
)
async def pay_from_balance(
    body: BalancePayIn, caller: SignedIn, once: OnceOnly, context: Context, _steps: Steps
) -> Answer[OrderOut]:
    """Pay an own order from the balance; what else was started for it is closed at its gateway."""
    with unit_of_work() as db:
        once.claim(db, caller)
        others = balance.pay(db, caller.uid, body.order_no, context.ip)
        order = orders.find(db, body.order_no)
        if order is None:
            raise OrderNotFound
        paid = once.keep(db, answer(order_out(order)))
    attempts.look_after(others)
    return paid
