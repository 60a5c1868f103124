"""Who is paid without anybody looking, where money may go, what it costs, and how many people it takes."""

from typing import Any

import pytest

from functions.finance import words
from functions.finance.errors import AboveMaximum, BelowMinimum, SelfApprovalForbidden
from functions.finance.service.payees import Target, luhn
from tests.finance.build import CARD, OPERATOR, TARGET, USDT, WECHAT, Desk
from tests.finance.conftest import CREATOR, Client

SMALL, HUGE = 50_000, 1_500_000
TX = "0f" * 32
SECOND = OPERATOR + 1


def reasons(desk: Desk, withdrawal_id: int) -> list[str]:
    found = desk.sql("SELECT reasons FROM finance.withdrawal_requests WHERE withdrawal_id = %s", (withdrawal_id,))
    return list(found[0][0])


class TestPayees:
    """What can be paid, by each means."""

    @pytest.mark.parametrize(
        ("target", "field"),
        [
            (TARGET, None), (WECHAT, None), (CARD, None), (USDT, None),
            (Target("alipay", "2088123412341234", "张三"), None),
            (Target("alipay", "12345", "张三"), "number"),
            (Target("alipay", "a@b.cn", "张\n三"), "name"),
            (Target("wechat", "short", "张三"), "number"),
            (Target("bank", "6228480402564890019", "张三"), "number"),
            (Target("bank", "0228480402564890018", "张三"), "number"),
            (Target("bank", CARD.number, "张三", bank="招\x00商"), "name"),
            (Target("usdt", USDT.number, "张三", network="ERC20"), "number"),
            (Target("usdt", USDT.number, "张三", network="SOL"), "network"),
            (Target("usdt", USDT.number, "张三"), "network"),
            (Target("usdt", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "张三", network="BEP20"), None),
            (Target("usdt", "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "张三", network="BEP20"), "number"),
        ],
    )  # fmt: skip
    def test_only_what_can_be_paid_is_taken(self, target: Target, field: str | None) -> None:
        problem = target.problem(["TRC20", "ERC20", "BEP20"])
        assert (problem and problem[0]) == field
        if problem:
            zh, en = problem[1].split("|")
            assert zh
            assert en

    def test_a_card_with_any_digit_changed_or_two_swapped_is_refused(self) -> None:
        assert luhn(CARD.number)
        for position, digit in enumerate(CARD.number):
            assert not luhn(CARD.number[:position] + str((int(digit) + 1) % 10) + CARD.number[position + 1 :])
        assert not luhn("6228840402564890018")

    @pytest.mark.parametrize("target", [TARGET, WECHAT, CARD, USDT], ids=lambda target: target.method)
    def test_what_is_shown_of_an_account_does_not_tell_it(self, target: Target) -> None:
        assert len(target.masked.replace("*", "")) < len(target.number)
        assert target.number not in target.masked

    @pytest.mark.parametrize(
        ("method", "account", "field"),
        [
            ("bank", {"name": "张三", "number": "6228480402564890019"}, "body.account.number"),
            ("usdt", {"name": "张三", "number": USDT.number, "network": "SOL"}, "body.account.network"),
        ],
    )
    def test_a_refusal_names_the_field_in_either_language(
        self, call: Client, rich: Desk, method: str, account: Any, field: str
    ) -> None:
        body = {"amount": SMALL, "method": method, "account": account}
        said = {
            language: call("POST", "/withdrawals/request", body, headers={"Accept-Language": language}).json["details"]
            for language in ("zh-CN", "en")
        }
        assert [item["field"] for items in said.values() for item in items] == [field, field]
        assert said["zh-CN"] != said["en"]

    def test_usdt_can_be_closed(self, call: Client, rich: Desk) -> None:
        rich.set("usdt.enabled", value=False)
        account = {"name": "张三", "number": USDT.number, "network": "TRC20"}
        reply = call("POST", "/withdrawals/request", {"amount": SMALL, "method": "usdt", "account": account})
        assert reply.json["details"][0]["field"] == "body.method"


class TestTerms:
    """Fees and limits are settings."""

    @pytest.mark.parametrize(
        ("target", "fee", "usdt"),
        [(TARGET, 0, None), (WECHAT, 0, None), (CARD, 50, None), (USDT, 700, 68_472_222)],
        ids=lambda value: getattr(value, "method", None),
    )
    def test_what_it_costs_and_what_arrives(self, rich: Desk, target: Target, fee: int, usdt: int | None) -> None:
        withdrawal_id = rich.ask(CREATOR, SMALL, target)
        rows = rich.sql("SELECT fee, units, rate::text FROM finance.withdrawal_requests")
        assert rows == [(fee, usdt, "7.2000" if usdt else None)]
        assert withdrawal_id

    def test_the_fee_is_the_platforms_and_cards_are_paid_by_alipay(self, rich: Desk) -> None:
        withdrawal_id = rich.request_to(CREATOR, SMALL, CARD)
        assert rich.status(withdrawal_id) == "paid"
        assert rich.vendor.paid_out == SMALL - 50
        assert rich.posted(f"withdrawal:{withdrawal_id}:1:outcome") == {
            f"creator:{CREATOR}:frozen": -SMALL, "channel:alipay": SMALL - 50, "platform:income": 50,
            f"creator:{CREATOR}:withdrawn": SMALL, "platform:payouts": -SMALL,
        }  # fmt: skip
        rich.books_hold()

    def test_one_request_has_a_largest_amount(self, rich: Desk) -> None:
        rich.set("finance.withdraw_max", value=SMALL)
        rich.decide(rich.ask(CREATOR, SMALL), "reject")
        with pytest.raises(AboveMaximum):
            rich.ask(CREATOR, SMALL + 1)

    def test_a_fee_that_leaves_nothing_is_refused(self, rich: Desk) -> None:
        zero = {"bp": 0, "fixed": 0}
        rich.set(
            "finance.withdraw_fees",
            value={"alipay": {"bp": 0, "fixed": 10_000}, "wechat": zero, "bank": zero, "usdt": zero},
        )
        with pytest.raises(BelowMinimum):
            rich.ask(CREATOR, 10_000)
        assert rich.ask(CREATOR, 10_001)


class TestRisk:
    """What waits for a person, and why."""

    def test_a_first_withdrawal_and_a_new_payee_wait(self, rich: Desk) -> None:
        rich.set("finance.withdraw_hold_first", value=True)
        rich.set("finance.withdraw_new_payee_days", value=7)
        first = rich.request(CREATOR, SMALL)
        assert reasons(rich, first) == ["first_withdrawal", "new_payee"]
        rich.decide(first, "approve")
        rich.machine.run()
        assert rich.status(first) == "paid"
        second = rich.request(CREATOR, SMALL)
        assert reasons(rich, second) == ["new_payee"]
        rich.decide(second, "reject")
        rich.machine.run()
        rich.pass_time(days=7)
        assert rich.status(rich.request(CREATOR, SMALL)) == "paid"
        other = Target("alipay", "crestor@example.com", "张三")
        assert other.masked == TARGET.masked
        assert reasons(rich, rich.request_to(CREATOR, SMALL, other)) == ["new_payee"]

    def test_a_payee_by_another_name_waits(self, rich: Desk) -> None:
        withdrawal_id = rich.request_to(CREATOR, SMALL, Target("alipay", TARGET.number, "李四"))
        assert reasons(rich, withdrawal_id) == ["payee_name"]

    def test_many_refunds_wait(self, counter: Desk) -> None:
        orders = [counter.sell(CREATOR, 100_000) for _ in range(5)]
        counter.refund(orders[0], 100_000)
        counter.pass_time(days=7)
        counter.settle()
        assert counter.status(counter.request(CREATOR, SMALL)) == "paid"
        counter.set("finance.withdraw_refund_ratio_bp", value=1_999)
        assert reasons(counter, counter.request(CREATOR, SMALL)) == ["refund_ratio"]

    def test_staff_reads_why(self, call: Client, rich: Desk) -> None:
        rich.set("finance.withdraw_hold_first", value=True)
        rich.request(CREATOR, 150_000)
        (item,) = call.staff("GET", "/admin/finance/withdrawals", headers={"Accept-Language": "en"}).data["items"]
        assert [one["reason"] for one in item["reasons"]] == ["large", "first_withdrawal"]
        assert item["reasons"][0]["message"] == words.REASONS["large"][1]
        assert (item["approvals"], item["send"]) == ([], None)


class TestTwoPeople:
    """Above a limit one approval is not enough."""

    def test_two_different_people_approve(self, counter: Desk, call: Client) -> None:
        counter.earned(CREATOR, 2_000_000)
        withdrawal_id = counter.request(CREATOR, HUGE)
        counter.decide(withdrawal_id, "approve")
        assert counter.status(withdrawal_id) == "pending"
        assert counter.machine.answered == []
        with pytest.raises(SelfApprovalForbidden):
            counter.decide(withdrawal_id, "approve")
        with pytest.raises(SelfApprovalForbidden):
            counter.decide(withdrawal_id, "approve", by=CREATOR)
        (item,) = call.staff("GET", "/admin/finance/withdrawals").data["items"]
        assert item["approvals"] == [OPERATOR]
        counter.decide(withdrawal_id, "approve", by=SECOND)
        counter.machine.run()
        assert counter.status(withdrawal_id) == "paid"
        counter.books_hold()

    def test_either_may_still_reject(self, counter: Desk) -> None:
        counter.earned(CREATOR, 2_000_000)
        withdrawal_id = counter.request(CREATOR, HUGE)
        counter.decide(withdrawal_id, "approve")
        counter.decide(withdrawal_id, "reject")
        assert counter.balances(CREATOR)["frozen"] == 0

    def test_at_the_limit_one_is_enough(self, counter: Desk) -> None:
        counter.earned(CREATOR, 2_000_000)
        withdrawal_id = counter.request(CREATOR, 1_000_000)
        counter.decide(withdrawal_id, "approve")
        assert counter.status(withdrawal_id) == "approved"
