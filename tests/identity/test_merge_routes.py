"""Merging: what proves it, what stands against it, when it is over, and who may."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared import clock
from shared.caller import forget_sessions
from shared.ids import new_order_no
from tests.fixtures.api import Api, Handler
from tests.fixtures.postgres import House
from tests.identity.conftest import counted, log_in
from tests.identity.merging import HANDLER, OTHERS_PASSWORD, Two, changes
from tests.subscriptions import build

CREATOR = 900_001


@pytest.fixture
def two(api: Callable[[Handler, str], Api], keys: None, house: House, register: Callable[..., dict[str, Any]]) -> Two:
    return Two(api(HANDLER, "identity"), house, register)


def test_a_password_proves_the_other_account(two: Two) -> None:
    started = two.start()
    assert started.status == 200, started.text
    assert started.data["expires_in"] == 600
    assert {c["field"]: (c["keep"], c["drop"]) for c in started.data["conflicts"]} == {
        "email": ("k***@example.com", "d***@example.com"),
        "display_name": ("Keep", "Drop"),
    }


def test_what_names_a_person_is_masked_in_a_conflict(two: Two, house: House) -> None:
    for uid, phone, birthday in ((two.keep, "+8613800138000", "1990-01-02"), (two.drop, "+8613900139111", "1991-03-04")):
        house.sql("UPDATE identity.users SET phone_number = %s WHERE uid = %s", (phone, uid))
        house.sql(
            "UPDATE identity.authors SET birthday = %s WHERE user_id = (SELECT id FROM identity.users WHERE uid = %s)",
            (birthday, uid),
        )
    found = {c["field"]: (c["keep"], c["drop"]) for c in two.start().data["conflicts"]}
    assert found["phone"] == ("+86138****8000", "+86139****9111")
    assert found["birthday"] == ("1990-**-**", "1991-**-**")


def test_a_code_for_signing_in_proves_it_once(two: Two, code_for: Callable[..., str]) -> None:
    code = code_for("drop@example.com", "login")
    assert two.start(code=code).status == 200
    assert two.start(code=code).error == (401, "invalid_credentials")


def test_a_code_for_another_purpose_does_not(two: Two, code_for: Callable[..., str]) -> None:
    assert two.start(code=code_for("drop@example.com", "reset_password")).error == (401, "invalid_credentials")


@pytest.mark.parametrize("account", ["drop@example.com", "dropped", "nobody@example.com", "no_such_name"])
def test_a_wrong_password_is_told_as_for_nobody(two: Two, account: str) -> None:
    assert two.start(account=account, password="wrong horse 1").error == (401, "invalid_credentials")


def test_somebody_and_nobody_cost_the_same_statements(two: Two, house: House) -> None:
    costs = []
    for account in ("drop@example.com", "nobody@example.com", "drop@example.com", "nobody@example.com"):
        with counted(house) as sent:
            two.start(account=account, password="wrong horse 1")
        costs.append(sent[0])
    assert costs[2] == costs[3]


def test_five_wrong_guesses_lock_the_other_account_as_those_of_a_login_do(two: Two, auth_api: Api) -> None:
    for _ in range(5):
        two.start(password="wrong horse 1")
    assert two.start().error == (423, "account_locked")
    assert log_in(auth_api, account="drop@example.com", password=OTHERS_PASSWORD).error == (423, "account_locked")


@pytest.mark.parametrize("account", ["keep@example.com", "keeper"])
def test_an_account_is_not_merged_with_itself(two: Two, account: str) -> None:
    assert two.start(account=account).error == (409, "merge_same_account")


def test_a_proof_is_one_of_two(two: Two) -> None:
    assert two.start(code="123456", password="x").status == 422
    assert two.api.post("/users/merge", {"account": "drop@example.com"}, token=two.token).status == 422


def _order(two: Two) -> None:
    now = clock.now()
    two.house.sql(
        "SELECT commerce.open_order('subscriptions', 'subscription', 1, %s, %s, 't', 3000, 0, 'CNY', '[]', %s, %s, %s)",
        (two.drop, CREATOR, new_order_no(), now, now + timedelta(minutes=30)),
    )


def _refund(two: Two) -> None:
    _order(two)
    two.house.sql(
        """
        UPDATE payments.payment_orders SET status = 'refunding', paid_at = now(), channel = 'alipay' WHERE user_id = %s
        """,
        (two.drop,),
    )
    two.house.sql(
        """
        WITH paid AS (
            INSERT INTO payments.payment_transactions (payment_no, order_no, channel, kind, amount, currency, status, gateway_no,
                created_at, updated_at)
            SELECT 'P1', order_no, 'alipay', 'pay', 3000, 'CNY', 'succeeded', 'G1', now(), now()
            FROM payments.payment_orders WHERE user_id = %s RETURNING payment_no, order_no
        )
        INSERT INTO payments.payment_refunds (refund_no, order_no, payment_no, user_id, origin, amount, currency, reason, status,
            created_at, updated_at)
        SELECT 'R1', order_no, payment_no, %s, 'request', 3000, 'CNY', 'r', 'pending', now(), now() FROM paid
        """,
        (two.drop, two.drop),
    )


def _withdrawal(two: Two) -> None:
    two.house.sql(
        """
        INSERT INTO finance.withdrawal_requests (request_no, creator_id, amount, method, account, account_masked, status,
            created_at, updated_at) VALUES ('w', %s, 20000, 'alipay', 's', 'w', 'pending', now(), now())
        """,
        (two.drop,),
    )


def _subscribe(two: Two, user: int, creator: int) -> None:
    plan_id = build.plan(two.house.sql, creator, status="archived")
    two.house.sql(
        """
        INSERT INTO subscriptions.user_subscriptions (user_id, creator_id, plan_id, tier, amount, status, auto_renew,
            current_period_start, current_period_end, version, created_at, updated_at)
        VALUES (%s, %s, %s, 1, 3000, 'active', true, now(), now() + interval '30 days', 1, now(), now())
        """,
        (user, creator, plan_id),
    )


def _both_subscribe(two: Two) -> None:
    _subscribe(two, two.keep, CREATOR)
    _subscribe(two, two.drop, CREATOR)


def verify_identity(two: Two, uid: int, number: str, status: str = "approved") -> None:
    two.house.sql(
        """
        INSERT INTO identity.user_verifications (uid, kind, status, real_name, id_type, id_number, id_number_hash, submitted_at,
            reviewed_at)
        VALUES (%s, 'identity', %s, '', 'id_card', '', %s, now(), CASE WHEN %s <> 'pending' THEN now() END)
        """,
        (uid, status, number, status),
    )


def _two_people(two: Two) -> None:
    verify_identity(two, two.keep, "a")
    verify_identity(two, two.drop, "b")


def _merged_before(two: Two, into: int, dropped: int, ago: timedelta) -> None:
    now = clock.now()
    two.house.sql(
        """
        INSERT INTO identity.account_merges (into_uid, from_uid, status, proof, from_epoch, expires_at, merged_at,
            undo_until, created_at, updated_at) VALUES (%s, %s, 'merged', 'code', 1, now(), %s, %s, now(), now())
        """,
        (into, dropped, now - ago, now - ago + timedelta(days=7)),
    )


def _update(two: Two, change: str) -> None:
    two.house.sql(f"UPDATE identity.users SET {change} WHERE uid = %s", (two.drop,))


def _credit(two: Two) -> None:
    two.house.sql("SELECT finance.credit_balance('surplus', 'p', 'o', %s, 'alipay', 500, now())", (two.drop,))


BLOCKS: dict[str, Callable[[Two], Any]] = {
    "staff": lambda two: two.house.sql("INSERT INTO admin.admins (user_id, role) VALUES (%s, 'support')", (two.drop,)),
    "banned": lambda two: _update(two, "status = 'banned'"),
    "pending_deletion": lambda two: _update(two, "status = 'pending_deletion'"),
    "not_active": lambda two: _update(two, "is_active = false"),
    "open_order": _order,
    "open_refund": _refund,
    "open_withdrawal": _withdrawal,
    "has_balance": _credit,
    "same_subscription": _both_subscribe,
    "subscribed_to_each_other": lambda two: _subscribe(two, two.drop, two.keep),
    "publishes": lambda two: build.work(two.house.sql, two.drop, "free"),
    "different_person": _two_people,
    "verification_pending": lambda two: verify_identity(two, two.drop, "a", "pending"),
    "recently_merged": lambda two: _merged_before(two, two.drop, build.person(two.house.sql), timedelta(days=6)),
}


@pytest.mark.parametrize("reason", BLOCKS)
def test_what_makes_it_unsafe_is_named_in_both_languages(two: Two, reason: str) -> None:
    merge_id = two.open()
    BLOCKS[reason](two)
    for refused in (two.start(), two.confirm(merge_id)):
        assert refused.error == (409, "merge_blocked")
        (said,) = refused.json["details"]["reasons"]
        assert said["reason"] == reason
        assert said["zh"] != said["en"] != ""
        assert said["zh"]
    assert two.user(two.drop, "email") == "drop@example.com"


@pytest.mark.parametrize(
    "sells",
    [lambda two: build.plan(two.house.sql, two.drop), lambda two: _subscribe(two, build.person(two.house.sql), two.drop)],
)
def test_who_sells_is_merged_in_the_other_direction(two: Two, sells: Callable[[Two], Any]) -> None:
    sells(two)
    assert two.start().error == (409, "merge_blocked")


def test_a_merge_of_long_ago_stands_in_nobodys_way(two: Two) -> None:
    _merged_before(two, two.keep, build.person(two.house.sql), timedelta(days=7, seconds=1))
    assert two.start().status == 200


def test_a_merge_is_open_for_ten_minutes(two: Two) -> None:
    now = clock.now()
    with clock.frozen(now):
        merge_id, other = two.open(), two.open()
    with clock.frozen(now + timedelta(seconds=600)):
        assert two.confirm(merge_id).error == (409, "merge_expired")
    with clock.frozen(now + timedelta(seconds=599)):
        assert two.confirm(other).status == 200


def test_a_password_changed_meanwhile_makes_the_proof_void(two: Two, house: House) -> None:
    merge_id = two.open()
    house.sql("UPDATE identity.user_auth SET token_epoch = token_epoch + 1 WHERE uid = %s", (two.drop,))
    assert two.confirm(merge_id).error == (409, "merge_expired")


def test_a_merge_of_somebody_else_is_not_there(two: Two) -> None:
    merge_id = two.open()
    for path in ("confirm", "undo"):
        body: dict[str, Any] | None = {"choices": {}} if path == "confirm" else None
        reply = two.api.post(f"/users/merge/{merge_id}/{path}", body, token=two.other_token)
        assert reply.error == (404, "merge_not_found")
    assert two.confirm(merge_id + 1000).error == (404, "merge_not_found")
    assert two.confirm(merge_id).status == 200


def test_the_same_key_gets_the_same_answer_and_another_one_finds_it_done(two: Two, house: House) -> None:
    merge_id = two.open()
    first = two.confirm(merge_id, key="one")
    assert two.confirm(merge_id, key="one").data == first.data
    assert two.confirm(merge_id, key="two").error == (409, "merge_expired")
    assert len(house.facts("identity.accounts_merged.v1")) == 1


def test_a_choice_about_no_conflict_is_refused(two: Two) -> None:
    merge_id = two.open()
    assert two.confirm(merge_id, phone="drop").status == 422
    assert two.confirm(merge_id, key="2", email="both").status == 422
    assert two.confirm(merge_id, key="3", email="keep").status == 200


def test_the_dropped_account_is_signed_out_and_stays_out(two: Two, auth_api: Api, code_for: Callable[..., str]) -> None:
    two.merge()
    forget_sessions()
    assert two.api.post("/users/merge", {"account": "x", "password": "y"}, token=two.other_token).error == (
        401,
        "token_revoked",
    )
    for account in ("drop@example.com", "dropped"):
        refused = log_in(auth_api, account=account, password=OTHERS_PASSWORD, reactivate=True)
        assert refused.error in {(401, "invalid_credentials"), (403, "account_deactivated")}
    code = code_for("drop@example.com", "login")
    refused = auth_api.post("/auth/login", {"account": "dropped", "code": code, "reactivate": True})
    assert refused.status in {400, 401, 403}


def test_an_operator_cannot_switch_it_on_again(two: Two, house: House) -> None:
    merge_id = two.merge()
    house.sql("UPDATE identity.users SET is_active = true, status = 'active' WHERE uid = %s", (two.drop,))
    assert house.sql("SELECT is_active, status FROM identity.users WHERE uid = %s", (two.drop,)) == [(False, "inactive")]
    assert two.undo(merge_id).status == 200
    assert house.sql("SELECT is_active, status FROM identity.users WHERE uid = %s", (two.drop,)) == [(True, "active")]


def test_undoing_leaves_everything_as_it_was(two: Two, auth_api: Api) -> None:
    before = two.snapshot()
    merge_id = two.merge(email="drop", display_name="drop")
    assert two.user(two.keep, "email") == "drop@example.com"
    undone = two.undo(merge_id)
    assert undone.data == {"undone": True}, undone.text
    assert changes(before, two.snapshot()) == {}
    assert log_in(auth_api, account="drop@example.com", password=OTHERS_PASSWORD).status == 200
    assert two.undo(merge_id).error == (409, "merge_not_undoable")


def test_undoing_takes_seven_days_and_no_more(two: Two, house: House) -> None:
    now = clock.now()
    merge_id = two.merge()
    [(until,)] = house.sql("SELECT undo_until FROM identity.account_merges WHERE merge_id = %s", (merge_id,))
    assert abs(until - now - timedelta(days=7)) < timedelta(minutes=1)
    house.sql("UPDATE identity.account_merges SET undo_until = %s WHERE merge_id = %s", (now, merge_id))
    assert two.undo(merge_id).error == (409, "merge_not_undoable")


def test_a_merge_that_was_not_confirmed_cannot_be_undone(two: Two) -> None:
    assert two.undo(two.open()).error == (409, "merge_not_undoable")
