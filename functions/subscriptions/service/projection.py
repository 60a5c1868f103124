"""The read model of rights, from facts one by one or from SQL as a whole."""

from collections.abc import Callable

from pynamodb.exceptions import PutError

from functions.subscriptions.rights import Right
from functions.subscriptions.store import rights as store
from shared import observe
from shared.dynamo.base import condition_failed
from shared.sql.connection import Connection, reading
from shared.views import entitlements
from shared.views.entitlements import EntitlementItem

_BATCH = 100
"""Also what one BatchGetItem takes."""


def project(right: Right) -> None:
    """Write a right unless a newer version stands there; so facts may come twice and in any order."""
    entitlements.put(right.item())


def rebuild() -> int:
    """Hold every right of SQL against the read model and write those that differ; how many were written.

    Reads in batches; a second run, even at the same time, does no harm. A right that changes meanwhile has a higher
    version, which this never overwrites.
    """
    return _rebuild(store.towards_creators) + _rebuild(store.to_contents)


def _rebuild(rights: Callable[[Connection, tuple[int, int], int], list[Right]]) -> int:
    written, after = 0, (0, 0)
    while True:
        with reading() as db:
            batch = rights(db, after, _BATCH)
        if not batch:
            return written
        wanted = [right.item() for right in batch]
        standing = {(item.pk, item.sk): item for item in EntitlementItem.batch_get([(item.pk, item.sk) for item in wanted])}
        for item in wanted:
            there = standing.get((item.pk, item.sk))
            if there is None or _said(there) != _said(item):
                written += _overwrite(item)
        after = (batch[-1].uid, batch[-1].scope_id)


def _said(item: EntitlementItem) -> dict[str, object]:
    return {name: value for name, value in item.attribute_values.items() if value is not None}


def _overwrite(item: EntitlementItem) -> bool:
    """Unlike a fact, SQL is the truth also about a version the read model already has."""
    try:
        item.save(condition=EntitlementItem.pk.does_not_exist() | (EntitlementItem.version <= item.version))
    except PutError as error:
        if condition_failed(error):
            return False
        raise
    observe.info("right written anew", right=item.sk, version=int(item.version))
    return True
