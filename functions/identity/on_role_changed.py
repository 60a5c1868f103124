"""Hears that the permissions of a role changed: the sessions of everyone who holds it follow."""

from events.admin import RoleChanged
from functions.identity.service import sessions
from functions.identity.store import staff
from shared.batch import on_fact
from shared.sql.connection import Connection


def _follow(db: Connection, fact: RoleChanged) -> None:
    for uid in staff.holders(db, fact.role):
        sessions.follow_staff(db, uid)


handler = on_fact(RoleChanged, _follow, consumer="identity.on_role_changed")
