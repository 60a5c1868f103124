"""Payouts that a person sends, executions that meet, and what a creator reads meanwhile."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.finance import words
from functions.finance.errors import InvalidState
from functions.finance.withdrawal import ACTIONS, LEASE, MOVES, Transfer, Withdrawal, next_step
from infra.withdrawal_states import FILE, drawn
from shared.errors import ValidationFailed
from tests.finance.build import START, USDT, WECHAT, Desk, MortalPayouts
from tests.finance.conftest import CREATOR, Client

SMALL = 50_000
TX = "0f" * 32


class TestUsdt:
    """A person sends it; nothing pretends to."""

    @pytest.fixture
    def waiting(self, rich: Desk) -> tuple[Desk, int]:
        """One that was approved and waits to be sent."""
        rich.vendor = MortalPayouts(("by_hand",))
        withdrawal_id = rich.request_to(CREATOR, SMALL, USDT)
        assert rich.sql("SELECT reasons FROM finance.withdrawal_requests") == [(["by_hand"],)]
        rich.decide(withdrawal_id, "approve")
        rich.machine.run()
        assert rich.status(withdrawal_id) == "processing"
        return rich, withdrawal_id

    def test_it_waits_to_be_sent_and_is_booked_in_both_currencies(self, waiting: tuple[Desk, int], call: Client) -> None:
        desk, withdrawal_id = waiting
        desk.settle_down()
        assert len(desk.vendor.calls) == 1
        (item,) = call.staff("GET", "/admin/finance/withdrawals").data["items"]
        assert item["send"] == {"network": "TRC20", "address": USDT.number, "usdt": "68.472222", "rate": "7.2000"}
        (item,) = call.staff("GET", "/admin/finance/withdrawals", permissions=("finance:read",)).data["items"]
        assert item["send"] is None
        desk.decide(withdrawal_id, "mark_paid", payout_no=TX.upper())
        desk.machine.run()
        assert desk.status(withdrawal_id) == "paid"
        assert desk.posted(f"withdrawal:{withdrawal_id}:1:outcome") == {
            f"creator:{CREATOR}:frozen": -SMALL, "platform:exchange": SMALL - 700, "platform:income": 700,
            f"creator:{CREATOR}:withdrawn": SMALL, "platform:payouts": -SMALL,
        }  # fmt: skip
        assert desk.posted(f"withdrawal:{withdrawal_id}:1:outcome:sent") == {
            "channel:usdt": 68_472_222, "platform:exchange": -68_472_222,
        }  # fmt: skip
        assert desk.sql("SELECT payout_no FROM finance.withdrawal_requests") == [(TX,)]
        assert {state for state, _ in desk.machine.executions.values()} == {"Done"}
        desk.books_hold()

    def test_the_hash_must_be_one_and_pays_once(self, waiting: tuple[Desk, int]) -> None:
        desk, withdrawal_id = waiting
        for wrong in ("0x" + TX, TX[:-1], "receipt 7"):
            with pytest.raises(ValidationFailed):
                desk.decide(withdrawal_id, "mark_paid", payout_no=wrong)
        desk.decide(withdrawal_id, "mark_paid", payout_no=TX)
        desk.machine.run()
        again = desk.request_to(CREATOR, SMALL, USDT)
        desk.decide(again, "approve")
        desk.machine.run()
        with pytest.raises(InvalidState):
            desk.decide(again, "mark_paid", payout_no=TX)

    def test_it_may_be_given_up(self, waiting: tuple[Desk, int]) -> None:
        desk, withdrawal_id = waiting
        desk.decide(withdrawal_id, "reject")
        desk.machine.run()
        assert desk.status(withdrawal_id) == "rejected"
        assert desk.balances(CREATOR)["frozen"] == 0
        desk.books_hold()


class TestLease:
    """One execution alone talks to the channel; who lost the lease sends nothing and writes nothing."""

    @pytest.mark.parametrize(("fates", "calls"), [(("lost", "succeeded"), 2), (("lost", "failed", "succeeded"), 3)])
    def test_who_slept_between_asking_and_sending_does_not_send(
        self, desk: Desk, fates: tuple[Any, ...], calls: int
    ) -> None:
        """A froze after the vendor's "never got it"; B took over, and may even have a new number under way by now."""
        desk.earned(CREATOR, 500_000)
        desk.vendor = sleeper = Sleeper(fates)
        withdrawal_id = desk.ask(CREATOR, SMALL)
        event = {"withdrawal_id": withdrawal_id}
        desk.task("assess_withdrawal", event)
        desk.task("send_transfer", event)
        desk.pass_time(seconds=60)

        def meanwhile() -> None:
            desk.pass_time(seconds=LEASE.total_seconds() + 1)
            while desk.status(withdrawal_id) == "processing":
                step = desk.task("poll_transfer", event)
                desk.pass_time(seconds=step["wait_seconds"])
                if step["next"] == "send":
                    desk.task("send_transfer", event)
                desk.task("finish_withdrawal", event)

        sleeper.meanwhile = meanwhile
        desk.task("poll_transfer", event)
        assert desk.status(withdrawal_id) == "paid"
        assert desk.vendor.paid_out == SMALL
        assert len(desk.vendor.calls) == calls
        desk.books_hold()

    def test_a_second_execution_waits_until_the_first_is_through(self, rich: Desk) -> None:
        rich.vendor = MortalPayouts(("dealing",))
        withdrawal_id = rich.ask(CREATOR, SMALL)
        event = {"withdrawal_id": withdrawal_id}
        rich.task("assess_withdrawal", event)
        rich.task("send_transfer", event)
        until = rich.at + timedelta(seconds=40)
        rich.sql("UPDATE finance.withdrawal_requests SET lease_until = %s", (until,))
        assert rich.task("poll_transfer", event) == event | {"next": "poll", "wait_seconds": 40}
        assert rich.task("send_transfer", event)["wait_seconds"] == 40
        with rich.time(), pytest.raises(InvalidState):
            rich.decide(withdrawal_id, "mark_paid", payout_no="1")

    def test_a_lease_is_longer_than_any_step_may_run(self) -> None:
        from functions.finance.manifest import MANIFEST

        steps = {function.name: function.timeout for function in MANIFEST.functions if hasattr(function, "timeout")}
        assert max(steps["send_transfer"], steps["poll_transfer"], steps["on_transfer_ended"]) < LEASE.total_seconds()


