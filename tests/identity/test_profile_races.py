"""Names, settings and documents wanted by many at once. On a database that commits."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from functions.identity.schemas.own_profile import ProfileIn
from functions.identity.schemas.privacy import PrivacyIn
from functions.identity.schemas.verifications import IdentityIn, ReviewIn
from functions.identity.service import own_profile, privacy, verifications
from shared.sql import outbox
from shared.sql.connection import Connection
from tests.identity.conftest import CARD
from tests.identity.social import populate
from tests.identity.test_races import Together

PEOPLE = range(100_001, 100_009)
ANN = PEOPLE[0]


@pytest.fixture
def together(fresh_database: Callable[..., str], keys: None) -> Together:
    populate(fresh_database(), PEOPLE)
    return Together(fresh_database)


def test_of_eight_who_want_one_username_one_gets_it_and_the_others_keep_theirs(together: Together) -> None:
    def rename(db: Connection, index: int) -> str:
        with db.transaction():
            own_profile.change(db, PEOPLE[index], ProfileIn(username="wanted", bio="new"))
        return "won"

    assert Counter(together.run(8, rename)) == {"won": 1, "username_taken": 7}
    rows = together.sql(
        """
        SELECT u.username = a.username AND a.username = a.username_raw, u.username = 'wanted', a.description = 'new'
        FROM identity.users u JOIN identity.authors a ON a.user_id = u.id
        """
    )
    assert Counter(rows) == {(True, True, True): 1, (True, False, None): 7}


def test_eight_settings_changed_at_once_are_all_changed(together: Together) -> None:
    chosen: list[dict[str, object]] = [
        {"profile_visibility": "followers"}, {"show_followers": False}, {"show_following": False}, {"show_favorites": False},
        {"allow_messages_from": "none"}, {"searchable": False}, {"personalized_recommendations": False},
        {"marketing_consent": True},
    ]  # fmt: skip

    def change(db: Connection, index: int) -> None:
        with db.transaction():
            privacy.change(db, ANN, PrivacyIn.model_validate(chosen[index]), "203.0.113.7")

    assert together.run(8, change) == [None] * 8
    after = together.once(lambda db: privacy.own(db, ANN)).model_dump()
    assert after == {"show_online_status": True} | {name: value for one in chosen for name, value in one.items()}
    assert together.sql("SELECT kind, granted FROM identity.user_consents ORDER BY kind") == [
        ("marketing_consent", True),
        ("personalized_recommendations", False),
    ]


def test_of_eight_who_give_one_consent_at_once_one_is_logged(together: Together) -> None:
    def consent(db: Connection, _index: int) -> bool:
        with db.transaction():
            return privacy.change(db, ANN, PrivacyIn(marketing_consent=True), "203.0.113.7").marketing_consent

    assert together.run(8, consent) == [True] * 8
    assert together.sql("SELECT count(*) FROM identity.user_consents") == [(1,)]


def submit(db: Connection, index: int) -> int:
    with db.transaction():
        wanted = IdentityIn(real_name="张三", id_number=CARD)
        return verifications.submit_identity(db, PEOPLE[index], wanted).verification_id


def review(db: Connection, number: int, action: str) -> str:
    with db.transaction():
        decided = verifications.review(db, number, 1, ReviewIn.model_validate({"action": action, "comment": "x"}), "en")
        outbox.store(db)
    db.facts = []
    return decided.status


def test_a_document_stays_with_one_account_however_often_the_others_hand_it_in_again(together: Together) -> None:
    first = together.once(partial(submit, index=0))

    def try_again() -> None:
        numbers = [together.once(partial(submit, index=index)) for index in range(1, 8)]
        got = together.run(7, lambda db, index: review(db, numbers[index], "approve"))
        assert Counter(got) == {"already_verified": 7}
        for number in numbers:
            assert together.once(partial(review, number=number, action="reject")) == "rejected"

    assert together.once(partial(review, number=first, action="approve")) == "approved"
    try_again()
    try_again()
    assert together.sql("SELECT uid FROM identity.user_verifications WHERE status = 'approved'") == [(ANN,)]
    decided = together.sql("SELECT payload->>'status', count(*) FROM platform.outbox_events GROUP BY 1 ORDER BY 1")
    assert decided == [("approved", 1), ("rejected", 14)]


def test_of_eight_decisions_for_and_against_one_counts_and_one_is_announced(together: Together) -> None:
    number = together.once(partial(submit, index=0))
    got = together.run(8, lambda db, index: review(db, number, "approve" if index % 2 else "reject"))
    counts = Counter(got)
    assert counts.pop("already_reviewed") == 7
    ((status, announced),) = together.sql(
        "SELECT v.status, e.payload->>'status' FROM identity.user_verifications v, platform.outbox_events e"
    )
    assert {status} == {announced} == set(counts)


def test_of_eight_resubmissions_after_a_rejection_one_is_open(together: Together) -> None:
    number = together.once(partial(submit, index=0))
    together.once(lambda db: review(db, number, "reject"))
    got = together.run(8, lambda db, _index: submit(db, 0))
    assert Counter("won" if isinstance(one, int) else one for one in got) == {"won": 1, "verification_pending": 7}
