"""Up to a hundred accounts opened or deleted at once, each on its own: what one lacks, the others get (rules.md §1)."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from functions.identity.desk_errors import BatchTooLarge
from functions.identity.schemas.desk import BATCH_MAX, BatchCreated, BatchDeleted, BatchItem, DeleteUsersIn, NewUserIn
from functions.identity.service.desk_changes import open_account, remove_many, told
from shared import password_rules, passwords
from shared.caller import Caller
from shared.errors import Refusal
from shared.http.context import RequestContext
from shared.sql.audit import admin_operation
from shared.sql.connection import Connection
from shared.sql.edge import unit_of_work

_HASHERS = 2
"""As many as the function has processors; hashing lets go of the interpreter."""


def hashes(wanted: Sequence[NewUserIn]) -> list[str | Refusal | None]:
    """The hash of each password, why it may not be chosen, or None where none was given. Before any transaction: 18 ms each."""
    with ThreadPoolExecutor(_HASHERS) as hashers:
        return list(hashers.map(_hash, wanted))


def create(items: Sequence[NewUserIn], caller: Caller, context: RequestContext) -> BatchCreated:
    """Open accounts. Raises BatchTooLarge; whatever stops one item is said in its place."""
    if len(items) > BATCH_MAX:
        raise BatchTooLarge(limit=BATCH_MAX)
    hashed = hashes(items)
    with unit_of_work() as db:
        outcome = [_open(db, index, item, one, caller) for index, (item, one) in enumerate(zip(items, hashed, strict=True))]
        made = [told(items[done.index], done.id) for done in outcome if done.id is not None]
        refused = {str(done.index): done.error for done in outcome if done.error}
        admin_operation(db, caller, context, "user_batch_create", ("user", None), before=None, after=made, refused=refused)
    return BatchCreated.model_construct(created=len(made), failed=len(outcome) - len(made), items=outcome)


def delete(db: Connection, wanted: DeleteUsersIn, caller: Caller, context: RequestContext) -> BatchDeleted:
    """Delete accounts; one deleted before counts as deleted. Raises BatchTooLarge."""
    if len(wanted.ids) > BATCH_MAX:
        raise BatchTooLarge(limit=BATCH_MAX)
    outcome = remove_many(db, wanted.ids, wanted.reason, caller, context)
    items = [_item(index, uid, outcome[uid]) for index, uid in enumerate(wanted.ids)]
    gone = sum(item.ok for item in items)
    return BatchDeleted.model_construct(deleted=gone, failed=len(items) - gone, items=items)


def _hash(wanted: NewUserIn) -> str | Refusal | None:
    if wanted.password is None:
        return None
    try:
        password_rules.check(wanted.password, wanted.email, wanted.phone, wanted.username)
    except Refusal as refusal:
        return refusal
    return passwords.hashed(wanted.password)


def _open(db: Connection, index: int, wanted: NewUserIn, hashed: str | Refusal | None, caller: Caller) -> BatchItem:
    if isinstance(hashed, Refusal):
        return _item(index, None, hashed)
    try:
        with db.transaction():
            return _item(index, open_account(db, wanted, hashed, caller), None)
    except Refusal as refusal:
        return _item(index, None, refusal)


def _item(index: int, uid: int | None, refusal: Refusal | None) -> BatchItem:
    return BatchItem.model_construct(index=index, ok=refusal is None, id=uid, error=refusal.error if refusal else None)
