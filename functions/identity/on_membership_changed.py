"""Hears what membership somebody has: their account shows it."""

from events.subscriptions import MembershipChanged
from functions.identity.store import accounts
from shared import clock
from shared.batch import on_fact
from shared.sql.connection import Connection


def _show(db: Connection, fact: MembershipChanged) -> None:
    accounts.show_membership(
        db, fact.uid, level=fact.level, expires_at=fact.expires_at, version=fact.version, at=clock.now()
    )


handler = on_fact(MembershipChanged, _show, consumer="identity.on_membership_changed")
