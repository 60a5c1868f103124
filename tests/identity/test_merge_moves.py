"""What a merge moves of identity, that it comes back exactly, and what of it may not come back."""

from collections.abc import Callable
from typing import Any

import pytest

from events.identity import AccountsMerged, AccountsParted
from functions.identity import on_accounts_merged, on_accounts_parted
from functions.identity.store import follows
from shared import clock, crypto
from shared.dynamo.sessions import SessionItem, user_key
from shared.ids import new_ulid
from tests.finance.build import message
from tests.fixtures.api import Api, Handler
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House
from tests.identity.conftest import CARD, CONTEXT
from tests.identity.merging import HANDLER, Two, changes
from tests.identity.social import Stream, edges
from tests.subscriptions import build


@pytest.fixture
def two(api: Callable[[Handler, str], Api], keys: None, house: House, register: Callable[..., dict[str, Any]]) -> Two:
    return Two(api(HANDLER, "identity"), house, register)


def link(two: Two, uid: int, provider: str, subject: str) -> None:
    two.house.sql(
        "INSERT INTO identity.user_oauth (uid, provider, provider_user_id, linked_at) VALUES (%s, %s, %s, now())",
        (uid, provider, subject),
    )
    if provider in {"google", "apple"}:
        two.house.sql(
            f"UPDATE identity.users SET {provider}_id = %s, {provider}_linked_at = now() WHERE uid = %s", (subject, uid)
        )


def device(two: Two, uid: int, name: str) -> None:
    two.house.sql(
        "INSERT INTO identity.user_devices (device_id, uid, first_seen_at, last_seen_at) VALUES (%s, %s, now(), now())",
        (name, uid),
    )


def profile(two: Two, uid: int, **columns: Any) -> None:
    for column, value in columns.items():
        two.house.sql(
            f"UPDATE identity.authors SET {column} = %s WHERE user_id = (SELECT id FROM identity.users WHERE uid = %s)",
            (value, uid),
        )


def make_creator(two: Two, uid: int) -> None:
    """Verified as somebody, and as a creator."""
    two.house.sql("INSERT INTO identity.user_roles (uid, role, granted_at) VALUES (%s, 'creator', now())", (uid,))
    two.house.sql(
        "UPDATE identity.user_profiles SET is_creator = true, creator_since = now(), identity_status = 'approved' WHERE uid = %s",
        (uid,),
    )
    sealed = [
        crypto.encrypt(plain, {"table": "user_verifications", "column": column, "uid": str(uid)})
        for column, plain in (("real_name", "张三"), ("id_number", CARD))
    ]
    two.house.sql(
        """
        INSERT INTO identity.user_verifications (uid, kind, status, real_name, id_type, id_number, id_number_hash, submitted_at,
            reviewed_at) VALUES (%s, 'identity', 'approved', %s, 'id_card', %s, 'hash', now(), now()),
            (%s, 'creator', 'approved', NULL, NULL, NULL, NULL, now(), now())
        """,
        (uid, *sealed, uid),
    )


def full_life(two: Two) -> None:
    """Something of every kind, some of it with both."""
    two.house.sql(
        "UPDATE identity.users SET phone_number = '+8613900139111', phone_verified_at = now(), is_verified = true WHERE uid = %s",
        (two.drop,),
    )
    for uid, provider, subject in (
        (two.keep, "wechat", "w1"), (two.drop, "wechat", "w2"), (two.drop, "google", "g2"), (two.drop, "qq", "q2"),
    ):  # fmt: skip
        link(two, uid, provider, subject)
    for uid, name in ((two.keep, "phone"), (two.drop, "phone"), (two.drop, "tablet")):
        device(two, uid, name)
    profile(two, two.keep, description="I keep", location="Here")
    profile(two, two.drop, description="I drop", education="Long ago", birthday="1991-03-04")
    two.house.sql("UPDATE identity.user_profiles SET website = 'https://drop.example' WHERE uid = %s", (two.drop,))
    make_creator(two, two.drop)


