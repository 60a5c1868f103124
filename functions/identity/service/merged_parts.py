"""What identity moves for a merge, and gives back: sign-in means, chosen fields, roles, proofs of who somebody is.

Each thing is written into the journal before anybody can see it moved: same transaction. Giving back reads the journal;
what the person changed since stays as they changed it.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from functions.identity.errors import MergeNotUndoable
from functions.identity.schemas.merges import Conflict
from functions.identity.store import merges as store
from functions.identity.store.merges import COLUMNS, Merge, Sealed, Values
from shared import crypto
from shared.sql.connection import Connection

_HAD_ONCE = frozenset({"email", "phone", "google", "apple"})
"""What only one account may have: the other gets what this one had, or nothing."""
_DECIDED_ELSEWHERE = frozenset({"google", "apple", "creator", "identity"})


def _mask_day(day: str) -> str:
    return f"{day[:4]}-**-**"


_MASKS: dict[str, Callable[[str], str]] = {
    "email": crypto.mask_account,
    "phone": crypto.mask_phone,
    "birthday": _mask_day,
}


def conflicts(db: Connection, into: int, dropped: int) -> list[Conflict]:
    """Fields in which both accounts have something, and not the same; masked where that names the person."""
    mine, theirs = store.record(db, into), store.record(db, dropped)
    found = []
    for field in COLUMNS:
        keep, drop = _seen(mine, field), _seen(theirs, field)
        if field not in _DECIDED_ELSEWHERE and keep and drop and keep != drop:
            mask = _MASKS.get(field, str)
            found.append(Conflict.model_construct(field=field, keep=mask(keep), drop=mask(drop)))
    return found


def move(db: Connection, merge: Merge, chosen: Collection[str], at: datetime) -> None:
    """Move all of it; of fields the kept account has, those that were chosen. Written down as it is done."""
    dropped, into = merge.from_uid, merge.into_uid
    mine, theirs = store.record(db, into), store.record(db, dropped)
    for field in COLUMNS:
        keep, drop = _seen(mine, field), _seen(theirs, field)
        if field not in _DECIDED_ELSEWHERE and drop and drop != keep and (not keep or field in chosen):
            _move_field(db, merge, field, (mine, theirs), at)
    links = store.move_links(db, dropped, into, at)
    if links:
        store.note(db, merge.merge_id, "links", {"links": links}, at)
    for link in links:
        if link["provider"] in COLUMNS:
            _move_field(db, merge, link["provider"], (mine, theirs), at)
    if devices := store.move_devices(db, dropped, into):
        store.note(db, merge.merge_id, "devices", {"device_ids": devices}, at)
    if roles := store.move_roles(db, dropped, into):
        store.note(db, merge.merge_id, "roles", {"roles": roles}, at)
    _move_proofs(db, merge, mine, theirs, at)
    store.settle_verified(db, (into, dropped))


def give_back(db: Connection, merge: Merge, at: datetime) -> None:
    """The way back. Raises MergeNotUndoable, or UniqueViolation when an address is somebody else's by now."""
    dropped, into, merge_id = merge.from_uid, merge.into_uid, merge.merge_id
    moved = {detail["field"] for _, detail in store.journal(db, merge_id, "field")}
    if moved & {"creator", "identity"} and store.depends_on_moved_identity(db, into):
        raise MergeNotUndoable
    for _, detail in reversed(store.journal(db, merge_id, "field")):
        _return_field(db, merge, detail, at)
    for _, detail in store.journal(db, merge_id, "links"):
        store.return_links(db, [link["id"] for link in detail["links"]], into, dropped, at)
    for _, detail in store.journal(db, merge_id, "devices"):
        store.return_devices(db, detail["device_ids"], into, dropped)
    for _, detail in store.journal(db, merge_id, "roles"):
        # One an operator has taken away since is not there to be given back.
        store.move_roles(db, into, dropped, detail["roles"])
    for _, detail in store.journal(db, merge_id, "verifications"):
        standing = {one.verification_id: one for one in store.approved_of(db, into, dropped)}
        for verification_id in detail["verification_ids"]:
            if verification_id not in standing:
                raise MergeNotUndoable
            _rehome(db, standing[verification_id], into, dropped, at)
    store.settle_verified(db, (into, dropped))


def _move_field(
    db: Connection, merge: Merge, field: str, both: tuple[dict[str, Values], dict[str, Values]], at: datetime
) -> None:
    mine, theirs = both[0][field], both[1][field]
    left = mine if field in _HAD_ONCE else theirs
    detail = {"field": field, "into_before": mine, "into_after": theirs, "from_before": theirs, "from_after": left}
    store.note(db, merge.merge_id, "field", detail, at)
    if field in _HAD_ONCE:
        store.write(db, merge.from_uid, field, dict.fromkeys(mine), at)
    store.write(db, merge.into_uid, field, theirs, at)
    if left != theirs:
        store.write(db, merge.from_uid, field, left, at)


def _return_field(db: Connection, merge: Merge, detail: dict[str, Any], at: datetime) -> None:
    field, before = detail["field"], detail["from_before"]
    if field in _HAD_ONCE:
        store.write(db, merge.from_uid, field, dict.fromkeys(before), at)
    if _seen(store.record(db, merge.into_uid), field) == _seen({field: detail["into_after"]}, field):
        store.write(db, merge.into_uid, field, detail["into_before"], at)
    store.write(db, merge.from_uid, field, before, at)


def _move_proofs(db: Connection, merge: Merge, mine: dict[str, Values], theirs: dict[str, Values], at: datetime) -> None:
    """Who was verified as somebody stays verified as such; a number is encrypted for its account, and so anew."""
    proofs = store.approved_of(db, merge.from_uid, merge.into_uid)
    if proofs:
        ids = [proof.verification_id for proof in proofs]
        store.note(db, merge.merge_id, "verifications", {"verification_ids": ids}, at)
    for proof in proofs:
        _rehome(db, proof, merge.from_uid, merge.into_uid, at)
    for field, empty in (("identity", "none"), ("creator", False)):
        column = COLUMNS[field][1][0]
        if theirs[field][column] in {"approved", True} and theirs[field][column] != mine[field][column]:
            left = dict.fromkeys(theirs[field]) | {column: empty}
            detail = {
                "field": field,
                "into_before": mine[field],
                "into_after": theirs[field],
                "from_before": theirs[field],
                "from_after": left,
            }
            store.note(db, merge.merge_id, "field", detail, at)
            store.write(db, merge.into_uid, field, theirs[field], at)
            store.write(db, merge.from_uid, field, left, at)


def _rehome(db: Connection, proof: Sealed, giver: int, taker: int, at: datetime) -> None:
    def again(stored: str | None, column: str) -> str | None:
        if not stored:
            return stored
        context = {"table": "user_verifications", "column": column}
        return crypto.encrypt(crypto.decrypt(stored, context | {"uid": str(giver)}), context | {"uid": str(taker)})

    sealed = Sealed(proof.verification_id, again(proof.real_name, "real_name"), again(proof.id_number, "id_number"))
    store.rehome(db, sealed, taker, at)


def _seen(record: dict[str, Values], field: str) -> str | None:
    value = record[field][COLUMNS[field][1][0]]
    return None if value is None else str(value)
