"""Deleting an account: the grace period, every domain's part, and that nothing personal is left."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from shared import clock
from tests.identity.conftest import PASSWORD, forget_keys
from tests.identity.leaving import EMAIL, OTHER, READER, World, objects
from tests.journey.mortality import Mortality

HELD = frozenset(
    {
        "identity.user_consents",  # proof of consent: its address of 2026
        "admin.security_events",
        "admin.operator_audit_logs_default",
        "admin.admin_operation_logs_default",
    }
)
"""Tables that keep what they have, by their domain's declaration."""


@pytest.fixture
def made(
    cloud: None, fresh_database: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[Mortality | None], World]]:
    yield partial(World, fresh_database, monkeypatch, tmp_path / "clock.json")
    forget_keys()


@pytest.fixture
def world(made: Callable[..., World]) -> World:
    return made()


def test_all_a_person_had_is_gone_when_the_grace_period_is_over(world: World) -> None:
    token = world.register()
    uid = world.uid_of()
    world.live(uid)
    assert {place for place, _ in world.traces(but=HELD)} >= {
        "identity.users", "identity.authors", "content.contents", "content.content_versions", "media.media_files",
        "subscriptions.subscription_plans", "platform.idempotency_keys", "events", "ops", "MEDIA_PRIVATE", "MEDIA_PUBLIC",
    }  # fmt: skip
    reply = world.delete(token)
    assert reply.data["status"] == "pending_deletion"
    in_15_days = clock.now() + timedelta(days=15) - datetime.fromisoformat(reply.data["delete_at"])
    assert abs(in_15_days.total_seconds()) < 60
    world.house.deliver()
    world.move(days=14, hours=23)
    world.house.deliver()
    world.sweep()
    assert world.status(uid) == "pending_deletion"
    world.move(hours=2)
    world.house.deliver()
    assert world.request() == ("erased", None)
    assert world.traces(but=HELD) == []
    assert world.sql("SELECT username, email, phone_number, status FROM identity.users WHERE uid = %s", (uid,)) == [
        (f"deleted_{uid}", None, None, "deleted")
    ]


def test_what_others_bought_or_are_owed_stays_and_names_nobody(world: World) -> None:
    token = world.register()
    uid = world.uid_of()
    world.live(uid)
    world.delete(token)
    world.house.deliver()
    world.move(days=15, hours=1)
    world.house.deliver()
    assert world.sql("SELECT status, title, body, author_id FROM content.contents ORDER BY content_id") == [
        ("published", "A work", "A work", uid),
        ("deleted", "", None, uid),
    ]
    assert world.sql("SELECT content_id, version FROM content.content_versions") == [(1, 1)]
    assert world.sql("SELECT media_id, status, filename FROM media.media_files ORDER BY media_id") == [
        (1, "deleted", "file-1"),
        (2, "ready", "file-2"),
    ]
    assert set(objects("MEDIA_PRIVATE")) == {f"u/{uid}/2/v1/cover.png"}
    assert set(objects("MEDIA_PUBLIC")) == {"r/2/cover.webp"}
    assert world.sql("SELECT count(*) FROM payments.payment_orders WHERE user_id = %s", (uid,)) == [(1,)]
    assert world.sql("SELECT name, balance FROM finance.creator_balances JOIN finance.ledger_accounts USING (balance)") != []
    assert world.sql("SELECT auto_renew, cancel_reason FROM subscriptions.user_subscriptions") == [(False, None)]
    assert world.sql("SELECT status FROM subscriptions.subscription_plans WHERE creator_id = %s", (uid,)) == [("archived",)]
    assert world.sql("SELECT status FROM subscriptions.subscription_plans WHERE creator_id = %s", (OTHER,)) == [("active",)]
    assert world.sql("SELECT uid FROM identity.users WHERE status = 'active' ORDER BY uid") == [(READER,), (OTHER,)]


def test_every_domain_says_once_what_it_did(world: World) -> None:
    token = world.register()
    world.live(world.uid_of())
    world.delete(token)
    world.house.deliver()
    world.move(days=15, hours=1)
    world.house.deliver()
    acknowledged = world.sql("SELECT domain FROM platform.personal_data_acks WHERE kind = 'erase' ORDER BY at, domain")
    assert acknowledged[-1] == ("identity",)
    assert sorted(domain for (domain,) in acknowledged) == [
        "admin", "content", "finance", "identity", "media", "payments", "platform", "subscriptions",
    ]  # fmt: skip
    assert world.sql("SELECT times_asked FROM identity.deletion_requests") == [(1,)]