def test_each_thing_goes_where_it_belongs_and_all_of_it_comes_back(two: Two, house: House) -> None:
    full_life(two)
    before = two.snapshot()
    merge_id = two.merge(bio="drop", email="keep")
    assert house.sql("SELECT provider FROM identity.user_oauth WHERE uid = %s ORDER BY 1", (two.keep,)) == [
        ("google",), ("qq",), ("wechat",),
    ]  # fmt: skip
    assert house.sql("SELECT provider_user_id FROM identity.user_oauth WHERE uid = %s", (two.drop,)) == [("w2",)]
    assert (two.user(two.keep, "google_id"), two.user(two.drop, "google_id")) == ("g2", None)
    assert (two.user(two.keep, "phone_number"), two.user(two.drop, "phone_number")) == ("+8613900139111", None)
    assert (two.user(two.keep, "email"), two.user(two.drop, "email")) == ("keep@example.com", "drop@example.com")
    assert house.sql("SELECT device_id FROM identity.user_devices WHERE uid = %s ORDER BY 1", (two.keep,)) == [
        ("phone",), ("tablet",),
    ]  # fmt: skip
    assert house.sql(
        """
        SELECT a.name, a.description, a.location, a.education, p.website, p.is_creator, p.identity_status
        FROM identity.authors a JOIN identity.users u ON u.id = a.user_id JOIN identity.user_profiles p USING (uid)
        WHERE u.uid = %s
        """,
        (two.keep,),
    ) == [("Keep", "I drop", "Here", "Long ago", "https://drop.example", True, "approved")]
    assert house.sql("SELECT role FROM identity.user_roles WHERE uid = %s ORDER BY 1", (two.keep,)) == [
        ("creator",),
        ("user",),
    ]
    [(sealed,)] = house.sql(
        "SELECT real_name FROM identity.user_verifications WHERE uid = %s AND kind = 'identity'", (two.keep,)
    )
    context = {"table": "user_verifications", "column": "real_name", "uid": str(two.keep)}
    assert crypto.decrypt(sealed, context) == "张三"
    assert two.undo(merge_id).status == 200
    assert changes(before, two.snapshot()) == {}
    [(sealed,)] = house.sql("SELECT real_name FROM identity.user_verifications WHERE kind = 'identity'")
    assert crypto.decrypt(sealed, context | {"uid": str(two.drop)}) == "张三"


def test_consents_and_the_password_stay_where_they_were_given(two: Two, house: House) -> None:
    ours = "SELECT uid, kind FROM identity.user_consents ORDER BY id"
    hashes = "SELECT uid, password_hash FROM identity.user_auth ORDER BY uid"
    consents, passwords = house.sql(ours), house.sql(hashes)
    two.merge()
    assert (house.sql(ours), house.sql(hashes)) == (consents, passwords)


def test_live_sessions_may_what_the_other_account_might_and_no_more_after_the_undoing(two: Two) -> None:
    make_creator(two, two.drop)

    def roles() -> list[str]:
        (item,) = SessionItem.query(user_key(two.keep))
        return sorted(item.roles)

    merge_id = two.merge()
    assert roles() == ["creator", "user"]
    two.undo(merge_id)
    assert roles() == ["user"]


def test_the_journal_says_what_was_moved_and_cannot_be_changed(two: Two, house: House) -> None:
    full_life(two)
    merge_id = two.merge(bio="drop")
    kinds = house.sql("SELECT DISTINCT kind FROM identity.merge_journal WHERE merge_id = %s ORDER BY 1", (merge_id,))
    assert kinds == [("devices",), ("field",), ("links",), ("roles",), ("verifications",)]
    for statement in ("UPDATE identity.merge_journal SET kind = 'roles'", "DELETE FROM identity.merge_journal"):
        house.sql("SAVEPOINT there")
        with pytest.raises(Exception, match="append-only"):
            house.db.execute(statement)
        house.db.execute("ROLLBACK TO SAVEPOINT there")
    house.sql("SELECT identity.erase_merge_journal(%s)", (two.drop,))
    assert house.sql("SELECT count(*) FROM identity.merge_journal") == [(0,)]


def test_what_the_person_changed_since_stays_as_they_changed_it(two: Two, house: House) -> None:
    merge_id = two.merge(email="drop", display_name="drop")
    house.sql("UPDATE identity.users SET email = 'new@example.com' WHERE uid = %s", (two.keep,))
    assert two.undo(merge_id).status == 200
    assert (two.user(two.keep, "email"), two.user(two.drop, "email")) == ("new@example.com", "drop@example.com")


def test_an_address_somebody_else_has_by_now_cannot_be_given_back(
    two: Two, house: House, register: Callable[..., Any]
) -> None:
    merge_id = two.merge(email="drop")
    house.sql("UPDATE identity.users SET email = 'new@example.com' WHERE uid = %s", (two.keep,))
    register(email="drop@example.com")
    assert two.undo(merge_id).error == (409, "merge_not_undoable")
    assert two.user(two.drop, "status") == "inactive"


def test_a_merge_whose_undoing_would_lock_somebody_out_cannot_be_undone(two: Two, house: House) -> None:
    house.sql("UPDATE identity.user_auth SET password_hash = NULL WHERE uid = %s", (two.keep,))
    house.sql("UPDATE identity.users SET email = NULL WHERE uid = %s", (two.keep,))
    link(two, two.keep, "qq", "q1")
    link(two, two.drop, "apple", "a2")
    merge_id = two.merge()
    house.sql("DELETE FROM identity.user_oauth WHERE provider = 'qq'")
    assert two.undo(merge_id).error == (409, "merge_not_undoable")


def test_who_publishes_by_a_role_that_was_moved_keeps_it(two: Two, house: House) -> None:
    make_creator(two, two.drop)
    merge_id = two.merge()
    build.work(house.sql, two.keep, "free")
    assert two.undo(merge_id).error == (409, "merge_not_undoable")


