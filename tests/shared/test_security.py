"""Security events: with the transaction, masked, and once when they say so."""

from contextlib import suppress

import psycopg
import pytest

from shared.sql import security


class _UndoneError(Exception):
    pass


@pytest.mark.parametrize("domain", ["identity", "payments", "platform", "admin"])
def test_every_domain_writes_events_and_none_but_admin_reads_them(house, domain):
    with house.acting(domain) as db:
        security.record(
            db, "permission_violation", severity="low", user_id=1, admin_id=2, ip="203.0.113.9", detail={"route": "/x"}
        )
        if domain != "admin":
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute("SELECT detail FROM admin.security_events")
    if domain == "admin":
        assert house.sql("SELECT kind, severity, user_id, admin_id, ip, detail, status FROM admin.security_events") == [
            ("permission_violation", "low", 1, 2, "203.0.113.9", {"route": "/x"}, "open")
        ]


def test_an_event_hides_personal_data_and_secrets(house):
    with house.acting("identity") as db:
        detail = {"account": "zhang@example.com", "text": "call +8613800138000", "password": "Correct-horse-1"}
        security.record(db, "brute_force", severity="medium", detail=detail)
    [(kept,)] = house.sql("SELECT detail::text FROM admin.security_events")
    assert "zhang" not in kept
    assert "13800138000" not in kept
    assert "horse" not in kept


def test_an_event_of_a_transaction_that_failed_never_happened(house):
    with house.acting("identity") as db, suppress(_UndoneError), db.transaction():
        security.record(db, "brute_force", severity="medium")
        raise _UndoneError
    assert house.sql("SELECT 1 FROM admin.security_events") == []


def test_one_occurrence_seen_twice_is_one_event_and_two_occurrences_are_two(house):
    with house.acting("identity") as db:
        for occurrence in ("lock-out:7:2026-01-01", "lock-out:7:2026-01-01", None, None):
            security.record(db, "brute_force", severity="medium", user_id=7, once=occurrence)
    assert house.sql("SELECT count(*) FROM admin.security_events") == [(3,)]
