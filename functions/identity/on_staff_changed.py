"""Hears that an operator's role, permissions or state changed: their sessions follow, or end."""

from events.admin import StaffChanged
from functions.identity.service import sessions
from shared.batch import on_fact
from shared.sql.connection import Connection


def _follow(db: Connection, fact: StaffChanged) -> None:
    sessions.follow_staff(db, fact.uid)


handler = on_fact(StaffChanged, _follow, consumer="identity.on_staff_changed")
