"""An account as its owner sees it, and what its sessions may."""

from functions.identity.models import Person
from functions.identity.schemas.accounts import UserSelf
from functions.identity.store import accounts
from functions.identity.store import sessions as store
from shared import observe
from shared.caller import Caller, forget_session
from shared.errors import TokenRevoked
from shared.sql.connection import Connection, reading


def own(db: Connection, caller: Caller) -> UserSelf:
    """The caller's account. Raises TokenRevoked for one that was deleted meanwhile."""
    person = accounts.find_person(db, caller.uid)
    if person is None:
        raise TokenRevoked
    return profile(person, caller.kind)


def profile(person: Person, kind: str) -> UserSelf:
    """An account as a session of that kind shows it."""
    return UserSelf.model_construct(**person.profile, permissions=permissions_of(person, kind))


def permissions_of(person: Person, kind: str) -> list[str]:
    """Staff permissions live in staff sessions only."""
    return list(person.staff.permissions) if kind == "staff" and person.staff and person.staff.is_active else []


def spread(uid: int) -> None:
    """Let the live sessions of an account follow its roles and language, so that both work without signing in again.

    Called after the commit, which stands whatever happens here: a session that was missed follows at its next refresh.
    """
    try:
        with reading() as db:
            person = accounts.find_person(db, uid)
        if person is None:
            return
        for item in store.all_of(uid):
            store.follow_account(item, person.roles, person.locale)
            forget_session(uid, store.id_of(item))
    except Exception:  # noqa: BLE001 - the change is stored; only its echo failed
        observe.error("live sessions did not follow their account", uid=uid)
