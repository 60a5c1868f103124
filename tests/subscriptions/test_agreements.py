"""Withholding agreements: asked for, used and ended."""

from calendar import monthrange
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from events.identity import AccountsMerged, AccountsParted
from events.payments import DebitFailed
from functions.subscriptions import on_agreement_refused
from functions.subscriptions.agreements import MOVES, debit_day, verdict
from shared import clock
from shared.ids import new_ulid
from tests.subscriptions import build
from tests.subscriptions.agreeing import Desk, desk, vendors

__all__ = ["desk", "vendors"]


class TestAsking:
    def test_who_asks_again_gets_the_same_page_and_it_takes_effect_when_signed(self, desk: Desk) -> None:
        first = desk.turn_on().data
        assert first["subscription"]["auto_renew"] is True
        assert first["agreement"]["status"] == "signing"
        assert desk.turn_on().data["agreement"] == first["agreement"]
        assert len(desk.rows()) == 1
        with desk.shop.house.acting("payments") as db:
            assert db.execute("SELECT status FROM subscriptions.pub_agreements").fetchall() == [("signing",)]

        desk.hear(desk.vendors["alipay"].agree(desk.last()["external_no"]))
        agreement = desk.last()
        assert agreement["status"] == "signed"
        assert desk.bound() == (True, agreement["agreement_id"])
        assert desk.turn_on().error == (409, "already_enabled")

    def test_a_stale_page_is_made_anew_for_the_same_agreement(self, desk: Desk) -> None:
        before = desk.turn_on().data["agreement"]["sign_url"]
        with desk.shop.at(clock.now() + timedelta(minutes=11)):
            after = desk.turn_on().data["agreement"]["sign_url"]
        assert before != after
        assert before.partition("?")[0] == after.partition("?")[0]

    def test_a_signed_agreement_that_fits_is_used_at_once(self, desk: Desk) -> None:
        agreement = desk.signed("wechat")
        other = build.plan(desk.shop.house.sql, build.person(desk.shop.house.sql))
        second = desk.shop.pay(other)
        told = desk.turn_on("wechat", second).data
        assert told["agreement"] == {"status": "signed", "sign_url": None}
        assert desk.bound(second) == (True, agreement["agreement_id"])
        dear = desk.shop.pay(build.plan(desk.shop.house.sql, build.person(desk.shop.house.sql), amount=60_000))
        assert desk.turn_on("wechat", dear).data["agreement"]["status"] == "signing"

    def test_alipay_debits_one_subscription_by_one_agreement(self, desk: Desk) -> None:
        desk.signed()
        second = desk.shop.pay(build.plan(desk.shop.house.sql, build.person(desk.shop.house.sql)))
        assert desk.turn_on("alipay", second).data["agreement"]["status"] == "signing"

    def test_one_that_is_signed_goes_on_until_another_channels_is(self, desk: Desk) -> None:
        alipay = desk.signed()
        desk.turn_on("wechat")
        assert desk.bound() == (True, alipay["agreement_id"])
        desk.hear(desk.vendors["wechat"].agree(desk.last()["external_no"]), "wechat")
        assert desk.bound() == (True, desk.last()["agreement_id"])
        desk.look_after()
        assert [(row["status"], row["end_reason"]) for row in desk.rows()] == [("terminated", "unused"), ("signed", None)]
        assert desk.vendors["alipay"].kept == {}

    def test_a_wish_at_subscribing_finds_the_signed_agreement(self, desk: Desk) -> None:
        agreement = desk.signed("wechat")
        plan_id = build.plan(desk.shop.house.sql, build.person(desk.shop.house.sql))
        begun = desk.shop.subscribe(plan_id, auto_renew=True, channel="wechat").data["subscription"]
        assert desk.bound(begun["subscription_id"]) == (True, agreement["agreement_id"])
        plan_id = build.plan(desk.shop.house.sql, build.person(desk.shop.house.sql))
        begun = desk.shop.subscribe(plan_id, auto_renew=False, channel="wechat").data["subscription"]
        assert desk.bound(begun["subscription_id"]) == (False, None)

    def test_what_cannot_be_renewed_is_refused_and_strangers_find_nothing(self, desk: Desk) -> None:
        stranger = desk.shop.sign_in(build.person(desk.shop.house.sql))
        assert desk.turn_on(token=stranger).error == (404, "subscription_not_found")
        pending, _ = desk.shop.bought(build.plan(desk.shop.house.sql, build.person(desk.shop.house.sql)))
        assert desk.turn_on(subscription_id=pending).error == (409, "subscription_not_active")
        assert desk.rows() == []
        assert desk.turn_on("unionpay").error[0] == 422

    def test_the_key_makes_one_answer(self, desk: Desk) -> None:
        headers = {"idempotency-key": "once"}
        path = f"/subscriptions/auto-renew/{desk.subscription_id}"
        first = desk.api.post(path, {"channel": "alipay"}, token=desk.shop.token, headers=headers)
        again = desk.api.post(path, {"channel": "alipay"}, token=desk.shop.token, headers=headers)
        assert (first.data, again.headers["idempotent-replay"]) == (again.data, "true")


