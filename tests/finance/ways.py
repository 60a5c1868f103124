"""Ways through the house that a crash may cut: arranged, walked, and walked again by whoever tries again."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from functions.finance import on_order_paid, on_refund_succeeded
from functions.finance.gateways.null import Fate
from functions.finance.service import payouts, sweep
from shared.errors import Refusal
from shared.ids import new_ulid
from shared.sql.edge import unit_of_work
from tests.finance.build import (
    CARD,
    OPERATOR,
    TARGET,
    USDT,
    WECHAT,
    Desk,
    MortalPayouts,
    add_creator,
)
from tests.finance.machine import StillRunningError
from tests.payments.build import Crash

SMALL, LARGE, HUGE = 50_000, 150_000, 1_500_000


def survive(verb: Callable[[], Any], *, passes: bool = False) -> bool:
    """Run it; whether it died. What it refuses the second time, it did the first. A death `passes` on if told."""
    try:
        verb()
    except Crash:
        if passes:
            raise
        return True
    except Refusal:
        return False
    return False


class Way:
    """One way through the house: arrange it, walk it; whoever walks it tries again after a crash."""

    fates: ClassVar[tuple[Fate, ...]] = ("succeeded",)
    uids: ClassVar[Iterator[int]] = iter(range(200_000, 10**9))

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.desk.vendor = MortalPayouts(self.fates)
        self.creator = add_creator(desk.sql, next(self.uids))
        self.withdrawal_id = 0

    def arrange(self) -> None:
        self.desk.earned(self.creator, 500_000)

    def walk(self) -> None:
        raise NotImplementedError

    def outcome(self) -> dict[str, Any]:
        desk = self.desk
        desk.settle_down()
        desk.books_hold()
        return {
            "balances": desk.balances(self.creator),
            "withdrawals": desk.sql(
                "SELECT status, hold_no FROM finance.withdrawal_requests WHERE creator_id = %s", (self.creator,)
            ),
            "transfers": desk.sql(
                """
                SELECT t.status FROM finance.withdrawal_transfers t JOIN finance.withdrawal_requests w USING (withdrawal_id)
                WHERE w.creator_id = %s ORDER BY t.attempt
                """,
                (self.creator,),
            ),
            "earnings": desk.sql(
                "SELECT status, reversed_creator FROM finance.creator_earnings WHERE creator_id = %s ORDER BY earning_id",
                (self.creator,),
            ),
            "paid_out": desk.vendor.paid_out,
            "told": desk.sql(
                """
                SELECT topic, payload->>'status' FROM platform.outbox_events
                WHERE (payload->>'creator_id')::bigint = %s ORDER BY id
                """,
                (self.creator,),
            ),
        }


class Sale(Way):
    """A payment is booked."""

    def arrange(self) -> None:
        self.fact = self.desk.paid_order(self.creator, 10_000)

    def walk(self) -> None:
        self.desk.deliver(on_order_paid.handler, self.fact)


class Refund(Way):
    """A refund of a settled sale is booked."""

    def arrange(self) -> None:
        order_no = self.desk.sell(self.creator, 10_000)
        self.desk.pass_time(days=7)
        self.desk.settle()
        self.fact = self.desk.refund_of(order_no, 3_333)

    def walk(self) -> None:
        self.desk.deliver(on_refund_succeeded.handler, self.fact)


class RefundFirst(Way):
    """A refund that waited is booked with its sale."""

    def arrange(self) -> None:
        self.fact = self.desk.paid_order(self.creator, 10_000)
        self.desk.deliver(on_refund_succeeded.handler, self.desk.refund_of(self.fact.order_no, 3_333))

    def walk(self) -> None:
        self.desk.deliver(on_order_paid.handler, self.fact)


class Settle(Way):
    """Earnings and a debt are settled."""

    def arrange(self) -> None:
        order_no = self.desk.sell(self.creator, 10_000)
        self.desk.pass_time(days=7)
        self.desk.settle()
        self.desk.refund(order_no, 3_333)
        self.desk.sell(self.creator, 20_000)
        self.desk.pass_time(days=7)

    def walk(self) -> None:
        self.desk.settle(f"run-{self.creator}")


class Pay(Way):
    """A small request, from the route to the end."""

    amount = SMALL
    target = TARGET
    turns = 500

    def walk(self) -> None:
        found = self.desk.sql("SELECT withdrawal_id FROM finance.withdrawal_requests WHERE creator_id = %s", (self.creator,))
        self.withdrawal_id = found[0][0] if found else self.desk.ask(self.creator, self.amount, self.target)
        self.desk.start(self.withdrawal_id, self.creator)
        self.desk.machine.run(self.turns)


class PayLost(Pay):
    """The first call never arrives."""

    fates = ("lost", "succeeded")


class PayUnknown(Pay):
    """The answer is lost."""

    fates = ("unknown",)


class PayAgain(Pay):
    """Two failures, then it works."""

    fates = ("failed", "failed", "succeeded")


class PayFails(Pay):
    """No payee."""

    fates = ("hopeless",)


class PayWechat(Pay):
    """The payee confirms, and WeChat tells of it."""

    fates = ("confirm",)
    target = WECHAT
    turns = 7  # until the first poll: then the payee confirms

    def walk(self) -> None:
        for _ in range(3):
            with suppress(StillRunningError):
                super().walk()
            for number, (_, said) in self.desk.vendor.numbers.items():
                if said.status == "open":
                    self.desk.vendor.decide(number, "succeeded")
                with self.desk.time(), unit_of_work() as db:
                    payouts.hear(db, number, self.desk.rails)
        self.desk.machine.run()


class PayCard(Pay):
    """A card, whose bank fails once."""

    fates = ("failed", "succeeded")
    target = CARD


class Decide(Pay):
    """A large request, decided by a person."""

    amount = LARGE
    action = "approve"

    def walk(self) -> None:
        super().walk()
        if self.desk.status(self.withdrawal_id) == "pending":
            self.desk.decide(self.withdrawal_id, self.action)
        self.desk.machine.run()


class Reject(Decide):
    """The person says no."""

    action = "reject"


class ByHand(Pay):
    """USDT: two people approve, one of them sends it and says so."""

    amount = HUGE
    fates = ("by_hand",)
    target = USDT

    def arrange(self) -> None:
        self.desk.earned(self.creator, 2_000_000)
        self.tx_hash = new_ulid().encode().hex().ljust(64, "0")

    def walk(self) -> None:
        super().walk()
        for operator in (OPERATOR, OPERATOR + 1):
            if self.desk.status(self.withdrawal_id) == "pending":
                survive(partial(self.desk.decide, self.withdrawal_id, "approve", by=operator), passes=True)
        self.desk.machine.run()
        self.say_so()

    def say_so(self) -> None:
        if self.desk.status(self.withdrawal_id) == "processing":
            self.desk.decide(self.withdrawal_id, "mark_paid", payout_no=self.tx_hash)
        self.desk.machine.run()

    def outcome(self) -> dict[str, Any]:
        """Who has to send it looks again when the schedules have made good what a crash left."""
        self.desk.settle_down()
        self.say_so()
        return super().outcome()


class Retry(Pay):
    """A failed payout is tried again."""

    fates = ("hopeless", "succeeded")

    def arrange(self) -> None:
        super().arrange()
        super().walk()

    def walk(self) -> None:
        if self.desk.status(self.withdrawal_id) == "failed":
            self.desk.decide(self.withdrawal_id, "retry")
        self.desk.machine.run()


class Returned(Pay):
    """A paid payout comes back."""

    def arrange(self) -> None:
        super().arrange()
        super().walk()
        (number,) = self.desk.vendor.numbers
        self.desk.vendor.decide(number, "returned")
        self.desk.pass_time(hours=13)

    def walk(self) -> None:
        with self.desk.time():
            sweep.find_returned(self.desk.rails)


PAYING = [Pay, PayLost, PayUnknown, PayAgain, PayFails, PayWechat, PayCard, Decide, ByHand, Retry]
WAYS = [Sale, Refund, RefundFirst, Settle, *PAYING, Reject, Returned]