def test_the_name_and_the_address_are_free_again(world: World) -> None:
    token = world.register()
    first = world.uid_of()
    world.delete(token)
    world.house.deliver()
    world.move(days=15, hours=1)
    world.house.deliver()
    world.register()
    assert world.uid_of() != first
    assert world.log_in().status == 200


def test_signing_in_without_saying_so_does_not_stop_the_deletion(world: World) -> None:
    token = world.register()
    uid = world.uid_of()
    world.delete(token)
    world.house.deliver()
    assert world.log_in().error == (403, "account_deactivated")
    assert world.log_in(password="wrong horse 1", reactivate=True).error == (401, "invalid_credentials")
    assert world.status(uid) == "pending_deletion"


def test_its_owner_comes_back_and_nothing_is_ever_erased(world: World) -> None:
    token = world.register()
    uid = world.uid_of()
    world.live(uid)
    world.delete(token)
    world.house.deliver()
    world.move(days=14)
    back = world.log_in(reactivate=True)
    assert back.data["user"]["status"] == "active"
    assert back.data["user"]["delete_at"] is None
    before = world.sql("SELECT count(*) FROM platform.personal_data_acks")
    world.move(days=30)
    world.house.deliver()
    world.sweep()
    assert world.request() == ("cancelled", None)
    assert world.status(uid) == "active"
    assert world.sql("SELECT count(*) FROM platform.personal_data_acks") == before
    assert world.sql("SELECT email FROM identity.users WHERE uid = %s", (uid,)) == [(EMAIL,)]
    changes = world.sql("SELECT change FROM identity.account_changes ORDER BY id")
    assert changes[-2:] == [("deletion_requested",), ("deletion_cancelled",)]


def test_who_comes_back_may_go_again_and_then_the_new_request_counts(world: World) -> None:
    token = world.register()
    world.delete(token)
    world.house.deliver()
    world.move(days=10)
    again = world.log_in(reactivate=True).data["access_token"]
    world.delete(again)
    world.house.deliver()
    world.move(days=10)
    world.house.deliver()
    assert world.request() == ("waiting", None)
    world.move(days=6)
    world.house.deliver()
    assert world.request() == ("erased", None)


def test_money_that_arrives_meanwhile_holds_the_deletion_until_it_is_paid_out(world: World) -> None:
    token = world.register()
    uid = world.uid_of()
    world.delete(token)
    world.house.deliver()
    post(world, uid, 700)
    world.move(days=15, hours=1)
    world.house.deliver()
    assert world.request() == ("held", "balance_not_zero")
    assert world.status(uid) == "pending_deletion"
    seen = "SELECT kind, user_id, detail->>'case', detail->>'because' FROM admin.security_events WHERE user_id = %s"
    told = [("data_access", uid, "deletion_held", "balance_not_zero")]
    assert world.sql(seen, (uid,)) == told
    world.move(days=1)
    world.sweep()
    assert world.sql(seen, (uid,)) == told, "told once"
    post(world, uid, -700)
    world.move(days=1)
    world.sweep()
    assert world.request() == ("erased", "balance_not_zero")


def test_its_owner_may_come_back_while_it_is_held(world: World) -> None:
    token = world.register()
    uid = world.uid_of()
    world.delete(token)
    world.house.deliver()
    post(world, uid, -300)
    world.move(days=15, hours=1)
    world.house.deliver()
    assert world.request() == ("held", "balance_not_zero"), "owing the house is no reason to vanish either"
    assert world.log_in(reactivate=True).status == 200
    post(world, uid, 300)
    world.move(days=2)
    world.sweep()
    assert (world.request()[0], world.status(uid)) == ("cancelled", "active")


def post(world: World, uid: int, amount: int) -> None:
    """Move what the house owes a creator."""
    world.sql(
        "SELECT * FROM finance.post_entry(%s, 'capture', 'order', 'o', %s, 'CNY', %s, %s)",
        (f"post {amount}", clock.now(), [f"creator:{uid}:pending", "channel:alipay"], [amount, -amount]),
    )


def test_a_domain_that_stays_silent_is_asked_again_and_identity_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = world.register()
    uid = world.uid_of()
    world.delete(token)
    world.house.deliver()
    world.move(days=15, hours=1)
    world.sql("REVOKE INSERT ON platform.personal_data_acks FROM content")
    begin, follow = (
        partial(world.house._invoke, "identity", "begin_erasure"),
        partial(world.house._invoke, "identity", "follow_erasure"),
    )
    ((request_id, delete_at),) = world.sql("SELECT request_id, delete_at FROM identity.deletion_requests")
    given = {"request_id": request_id, "delete_at": clock.rfc3339(delete_at)}
    assert begin(given)["next"] == "ask"
    assert follow(given)["next"] == "wait"
    assert world.house._invoke("identity", "finish_erasure", given)["next"] == "end"
    assert world.sql("SELECT email FROM identity.users WHERE uid = %s", (uid,)) == [(EMAIL,)]
    asked = "SELECT count(*) FROM platform.outbox_events WHERE topic = 'identity.account_erased.v1'"
    assert world.sql(asked) == [(1,)]
    for minutes, times in ((9, 1), (2, 2), (19, 2), (2, 3), (45, 4)):
        world.move(minutes=minutes)
        follow(given)
        assert world.sql(asked) == [(times,)]
    world.move(hours=2)
    follow(given)
    assert world.sql("SELECT detail->>'case' FROM admin.security_events WHERE user_id = %s", (uid,)) == [
        ("erasure_stalled",)
    ]
    world.sql("GRANT INSERT ON platform.personal_data_acks TO content")
    world.house.deliver()
    assert world.request()[0] == "erased"