def test_a_role_an_operator_took_away_does_not_come_back(two: Two, house: House) -> None:
    make_creator(two, two.drop)
    merge_id = two.merge()
    house.sql("DELETE FROM identity.user_roles WHERE role = 'creator'")
    assert two.undo(merge_id).status == 200
    assert house.sql("SELECT 1 FROM identity.user_roles WHERE role = 'creator'") == []


def test_money_that_was_spent_keeps_the_accounts_together(two: Two, house: House) -> None:
    merge_id = two.merge()
    house.sql("INSERT INTO finance.account_merges VALUES (%s, %s, %s, now(), NULL)", (merge_id, two.drop, two.keep))

    def post(reference: str, kind: str, *lines: tuple[str, int]) -> None:
        names, amounts = [name for name, _ in lines], [amount for _, amount in lines]
        house.sql(
            "SELECT finance.post_entry(%s, %s, 'merge', %s, now(), 'CNY', %s::text[], %s::bigint[])",
            (reference, kind, str(merge_id), names, amounts),
        )

    dropped, kept = f"creator:{two.drop}:available", f"creator:{two.keep}:available"
    post("earned", "capture", (dropped, 500), ("channel:alipay", -500))
    post("moved", "merge", (dropped, -500), (kept, 500))
    post("spent", "payout", (kept, -1), ("channel:alipay", 1))
    assert two.undo(merge_id).error == (409, "merge_not_undoable")
    assert two.user(two.drop, "is_active") is False
    post("back", "payout_return", (kept, 1), ("channel:alipay", -1))
    assert two.undo(merge_id).status == 200
    assert house.sql("SELECT balance FROM finance.ledger_accounts WHERE name = %s", (dropped,)) == [(500,)]


class Crowd:
    """People who follow and are followed, and the facts about a merge."""

    def __init__(self, two: Two) -> None:
        self.two = two
        self.x, self.y, self.z = (make_user(two.house.sql, uid, f"u{uid}") for uid in (800_001, 800_002, 800_003))
        self.stream = Stream()
        self.merge_id = 0

    def follow(self, *pairs: tuple[int, int]) -> None:
        for pair in pairs:
            follows.begin(*pair, clock.now())
        self.stream.flow(self.two.house)

    def hear(self, fact_type: Any, handler: Any) -> None:
        now, at = clock.now(), "merged_at" if fact_type is AccountsMerged else "parted_at"
        fact = fact_type(
            event_id=new_ulid(), occurred_at=now, merge_id=self.merge_id, from_uid=self.two.drop, into_uid=self.two.keep,
            **{at: now},
        )  # fmt: skip
        with self.two.house.acting("identity"):
            assert handler.handler(message(fact), CONTEXT) == {"batchItemFailures": []}
        self.stream.flow(self.two.house)

    def merged(self) -> None:
        self.hear(AccountsMerged, on_accounts_merged)

    def parted(self) -> None:
        self.hear(AccountsParted, on_accounts_parted)

    def counters(self) -> list[tuple[Any, ...]]:
        return self.two.house.sql("SELECT uid, followers_count, following_count FROM identity.user_profiles ORDER BY uid")


@pytest.fixture
def crowd(two: Two) -> Crowd:
    made = Crowd(two)
    keep, drop = two.keep, two.drop
    made.follow(
        (drop, made.x), (drop, made.y), (keep, made.y), (made.z, drop), (made.x, drop), (made.x, keep), (drop, keep), (keep, drop),
    )  # fmt: skip
    return made


def test_follows_move_are_counted_and_come_back(crowd: Crowd) -> None:
    two, before, counted_before = crowd.two, edges(), crowd.counters()
    crowd.merge_id = two.merge()
    crowd.merged()
    assert edges() == {(two.keep, crowd.x), (two.keep, crowd.y), (crowd.z, two.keep), (crowd.x, two.keep)}
    counted = {uid: rest for uid, *rest in crowd.counters()}
    assert (counted[two.keep], counted[two.drop]) == ([2, 2], [0, 0])
    crowd.merged()
    two.undo(crowd.merge_id)
    crowd.parted()
    crowd.parted()
    assert edges() == before
    assert crowd.counters() == counted_before


def test_follows_of_a_merge_that_is_undone_already_stay(crowd: Crowd) -> None:
    before = edges()
    crowd.merge_id = crowd.two.merge()
    crowd.two.undo(crowd.merge_id)
    crowd.parted()
    crowd.merged()
    assert edges() == before


def test_follows_keep_their_day(crowd: Crowd) -> None:
    since = {follow.uid: follow.at for follow in follows.followees(crowd.two.drop, newest_first=False, after=None, limit=9)}
    crowd.merge_id = crowd.two.merge()
    crowd.merged()
    now = {follow.uid: follow.at for follow in follows.followees(crowd.two.keep, newest_first=False, after=None, limit=9)}
    assert now[crowd.x] == since[crowd.x]