class TestEnding:
    def test_turning_off_the_last_use_ends_it_and_the_vendor_is_told(self, desk: Desk) -> None:
        desk.signed()
        assert desk.turn_off().data["auto_renew"] is False
        ended = desk.last()
        assert (ended["status"], ended["end_reason"], ended["unsign_owed"]) == ("terminated", "unused", True)
        desk.vendors["alipay"].down = True
        desk.look_after()
        assert desk.last()["unsign_owed"]
        desk.vendors["alipay"].down = False
        with desk.shop.at(clock.now() + timedelta(minutes=5)):
            desk.look_after()
        assert not desk.last()["unsign_owed"]
        assert desk.vendors["alipay"].kept == {}
        assert desk.turn_off().error == (409, "already_disabled")

    def test_one_that_another_subscription_uses_goes_on(self, desk: Desk) -> None:
        desk.signed("wechat")
        second = desk.shop.pay(build.plan(desk.shop.house.sql, build.person(desk.shop.house.sql)))
        desk.turn_on("wechat", second)
        desk.turn_off()
        desk.look_after()
        assert desk.last()["status"] == "signed"
        desk.shop.api.post(f"/subscriptions/unsubscribe/{second}", {"immediate": True}, token=desk.shop.token)
        desk.look_after()
        assert (desk.last()["status"], desk.vendors["wechat"].kept) == ("terminated", {})

    def test_the_vendors_end_lets_the_subscription_fall_back_to_a_link(self, desk: Desk) -> None:
        agreement = desk.signed()
        desk.hear(desk.vendors["alipay"].end(agreement["external_no"]))
        assert (desk.last()["status"], desk.last()["end_reason"]) == ("terminated", "vendor")
        renewal = desk.shop.api.get(f"/subscriptions/renewals/{desk.subscription_id}", token=desk.shop.token).data
        assert (renewal["renews"], renewal["means"]) == (True, "pay_link")
        assert desk.turn_on().data["agreement"]["status"] == "signing"
        assert desk.last()["external_no"] != agreement["external_no"]

    def test_a_debit_refused_for_its_end_has_the_vendor_asked(self, desk: Desk) -> None:
        agreement = desk.signed()
        desk.vendors["alipay"].end(agreement["external_no"])
        now = clock.now()
        fact = DebitFailed(
            event_id=new_ulid(),
            occurred_at=now,
            order_no="1",
            kind="renewal",
            target_id=desk.subscription_id,
            buyer_id=desk.shop.customer,
            try_no=1,
            reason="agreement_ended",
            hard=True,
            failed_at=now,
        )
        with desk.shop.house.acting("subscriptions"):
            assert on_agreement_refused.handler(build.messages(fact), None) == {"batchItemFailures": []}
        desk.look_after()
        assert (desk.last()["status"], desk.last()["end_reason"]) == ("terminated", "vendor")

    def test_the_owner_lists_and_ends_theirs_and_nobody_else_does(self, desk: Desk) -> None:
        agreement = desk.signed()
        stranger = desk.shop.sign_in(build.person(desk.shop.house.sql))
        path = f"/subscriptions/agreements/{agreement['agreement_id']}/terminate"
        assert desk.api.post(path, token=stranger).error == (404, "agreement_not_found")
        assert desk.api.get("/subscriptions/agreements", token=stranger).data["items"] == []
        [shown] = desk.api.get("/subscriptions/agreements", token=desk.shop.token).data["items"]
        assert (shown["status"], shown["single_amount"], shown["period_months"]) == ("signed", 3000, 1)
        assert not set(shown) & {"agreement_no", "external_no"}
        assert desk.api.post(path, token=desk.shop.token).data["end_reason"] == "user"
        assert desk.api.post(path, token=desk.shop.token).error == (409, "agreement_ended")
        desk.look_after()
        assert desk.vendors["alipay"].kept == {}
        assert desk.bound()[0] is True


def test_agreements_go_with_their_subscriptions_when_accounts_are_merged_and_parted(desk: Desk) -> None:
    agreement = desk.signed()
    into, now = build.person(desk.shop.house.sql), clock.now()
    told: dict[str, Any] = {"occurred_at": now, "merge_id": 7, "from_uid": desk.shop.customer, "into_uid": into}
    owner = "SELECT user_id FROM subscriptions.payment_agreements WHERE agreement_id = %s"
    desk.shop.hear(AccountsMerged(event_id=new_ulid(), merged_at=now, **told))
    assert desk.shop.house.sql(owner, (agreement["agreement_id"],)) == [(into,)]
    assert desk.look_after() == 0
    desk.shop.hear(AccountsParted(event_id=new_ulid(), parted_at=now, **told))
    assert desk.shop.house.sql(owner, (agreement["agreement_id"],)) == [(desk.shop.customer,)]


def test_nothing_follows_the_end_and_every_word_has_a_meaning() -> None:
    assert MOVES["terminated"] == frozenset()
    for status, followers in MOVES.items():
        for said in ("signed", "ended"):
            for same in (True, False):
                means = verdict(status, said, same_number=same)
                assert means != "sign" or "signed" in followers
                assert means != "end" or "terminated" in followers


def test_every_periods_end_is_within_alipays_six_days() -> None:
    """Whatever day a subscription begins on, and from whichever of its periods the agreement is."""
    shanghai = ZoneInfo("Asia/Shanghai")
    for day in range(1, 32):
        ends = []
        for month in range(24):
            year, index = 2027 + month // 12, month % 12 + 1
            ends.append(date(year, index, min(day, monthrange(year, index)[1])))
        for start, first in enumerate(ends[:12]):
            due = debit_day(datetime(first.year, first.month, first.day, 12, tzinfo=shanghai))
            assert due.day <= 28
            for number, end in enumerate(ends[start:]):
                count = due.year * 12 + due.month - 1 + number
                last = due.replace(year=count // 12, month=count % 12 + 1)
                assert last - timedelta(days=5) <= end <= last, (first, end, last)
