"""docs/ledger.md, row by row: what it says of each business event is what the code posts."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from events.identity import AccountsMerged
from functions.finance import expire_holds, on_accounts_merged
from functions.finance.models import Entry
from functions.finance.service import adjustments, chargebacks, holds, pool
from functions.finance.store import ledger
from functions.finance.store.adjustments import Adjustment
from functions.finance.withdrawal import Withdrawal
from shared.ids import new_ulid
from shared.sql.connection import current
from tests.finance.build import OPERATOR, Desk, add_creator
from tests.fixtures.people import make_user

PAGE = Path(__file__).resolve().parents[2] / "docs" / "ledger.md"
ROW = re.compile(r"^\| ([^|]+) \| `([^`]+)` \| (USDT: )?((?:`[^`]+` [+-]\d+(?:, )?)+) \|$", re.MULTILINE)
SECOND = 100_010
Scene = Callable[[Desk], Any]


def table() -> dict[str, tuple[str, str, dict[str, int]]]:
    """Event, then the reference, the currency and the lines; events that begin with `…` follow the one above."""
    section = PAGE.read_text().split("## An example per business event")[1].split("\n## ")[0]
    found: dict[str, tuple[str, str, dict[str, int]]] = {}
    for event, reference, usdt, told in ROW.findall(section):
        lines = {account: int(amount) for account, amount in re.findall(r"`([^`]+)` ([+-]\d+)", told)}
        found[event] = (reference, "USDT" if usdt else "CNY", lines)
    assert len(found) == section.count("\n| ") - 1, "a row that cannot be read"
    return found


def sell(desk: Desk, amount: int = 10_000, **fields: Any) -> str:
    return desk.sell(7, amount, **fields)


def refund(desk: Desk, amount: int = 10_000, **fields: Any) -> None:
    desk.refund(sell(desk, 9_000 if fields else 10_000, **fields), amount)


def settled(desk: Desk) -> str:
    order_no = sell(desk)
    desk.pass_time(days=7)
    desk.settle()
    return order_no


def post(desk: Desk, side: str, currency: str, lines: dict[str, int]) -> None:
    with desk.time():
        ledger.post(current(), Entry(f"exchange:5:{side}", "exchange", "exchange", "5", desk.at, lines, currency))


def share_pool(desk: Desk) -> None:
    desk.sell(0, 10_000, kind="membership")
    desk.sql("INSERT INTO finance.pool_rules VALUES ('2026-03-01', 'weights', 10000, 1, NULL, now())")
    desk.sql("INSERT INTO finance.pool_weights VALUES ('2026-03-01', 7, 1)")
    desk.pass_time(days=40)
    with desk.time():
        assert pool.split_due() == 1


def dispute(desk: Desk, outcome: Any = None, refunded: int = 0) -> None:
    order_no = sell(desk)
    with desk.time():
        number = chargebacks.take(current(), OPERATOR, order_no, amount=10_000, case_no="D-1", reason="disputed")
    if refunded:
        desk.refund(order_no, refunded)
    if outcome:
        with desk.time():
            chargebacks.end(current(), SECOND, number, outcome, None)


def pay_out(*ends: Callable[[Any, Withdrawal, Any], Any], **fields: Any) -> Scene:
    """A withdrawal that was frozen, and what its hold came to."""

    def scene(desk: Desk) -> None:
        settled(desk)
        told: dict[str, Any] = dict.fromkeys(Withdrawal.__dataclass_fields__) | {
            "withdrawal_id": 3, "creator_id": 7, "amount": 5_000, "fee": 0, "method": "alipay", "status": "pending", "hold_no": 1,
        }  # fmt: skip
        withdrawal = Withdrawal(**told | fields)
        with desk.time():
            for step in (holds.freeze, *ends):
                step(current(), withdrawal, desk.at)

    return scene


def adjust(source: str, target: str, *, approve: bool | None = None) -> Scene:
    def scene(desk: Desk) -> None:
        settled(desk)
        wanted = Adjustment(0, "CNY", source, target, 500, "proposed", OPERATOR, desk.at + timedelta(days=7))
        with desk.time():
            number = adjustments.propose(current(), OPERATOR, wanted, "a mistake")
            if approve is not None:
                adjustments.decide(current(), SECOND, number, approve=approve, comment=None)

    return scene


def merge(desk: Desk) -> None:
    told = AccountsMerged(event_id=new_ulid(), occurred_at=desk.at, merge_id=1, from_uid=7, into_uid=9, merged_at=desk.at)
    assert desk.deliver(on_accounts_merged.handler, told) == []


def merged(desk: Desk) -> str:
    order_no = settled(desk)
    merge(desk)
    return order_no


def settled_when_merged(desk: Desk) -> None:
    merge(desk)
    settled(desk)


def debt_of_merged(desk: Desk) -> None:
    desk.refund(merged(desk), 10_000)
    desk.settle()


def part(desk: Desk) -> None:
    merged(desk)
    desk.sql("SELECT finance.part_accounts(1, 7, 9, %s)", (desk.at,))


def credit(desk: Desk) -> None:
    desk.sql("SELECT finance.credit_balance('surplus', 'P1', 'O1', 9, 'alipay', 10000, %s)", (desk.at,))


def pay_from_balance(desk: Desk) -> str:
    credit(desk)
    order_no = sell(desk, channel="balance")
    desk.sql("SELECT finance.pay_from_balance(%s, 9, 10000, %s)", (order_no, desk.at))
    return order_no


def refund_to_balance(desk: Desk) -> None:
    order_no = pay_from_balance(desk)
    number = str(desk.refund(order_no, 10_000))
    desk.sql("SELECT finance.credit_balance('refund', %s, %s, 9, 'balance', 10000, %s)", (number, order_no, desk.at))


def collect(desk: Desk) -> None:
    desk.refund(settled(desk), 10_000)
    desk.settle()


INCOME, AVAILABLE = "platform:income", "creator:7:available"
SCENES: dict[str, Scene] = {
    "capture, with the channel's fee and the platform's commission": sell,
    "capture with a coupon of 10.00 that its creator bears": lambda desk: sell(desk, 9_000),
    "capture with a coupon of 10.00 that the platform bears": lambda desk: sell(desk, 9_000, platform_discount=1_000),
    "capture of what the platform sells itself": lambda desk: desk.sell(0, 10_000),
    "capture of an order that was paid in USDT": lambda desk: sell(desk, channel="usdt"),
    "… whose coins are changed into yuan: what goes": lambda desk: post(
        desk, "sold", "USDT", {"channel:usdt": 13_927_577, "platform:exchange": -13_927_577}
    ),
    "… and what comes": lambda desk: post(desk, "bought", "CNY", {"channel:alipay": -10_000, "platform:exchange": 10_000}),
    "a month of memberships of 100.00 is shared among creators": share_pool,
    "… each creator's share": share_pool,
    "refund in full before settlement": refund,
    "refund of 25.00": lambda desk: refund(desk, 2_500),
    "refund of 25.00 where the platform bore a coupon": lambda desk: refund(desk, 2_500, platform_discount=1_000),
    "settlement after the hold": settled,
    "refund after settlement: `available` is not touched": lambda desk: desk.refund(settled(desk), 10_000),
    "the next settlement collects that": collect,
    "chargeback: the channel takes a payment back": dispute,
    "… the dispute is won": lambda desk: dispute(desk, "won"),
    "… or lost, as a refund": lambda desk: dispute(desk, "lost"),
    "… or lost after 70.00 of it was refunded": lambda desk: dispute(desk, "lost", 7_000),
    "withdrawal of 50.00: hold": pay_out(),
    "… posted": pay_out(holds.pay),
    "… posted with a fee of 1.00": pay_out(holds.pay, fee=100),
    "… posted in USDT": pay_out(holds.pay, method="usdt", units=6_963_788),
    "… and what is sent for it": pay_out(holds.pay, method="usdt", units=6_963_788),
    "… or voided": pay_out(holds.give_back),
    "a paid withdrawal comes back": pay_out(holds.pay, holds.take_returned),
    "adjustment in a creator's favour": adjust(INCOME, AVAILABLE, approve=True),
    "adjustment against a creator: hold": adjust(AVAILABLE, INCOME),
    "… approved": adjust(AVAILABLE, INCOME, approve=True),
    "… rejected, or expired after a week": adjust(AVAILABLE, INCOME, approve=False),
    "creator 7 is merged into 9": merged,
    "… a later settlement of 7, right after its own entry": settled_when_merged,
    "… a debt of 7 is collected, right before its own entry": debt_of_merged,
    "… and it is undone: the mirror of all its entries together": part,
    "a surplus is credited to its buyer": credit,
    "an order is paid from the balance": pay_from_balance,
    "… and captured, without a fee": pay_from_balance,
    "… and refunded": refund_to_balance,
    "… which is heard as any refund": refund_to_balance,
    "two people find that a channel holds 5.00 more": lambda desk: desk.sql(
        "SELECT finance.correct_channel('case:5', 'alipay', 500, %s)", (desk.at,)
    ),
}


def posted(desk: Desk, reference: str) -> list[tuple[str, dict[str, int]]]:
    """Currency and lines of the entries whose reference is of a form, in order."""
    form = re.sub(r"\\{\w+\\}", "[^:]+", re.escape(reference))
    form = "correction:case:[^:]+" if reference == "correction:{case}" else form
    return desk.sql(
        "SELECT e.currency, jsonb_object_agg(a.name, p.amount) FROM finance.ledger_entries e"
        " JOIN finance.ledger_postings p USING (entry_id) JOIN finance.ledger_accounts a USING (account_id)"
        " WHERE e.reference ~ %s GROUP BY e.entry_id ORDER BY e.entry_id",
        (f"^{form}$",),
    )


def test_every_row_of_the_page_is_what_the_code_posts(counter: Desk) -> None:
    told = table()
    assert list(told) == list(SCENES)
    add_creator(counter.sql, 7)
    add_creator(counter.sql, 9)
    make_user(counter.sql, OPERATOR, "operator")
    began = counter.at
    with counter.time():
        db = current()
    for (event, (reference, currency, lines)), scene in zip(told.items(), SCENES.values(), strict=True):
        with db.transaction(force_rollback=True):
            counter.at = began
            scene(counter)
            found = posted(counter, reference)
        assert found, event
        assert found[-1] == (currency, lines), event
        assert sum(lines.values()) == 0


def test_every_account_of_the_page_is_known_to_the_ledger_and_the_other_way_round(counter: Desk) -> None:
    page = PAGE.read_text()
    accounts = set(re.findall(r"`((?:platform|channel):[a-z]+)`", page)) - {"channel:alipay", "channel:usdt"}
    section = page.split("## Accounts")[1].split("\n## ")[0]
    assert all(f"`{account}`" in section for account in accounts)
    used = {account for _, _, lines in table().values() for account in lines if account.startswith("platform:")}
    assert used <= accounts


@pytest.mark.parametrize("outcome", ["rejected", "expired"])
def test_a_proposal_that_comes_to_nothing_gives_back(counter: Desk, outcome: str) -> None:
    add_creator(counter.sql, 7)
    adjust(AVAILABLE, INCOME, approve=False if outcome == "rejected" else None)(counter)
    if outcome == "expired":
        counter.pass_time(days=7)
        with counter.time():
            assert expire_holds.handler({}, None)["done"] == 1
    told = table()["… rejected, or expired after a week"]
    assert posted(counter, told[0]) == [told[1:]]