def test_a_lost_workflow_is_found_by_the_daily_sweep(world: World) -> None:
    token = world.register()
    world.delete(token)
    world.house.deliver()
    world.house.machines.executions.clear()
    world.move(days=15, minutes=30)
    world.sweep()
    assert world.request()[0] == "waiting", "the workflow has its hour"
    world.move(hours=1)
    world.sweep()
    assert world.request()[0] == "erased"


def test_its_sessions_end_at_once(world: World) -> None:
    token = world.register()
    world.delete(token)
    world.house.forget()
    assert world.house.request("GET", "/users/profile", token=token).error == (401, "token_revoked")


@pytest.mark.parametrize(
    ("owed", "refused"),
    [
        ("creator:{}:pending", "balance_not_zero"),
        ("creator:{}:available", "balance_not_zero"),
        ("buyer:{}:balance", "balance_not_zero"),
        ("withdrawal", "withdrawal_in_progress"),
    ],
)
def test_who_is_owed_money_takes_it_first_and_keeps_the_code(world: World, owed: str, refused: str) -> None:
    token = world.register()
    uid = world.uid_of()
    if owed == "withdrawal":
        world.sql(
            """
            INSERT INTO finance.withdrawal_requests (request_no, creator_id, amount, method, account, account_masked, status,
                created_at, updated_at) VALUES ('w', %s, 100, 'alipay', 's', 's***', 'processing', now(), now())
            """,
            (uid,),
        )
    else:
        names = [owed.format(uid), "channel:alipay"]
        world.sql(
            "SELECT * FROM finance.post_entry('p', 'capture', 'order', 'o', now(), 'CNY', %s, %s)", (names, [500, -500])
        )
    code = world.code("delete_account")
    reply = world.house.request("DELETE", "/users/delete", token=token, query={"code": code})
    assert reply.error == (409, refused)
    assert world.status(uid) == "active"
    if owed == "withdrawal":
        world.sql("UPDATE finance.withdrawal_requests SET status = 'paid'")
    else:
        world.sql(
            "SELECT * FROM finance.post_entry('q', 'payout', 'order', 'o', now(), 'CNY', %s, %s)", (names, [-500, 500])
        )
    assert world.house.request("DELETE", "/users/delete", token=token, query={"code": code}).status == 200


def test_an_operator_gives_up_the_office_first(world: World) -> None:
    token = world.register()
    uid = world.uid_of()
    world.sql("INSERT INTO admin.admins (user_id, role) VALUES (%s, 'support')", (uid,))
    assert world.delete(token).error == (403, "cannot_delete_staff")
    world.sql("UPDATE admin.admins SET is_active = false")
    world.move(minutes=2)
    assert world.delete(token).status == 200


def test_a_wrong_or_foreign_code_deletes_nothing(world: World) -> None:
    token = world.register()
    stranger = world.register("ford@example.com")
    theirs = world.code("delete_account", "ford@example.com")
    for code in ("000000", theirs, world.code("login")):
        refused = world.house.request("DELETE", "/users/delete", token=token, query={"code": code})
        assert refused.error == (400, "code_invalid")
    assert world.house.request("DELETE", "/users/delete", token=stranger).status == 422
    assert world.house.request("DELETE", "/users/delete", query={"code": theirs}).error == (401, "unauthenticated")
    assert world.sql("SELECT count(*) FROM identity.deletion_requests") == [(0,)]


def test_an_erased_person_cannot_sign_in_with_anything(world: World) -> None:
    token = world.register()
    uid = world.uid_of()
    world.delete(token)
    world.house.deliver()
    world.move(days=15, hours=1)
    world.house.deliver()
    for account in (EMAIL, "zaphod", f"deleted_{uid}"):
        for password in (PASSWORD, "", "!"):
            refused = world.log_in(account, password=password, reactivate=True)
            assert refused.status in {401, 423}, (account, password, refused.text)
