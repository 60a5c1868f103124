"""What vendors say of agreements, in whatever order and number, and what nobody said."""

from datetime import timedelta
from itertools import permutations

import pytest

from functions.subscriptions.gateways.base import Ended, NoAnswer
from functions.subscriptions.service import agreement_care
from functions.subscriptions.store import agreements as store
from shared import clock, crypto
from shared.views.agreements import number_context
from tests.subscriptions.agreeing import Desk, desk, vendors

__all__ = ["desk", "vendors"]

RANK = {"signing": 0, "signed": 1, "terminated": 2}


class TestHearing:
    def test_a_lost_notice_is_made_up_for_by_asking(self, desk: Desk) -> None:
        desk.turn_on()
        desk.vendors["alipay"].agree(desk.last()["external_no"])
        with desk.shop.at(clock.now() + timedelta(minutes=2)):
            desk.look_after()
        assert desk.last()["status"] == "signed"

    def test_what_nobody_signs_in_a_day_expires_and_a_late_signature_is_undone(self, desk: Desk) -> None:
        desk.turn_on()
        external_no = desk.last()["external_no"]
        for hours in (1, 5, 25):
            with desk.shop.at(clock.now() + timedelta(hours=hours)):
                desk.look_after()
        assert (desk.last()["status"], desk.last()["end_reason"]) == ("terminated", "expired")
        desk.hear(desk.vendors["alipay"].agree(external_no))
        assert (desk.last()["status"], desk.last()["unsign_owed"]) == ("terminated", True)
        desk.look_after()
        assert (desk.last()["unsign_owed"], desk.vendors["alipay"].kept) == (False, {})

    def test_forged_and_unknown_notices_change_nothing(self, desk: Desk) -> None:
        desk.turn_on()
        assert desk.hear(b"{}").error == (401, "signature_invalid")
        assert desk.hear(b"{}").error == (401, "signature_invalid")
        elsewhere = desk.vendors["alipay"].agree("somebodyelses")
        assert desk.hear(elsewhere).text == "success"
        assert desk.hear(desk.vendors["wechat"].agree(desk.last()["external_no"]), "wechat").text == "success"
        assert desk.last()["status"] == "signing"
        kept = desk.shop.house.sql("SELECT verified, result, times FROM subscriptions.agreement_notices ORDER BY id")
        assert kept == [(False, "malformed", 2), (True, "unknown", 1), (True, "unknown", 1)]

    def test_numbers_are_sealed_and_never_logged(self, desk: Desk, caplog) -> None:
        agreement = desk.signed()
        number = desk.vendors["alipay"].kept[agreement["external_no"]].agreement_no
        assert agreement["agreement_no"].startswith("v1:")
        stored = str(desk.shop.house.sql("SELECT * FROM subscriptions.agreement_notices"))
        assert number not in stored
        assert number not in caplog.text

    @pytest.mark.parametrize("order", list(permutations(["signed", "ended", "signed again"])))
    def test_notices_in_any_order_and_twice_come_to_the_vendors_truth(self, desk: Desk, order: tuple[str, ...]) -> None:
        """One number is signed and ended, then the same page is signed again under a second number."""
        desk.turn_on()
        external_no, vendor = desk.last()["external_no"], desk.vendors["alipay"]
        told = {"signed": vendor.agree(external_no)}
        told |= {"ended": vendor.end(external_no), "signed again": vendor.agree(external_no)}
        rank = 0
        for name in (*order, *order):
            assert desk.hear(told[name]).text == "success"
            assert RANK[desk.last()["status"]] >= rank, name
            rank = RANK[desk.last()["status"]]
            desk.look_after()
        row = desk.last()
        assert not row["unsign_owed"]
        if row["status"] == "signed":
            assert crypto.decrypt(row["agreement_no"], number_context(external_no)) == vendor.kept[external_no].agreement_no
        else:
            assert vendor.kept == {}

    @pytest.mark.parametrize("order", [("signed", "ended"), ("ended", "signed"), ("ended", "ended", "signed", "signed")])
    def test_signed_and_ended_is_ended_in_any_order(self, desk: Desk, order: tuple[str, ...]) -> None:
        desk.turn_on()
        external_no, vendor = desk.last()["external_no"], desk.vendors["alipay"]
        told = {"signed": vendor.agree(external_no)}
        told["ended"] = vendor.end(external_no)
        for name in order:
            desk.hear(told[name])
        row = desk.last()
        assert (row["status"], row["end_reason"], row["unsign_owed"]) == ("terminated", "vendor", False)

    def test_no_statement_signs_or_ends_what_has_ended(self, desk: Desk) -> None:
        agreement_id, now = desk.signed()["agreement_id"], clock.now()
        with desk.shop.house.acting("subscriptions") as db:
            store.end(db, agreement_id, "user", now, owed=True)
            store.signed(db, agreement_id, "another", now, now)
            store.end(db, agreement_id, "vendor", now, owed=False)
        row = desk.last()
        assert (row["status"], row["end_reason"], row["unsign_owed"]) == ("terminated", "user", True)
        assert row["agreement_no"] != "another"

    def test_an_answer_about_what_has_changed_meanwhile_counts_for_nothing(self, desk: Desk, monkeypatch) -> None:
        """While the vendor ends the old number, its subscriber agrees anew on a page left open."""
        external_no, vendor = desk.signed()["external_no"], desk.vendors["alipay"]
        unsign = vendor.unsign

        def unsign_while_they_agree(number: str, theirs: str | None) -> Ended | NoAnswer:
            said = unsign(number, theirs)
            monkeypatch.setattr(vendor, "unsign", unsign)
            agreement_care.receive("alipay", vendor.agree(external_no))
            return said

        monkeypatch.setattr(vendor, "unsign", unsign_while_they_agree)
        desk.turn_off()
        desk.look_after()
        assert (desk.last()["unsign_owed"], len(vendor.kept)) == (True, 1)
        desk.look_after()
        assert (desk.last()["unsign_owed"], vendor.kept) == (False, {})