class Sleeper(MortalPayouts):
    """Whoever asks it sleeps, once, while others act."""

    meanwhile: Callable[[], None] | None = None

    def ask(self, transfer_no: str) -> Any:
        said = super().ask(transfer_no)
        if self.meanwhile is not None:
            act, self.meanwhile = self.meanwhile, None
            act()
        return said


class TestWords:
    """What creators read."""

    def test_steps_and_what_follows_are_told_in_the_callers_language(self, call: Client, rich: Desk) -> None:
        rich.vendor = MortalPayouts(("confirm",))
        withdrawal_id = rich.ask(CREATOR, SMALL, WECHAT)
        path, english = f"/withdrawals/{withdrawal_id}", {"Accept-Language": "en"}
        given = call("GET", path, headers=english).data
        assert given["next"]["comment"] == "The risk check is about to run"
        event = {"withdrawal_id": withdrawal_id}
        rich.task("assess_withdrawal", event)
        rich.task("send_transfer", event)
        given = call("GET", path, headers=english).data
        assert [step["comment"] for step in given["steps"]] == [
            None, "The risk check found nothing", None, "You have to confirm it in WeChat",
        ]  # fmt: skip
        assert given["confirm"] == {"package": next(iter(rich.vendor.numbers))}
        assert given["next"] == {
            "comment": "Confirm it in WeChat; after that time the amount is available again",
            "at": "2026-03-09T04:00:00Z",
        }
        given_zh = call("GET", path, headers={"Accept-Language": "zh-CN"}).data
        assert given_zh["steps"][1]["comment"] == "风险检查通过"
        rich.vendor.decide(given["confirm"]["package"], "succeeded")
        rich.task("poll_transfer", event)
        rich.task("finish_withdrawal", event)
        given = call("GET", path).data
        assert (given["status"], given["next"], given["confirm"], given["net"]) == ("paid", None, None, SMALL)

    @pytest.mark.parametrize("locale", ["zh-CN", "en"])
    def test_every_state_has_a_sentence_for_what_follows(self, locale: Any) -> None:
        made = Withdrawal(
            1, "R", 7, 100, 0, "alipay", "", "", "pending", 1, 1, None, None, [], None, None, 0, None, START, START
        )
        told = set()
        for status in MOVES:
            for given in ([], ["open"], ["failed"], ["succeeded"]):
                transfers = [Transfer("T", 1, 100, one, None, None, None, 0, START) for one in given]  # type: ignore[arg-type]
                row = replace(made, status=status)
                following = words.following(row, transfers, START, locale)
                assert (following is None) == (status != "pending" and next_step(status, transfers)[0] == "end")
                if following:
                    told.add(following[0])
        assert len(told) >= 5

    def test_a_code_of_a_channel_that_nobody_knows_has_a_sentence_too(self) -> None:
        assert (
            words.cause("SOMETHING_NEW", "en") == "The payment provider failed several times; the amount is available again"
        )
        assert words.cause("PAYEE_SOMETHING", "en") == "The payment provider refused the account"
        assert words.cause(None, "en") is None


def test_every_action_starts_where_a_move_does() -> None:
    for action, froms in ACTIONS.items():
        assert all(MOVES[status] for status in froms), action
    assert not MOVES["rejected"]


def test_the_page_is_what_the_tables_say() -> None:
    assert FILE.read_text() == drawn(), "run python -m infra.withdrawal_states"
