"""Privacy settings, and the log of consents."""

from functions.identity.schemas.privacy import CONSENTS, Privacy, PrivacyIn
from functions.identity.store import own_profile as store
from shared import clock
from shared.sql.connection import Connection

POLICY_VERSION = "1"


def own(db: Connection, uid: int) -> Privacy:
    """The settings in force."""
    return Privacy.model_validate(store.privacy(db, uid))


def change(db: Connection, uid: int, wanted: PrivacyIn, ip: str) -> Privacy:
    """Change those given. Each consent that really changed is logged; saying the same again is no change."""
    before = Privacy.model_validate(store.lock_privacy(db, uid))
    given = wanted.model_dump(exclude_unset=True)
    after = before.model_copy(update=given)
    if not given:
        return after
    now = clock.now()
    store.set_privacy(db, uid, given, now)
    changed = {name: getattr(after, name) for name in CONSENTS if getattr(after, name) != getattr(before, name)}
    if changed:
        store.log_consents(db, uid, changed, version=POLICY_VERSION, ip=ip, at=now)
    return after
