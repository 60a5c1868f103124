"""What payments' tests arrange: buyers, works for sale, orders, a vendor in memory, and a way to die in the middle."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from functions.payments import expire_orders, finish_refunds, query_attempts, sweep_notices
from functions.payments.gateways.base import Bill, Buyer, Posted, Repayment
from functions.payments.gateways.null import NullGateway
from functions.payments.models import Attempt, Order
from functions.payments.service import attempts, notices, orders, refunds
from functions.payments.store import orders as order_store
from shared import clock
from shared.ids import new_order_no
from shared.sql import connection as house_connection
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work

START = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
BUYER, SELLER, OPERATOR = 100001, 100002, 100009
PRICE = 1999
Sql = Callable[..., list[tuple[Any, ...]]]


class Crash(BaseException):
    """The process dies here."""


class MortalGateway(NullGateway):
    """A vendor in whose calls our process dies: `dies` is `before refund`, `after refund`, …; it dies once."""

    def __init__(self) -> None:
        super().__init__()
        self.dies: str | None = None

    def _mortal(self, verb: str, call: Callable[..., Any], argument: Any) -> Any:
        self._maybe_die(f"before {verb}")
        said = call(argument)
        self._maybe_die(f"after {verb}")
        return said

    def _maybe_die(self, moment: str) -> None:
        if self.dies == moment:
            self.dies = None
            raise Crash(moment)

    def create(self, bill: Bill) -> Any:
        return self._mortal("create", super().create, bill)

    def query(self, payment_no: str) -> Any:
        return self._mortal("query", super().query, payment_no)

    def close(self, payment_no: str) -> Any:
        return self._mortal("close", super().close, payment_no)

    def refund(self, repayment: Repayment) -> Any:
        return self._mortal("refund", super().refund, repayment)

    def refund_query(self, repayment: Repayment) -> Any:
        return self._mortal("refund_query", super().refund_query, repayment)

    def verify_notification(self, posted: Posted) -> Any:
        return self._mortal("verify", super().verify_notification, posted)


@contextmanager
def dying_before_statement(number: int) -> Iterator[list[int]]:
    """Die instead of sending the `number`-th statement; the list says how many were sent."""
    db = house_connection.current()
    sent = [0]

    class Mortal(db.cursor_factory):  # type: ignore[name-defined,misc]  # the house's own cursor, made mortal
        def execute(self, *args: Any, **kwargs: Any) -> Any:
            sent[0] += 1
            if sent[0] == number:
                raise Crash(number)
            return super().execute(*args, **kwargs)

    usual, db.cursor_factory = db.cursor_factory, Mortal
    try:
        yield sent
    finally:
        db.cursor_factory = usual


def add_work(sql: Sql, *, author_id: int = SELLER, price: int | None = PRICE, **fields: Any) -> int:
    """A published work for sale, unless told otherwise."""
    row = {
        "author_id": author_id,
        "kind": "article",
        "title": "复利的秘密",
        "body_format": "markdown",
        "status": "published",
        "access_level": "paid" if price else "free",
        "price": price,
        "preview_percent": 10,
        "is_original": True,
        "published_version": 1,
        "published_at": START,
        "created_at": START,
        "updated_at": START,
    } | fields
    names = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, row))
    values = psycopg.sql.SQL(", ").join(map(psycopg.sql.Placeholder, row))
    statement = psycopg.sql.SQL("INSERT INTO content.contents ({}) VALUES ({}) RETURNING content_id")
    return int(sql(statement.format(names, values), row)[0][0])


@dataclass
class Till:
    """A committed database, a vendor in memory, a clock that stands still until it is told to go on."""

    sql: Sql
    gateway: MortalGateway
    dsn: Callable[..., str]
    at: datetime = START
    _targets: Iterator[int] = field(default_factory=lambda: iter(range(1, 10**9)))

    @contextmanager
    def time(self) -> Iterator[None]:
        """Run at the till's time."""
        with clock.frozen(self.at):
            yield

    def pass_time(self, **span: float) -> None:
        """Let time pass."""
        self.at += timedelta(**span)

    def begin_again(self) -> None:
        """As if nothing had happened yet."""
        self.sql("TRUNCATE payments.payment_orders, payments.payment_notices, payments.payment_cases CASCADE")
        self.sql("TRUNCATE platform.outbox_events")
        self.gateway.__init__()  # type: ignore[misc]  # a vendor that remembers nothing
        self.at = START

    def open(
        self, *, uid: int = BUYER, kind: str = "subscription", target_id: int | None = None, amount: int = PRICE
    ) -> str:
        """An order as a selling domain opens it."""
        order_no = new_order_no()
        self.sql(
            "SELECT commerce.open_order('subscriptions', %s, %s, %s, %s, '会员', %s, 0, 'CNY', '[]', %s, %s, %s)",
            (
                kind,
                target_id or next(self._targets),
                uid,
                SELLER,
                amount,
                order_no,
                self.at,
                self.at + timedelta(minutes=30),
            ),
        )
        return order_no

    def start(self, order_no: str, scene: Any = "qr", uid: int = BUYER, channel: Any = "alipay") -> str:
        """Start a payment, as the route does; gives its number."""
        with self.time():
            with unit_of_work() as db:
                order, attempt = attempts.start(db, uid, order_no, channel, scene)
            handover = attempts.hand_over(order, attempt, Buyer())
            with unit_of_work() as db:
                attempts.keep(db, attempt, handover)
        return attempt.payment_no

    def started(self, **order: Any) -> tuple[str, str]:
        """An order with a started payment."""
        order_no = self.open(**order)
        return order_no, self.start(order_no, uid=order.get("uid", BUYER))

    def buyer_pays(self, payment_no: str, amount: Any = None) -> Posted:
        """The buyer pays at the vendor; the notice of it."""
        with self.time():
            self.gateway.pay(payment_no, amount)
            return self.gateway.notice(payment_no)

    def hear(self, posted: Posted) -> None:
        """A notice arrives, and the queue delivers it."""
        with self.time():
            notices.receive("alipay", posted)
            for (notice_id,) in self.sql("SELECT id FROM payments.payment_notices WHERE processed_at IS NULL"):
                notices.process(notice_id)

    def paid(self, **order: Any) -> tuple[str, str]:
        """An order that was paid."""
        order_no, payment_no = self.started(**order)
        self.hear(self.buyer_pays(payment_no))
        return order_no, payment_no

    def cancel(self, order_no: str, uid: int = BUYER) -> None:
        """The buyer cancels, as the route does."""
        with self.time():
            with unit_of_work() as db:
                due = orders.cancel(db, uid, order_no)
            attempts.look_after(due)

    def ask_refund(self, order_no: str, amount: int | None = None, uid: int = BUYER) -> int:
        """The buyer asks for money back; gives the number of the request."""
        with self.time(), unit_of_work() as db:
            return refunds.request(db, uid, order_no, amount, "changed my mind").refund_id

    def process_refund(self, refund_id: int, action: Any = "approve") -> str:
        """An operator decides, as the route does; gives the state of the refund."""
        with self.time():
            with unit_of_work() as db:
                refund = refunds.decide(db, refund_id, action, OPERATOR, None)
            if refund.status == "processing":
                said = refunds.ask(refund)
                with unit_of_work() as db:
                    refund = refunds.conclude(db, refund_id, said)
        return refund.status

    def run_workers(self) -> None:
        """One minute's schedules."""
        with self.time():
            for worker in (sweep_notices, expire_orders, query_attempts, finish_refunds):
                worker.handler({}, None)

    def settle_down(self, minutes: int = 40) -> None:
        """Let time pass and the schedules run, at ever longer intervals, until nothing of the near past is open."""
        step = 1
        while minutes > 0:
            self.pass_time(minutes=min(step, minutes))
            self.run_workers()
            minutes, step = minutes - step, step * 2

    def order(self, order_no: str) -> Order:
        """The order as it is."""
        with house_connection.reading() as db:
            found = order_store.find(db, order_no)
        assert found is not None
        return found

    def attempt(self, payment_no: str) -> Attempt:
        """The attempt as it is."""
        from functions.payments.store import attempts as attempt_store

        with house_connection.reading() as db:
            found = attempt_store.find(db, payment_no)
        assert found is not None
        return found

    def facts(self, topic: str, order_no: str | None = None) -> list[dict[str, Any]]:
        """What was announced."""
        rows = self.sql("SELECT payload FROM platform.outbox_events WHERE topic = %s ORDER BY id", (topic,))
        return [payload for (payload,) in rows if order_no in (None, payload["order_no"])]

    def cases(self, order_no: str | None = None) -> list[tuple[str, str]]:
        """The kinds and states of cases."""
        return self.sql(
            "SELECT kind, status FROM payments.payment_cases WHERE %(no)s::text IS NULL OR order_no = %(no)s ORDER BY kind",
            {"no": order_no},
        )

    def refunds(self, order_no: str) -> list[tuple[str, str, int]]:
        """Origin, state and amount of an order's refunds."""
        return self.sql(
            "SELECT origin, status, amount FROM payments.payment_refunds WHERE order_no = %s ORDER BY refund_id", (order_no,)
        )

    def summary(self, order_no: str) -> dict[str, Any]:
        """Everything that must come out the same whatever happened on the way."""
        order = self.order(order_no)
        rows = self.sql(
            "SELECT kind, status, amount FROM payments.payment_transactions WHERE order_no = %s ORDER BY kind, status, amount",
            (order_no,),
        )
        numbers = self.sql("SELECT payment_no FROM payments.payment_transactions WHERE order_no = %s", (order_no,))
        trades = [self.gateway.trades[number] for (number,) in numbers if number in self.gateway.trades]
        payable = self.sql("SELECT status, amount FROM commerce.payables WHERE order_no = %s", (order_no,))
        return {
            "order": (order.status, order.refunded_amount, order.channel, order.paid_at is not None),
            "payable": payable,
            "transactions": rows,
            "refunds": self.refunds(order_no),
            "cases": self.cases(order_no),
            "open notices": self.sql("SELECT count(*) FROM payments.payment_notices WHERE processed_at IS NULL"),
            "paid": len(self.facts("payments.order_paid.v1", order_no)),
            "closed": len(self.facts("payments.order_closed.v1", order_no)),
            "repaid": len(self.facts("payments.refund_succeeded.v1", order_no)),
            "vendor": sorted((trade.state, trade.received.minor, trade.kept.minor) for trade in trades),
        }


def committed(db: Connection, verb: Callable[[Connection], Any]) -> Any:
    """Run a verb in a transaction of its own on a given connection, with its facts stored: for threads."""
    from shared.sql import outbox

    with db.transaction():
        db.facts = []
        result = verb(db)
        outbox.store(db)
    return result
