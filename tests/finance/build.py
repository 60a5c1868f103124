"""What finance's tests arrange: creators, sales, refunds, payouts, a vendor in memory, and a Step Functions of our own."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from events.base import Fact
from events.finance import WithdrawalRequested
from events.payments import OrderPaid, RefundSucceeded
from functions.finance import on_order_paid, on_refund_succeeded, on_withdrawal_requested, workflow
from functions.finance.gateways.base import Payout, Said
from functions.finance.gateways.null import NullPayouts
from functions.finance.service import decisions, payouts, requests, sweep
from functions.finance.service.decisions import Decision
from functions.finance.service.payees import Target
from functions.finance.verify import verify
from shared import clock
from shared.crypto import mask_name
from shared.ids import new_ulid
from shared.sql import connection as house_connection
from shared.sql.edge import unit_of_work
from shared.sql.tunables import forget_tunables
from tests.finance import settling
from tests.finance.machine import Machine
from tests.fixtures.people import make_user
from tests.payments.build import Crash

START = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
BUYER, OPERATOR = 100001, 100009
TARGET = Target("alipay", "creator@example.com", "张三")
WECHAT = Target("wechat", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "张三")
CARD = Target("bank", "6228480402564890018", "张三", bank="中国农业银行")
USDT = Target("usdt", "TNPeeaaFB7K9cmo4uQpcU32zGK8G1NYqeL", "张三", network="TRC20")
Sql = Callable[..., list[tuple[Any, ...]]]


class MortalPayouts(NullPayouts):
    """A vendor in whose calls our process dies: `dies` is `before send`, `after send`, `before ask`, …; it dies once."""

    dies: str | None = None

    def _maybe_die(self, moment: str) -> None:
        if self.dies == moment:
            self.dies = None
            raise Crash(moment)

    def send(self, payout: Payout) -> Said:
        self._maybe_die("before send")
        said = super().send(payout)
        self._maybe_die("after send")
        return said

    def ask(self, transfer_no: str) -> Said | None:
        self._maybe_die("before ask")
        said = super().ask(transfer_no)
        self._maybe_die("after ask")
        return said


def add_creator(sql: Sql, uid: int, *, verified: bool = True) -> int:
    """A creator, whose identity was verified unless told otherwise."""
    make_user(sql, uid, f"creator{uid}")
    sql(
        "UPDATE identity.user_profiles SET is_creator = true, identity_status = %s WHERE uid = %s",
        ("approved" if verified else "none", uid),
    )
    sql(
        """
        INSERT INTO identity.user_verifications (uid, kind, status, real_name, real_name_masked, id_number, id_number_hash,
            submitted_at, reviewed_at)
        VALUES (%s, 'identity', %s, 'sealed', %s, 'sealed', %s, now(), now())
        """,
        (uid, "approved" if verified else "rejected", mask_name(TARGET.name), f"hash of {uid}"),
    )
    return uid


def message(fact: Fact) -> dict[str, Any]:
    """An SQS event with one fact, as the bus delivers it."""
    return {"Records": [{"messageId": new_ulid(), "body": json.dumps({"detail": fact.model_dump(mode="json")})}]}


@dataclass
class Desk:
    """Finance on a database, with a vendor in memory and a clock that stands still until it is told to go on."""

    sql: Sql
    acting: Callable[[], AbstractContextManager[Any]] = nullcontext
    vendor: MortalPayouts = field(default_factory=MortalPayouts)
    at: datetime = START

    def __post_init__(self) -> None:
        self.set("finance.withdraw_hold_first", value=False)
        self.set("finance.withdraw_new_payee_days", value=0)
        self.machine = Machine(self)
        self.orders: dict[str, OrderPaid] = {}
        self._numbers = iter(range(1, 10**9))

    def set(self, key: str, *, value: Any) -> None:
        """Change a setting. New payees and first payouts wait for nobody here, but where that is what is tested."""
        self.sql(
            """
            INSERT INTO admin.system_settings (key, value, updated_at) VALUES (%s, %s, now())
            ON CONFLICT (key) DO UPDATE SET value = excluded.value
            """,
            (key, json.dumps(value)),
        )
        forget_tunables()

    @contextmanager
    def time(self) -> Iterator[None]:
        """Run at the desk's time with finance's rights."""
        with clock.frozen(self.at), self.acting():
            yield

    def pass_time(self, **span: float) -> None:
        """Let time pass."""
        self.at += timedelta(**span)

    def deliver(self, handler: Callable[..., dict[str, Any]], fact: Fact) -> list[str]:
        """Give a fact to a listener; the ids of the messages that failed."""
        with self.time():
            return [item["itemIdentifier"] for item in handler(message(fact), None)["batchItemFailures"]]

    def paid_order(self, creator: int, amount: int, **fields: Any) -> OrderPaid:
        """An order that was paid, not yet heard of."""
        number = next(self._numbers)
        fact = OrderPaid.model_validate(
            {
                "event_id": new_ulid(),
                "occurred_at": self.at,
                "order_no": f"{new_ulid()}{number}"[:32],
                "kind": "content",
                "target_id": number,
                "buyer_id": BUYER,
                "seller_id": creator,
                "title": "复利的秘密",
                "amount": amount,
                "currency": "CNY",
                "channel": "alipay",
                "payment_no": new_ulid(),
                "gateway_no": f"G{number}",
                "paid_at": self.at,
            }
            | fields
        )
        self.orders[fact.order_no] = fact
        return fact

    def sell(self, creator: int, amount: int, **fields: Any) -> str:
        """A payment comes in and is booked; its order number."""
        fact = self.paid_order(creator, amount, **fields)
        assert self.deliver(on_order_paid.handler, fact) == []
        return fact.order_no

    def refund_of(self, order_no: str, amount: int, refunded_before: int = 0) -> RefundSucceeded:
        """A refund that succeeded, not yet heard of."""
        order = self.orders[order_no]
        total = refunded_before + amount
        return RefundSucceeded(
            event_id=new_ulid(),
            occurred_at=self.at,
            refund_id=next(self._numbers),
            order_no=order_no,
            kind=order.kind,
            target_id=order.target_id,
            buyer_id=BUYER,
            seller_id=order.seller_id,
            amount=amount,
            refunded_total=total,
            order_amount=order.amount,
            full=total == order.amount,
            currency="CNY",
            channel=order.channel,
            refunded_at=self.at,
        )

    def refund(self, order_no: str, amount: int) -> int:
        """Money goes back to the buyer and is booked; the refund's id."""
        fact = self.refund_of(order_no, amount)
        assert self.deliver(on_refund_succeeded.handler, fact) == []
        return fact.refund_id

    def settle(self, run: str | None = None) -> int:
        """A run of the settlement, from the first state to the last; how many settlements it made or added to."""
        with self.time():
            return int(settling.run(run).data.get("settlements", 0))

    def earned(self, creator: int, amount: int) -> None:
        """Make at least `amount` fen available to a creator by one sale past its hold."""
        self.sell(creator, amount * 2)
        self.pass_time(days=7)
        self.settle()

    def ask(self, creator: int, amount: int, target: Target = TARGET) -> int:
        """Ask for a payout, as the route does; the fact is not delivered yet."""
        with self.time(), unit_of_work() as db:
            return requests.request(db, creator, amount, target).withdrawal_id

    def request(self, creator: int, amount: int) -> int:
        """Ask for a payout and let its workflow go as far as it can."""
        return self.request_to(creator, amount, TARGET)

    def request_to(self, creator: int, amount: int, target: Target) -> int:
        """The same, to somebody in particular."""
        withdrawal_id = self.ask(creator, amount, target)
        self.start(withdrawal_id, creator)
        self.machine.run()
        return withdrawal_id

    def start(self, withdrawal_id: int, creator: int) -> None:
        """Deliver the fact that starts the workflow."""
        fact = WithdrawalRequested(event_id=new_ulid(), occurred_at=self.at, withdrawal_id=withdrawal_id, creator_id=creator)
        assert self.deliver(on_withdrawal_requested.handler, fact) == []

    def decide(self, withdrawal_id: int, action: Any, *, by: int = OPERATOR, payout_no: str | None = None) -> None:
        """An operator decides, as the route does, telling the workflow after the commit."""
        with self.time():
            with unit_of_work() as db:
                decisions.decide(db, withdrawal_id, Decision(by, action, payout_no=payout_no))
            workflow.deliver(withdrawal_id)

    def task(self, name: str, event: dict[str, Any]) -> dict[str, Any]:
        """One step of the workflow, with the vendor in memory."""
        withdrawal_id = event["withdrawal_id"]
        with self.time():
            match name:
                case "assess_withdrawal":
                    return payouts.assess(withdrawal_id)
                case "await_decision":
                    payouts.await_decision(withdrawal_id, event["task_token"])
                    return {}
                case "send_transfer":
                    return payouts.send(withdrawal_id, self.rails)
                case "poll_transfer":
                    return payouts.poll(withdrawal_id, self.rails)
                case "finish_withdrawal":
                    return payouts.finish(withdrawal_id)
        raise AssertionError(f"the workflow calls {name}")

    def rails(self, _method: str) -> MortalPayouts:
        """The vendor in memory serves every method."""
        return self.vendor

    def sweep(self) -> int:
        """The minute's schedule fires."""
        with self.time():
            return sweep.sweep()

    def settle_down(self) -> None:
        """Let time pass with every schedule running, until nothing happens any more."""
        for _ in range(3):
            self.pass_time(minutes=20)
            self.sweep()
            self.machine.run()
        self.pass_time(hours=3)
        self.sweep()
        self.machine.run()

    def balances(self, creator: int) -> dict[str, int]:
        """The four parts of a creator's money."""
        rows = self.sql("SELECT part, balance FROM finance.creator_balances WHERE creator_id = %s", (creator,))
        return {"pending": 0, "available": 0, "frozen": 0, "withdrawn": 0} | dict(rows)

    def posted(self, reference: str) -> dict[str, int]:
        """The lines of an entry."""
        return dict(
            self.sql(
                """
                SELECT a.name, p.amount FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
                JOIN finance.ledger_accounts a USING (account_id) WHERE e.reference = %s
                """,
                (reference,),
            )
        )

    def status(self, withdrawal_id: int) -> str:
        """The state of a payout."""
        return str(
            self.sql("SELECT status FROM finance.withdrawal_requests WHERE withdrawal_id = %s", (withdrawal_id,))[0][0]
        )

    def books_hold(self) -> None:
        """Every check of the books passes, those a commit would make included."""
        with self.time():
            db = house_connection.current()
            db.execute("SET CONSTRAINTS ALL IMMEDIATE")
            db.execute("SET CONSTRAINTS ALL DEFERRED")
            off = [check for check in verify(db) if check.off]
        assert not off, off
