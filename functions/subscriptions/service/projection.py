"""The read model of rights, from facts one by one or from SQL as a whole."""

from collections.abc import Callable, Sequence
from typing import Protocol

from pynamodb.exceptions import PutError

from functions.subscriptions.memberships import Membership, terms
from functions.subscriptions.store import memberships
from functions.subscriptions.store import rights as store
from shared import observe
from shared.dynamo.base import condition_failed
from shared.sql.connection import Connection, reading
from shared.views import entitlements
from shared.views.entitlements import EntitlementItem

_BATCH = 100
"""Also what one BatchGetItem takes."""


class Shown(Protocol):
    """What the read model shows: a right, or a membership."""

    @property
    def uid(self) -> int: ...
    @property
    def scope_id(self) -> int: ...
    def item(self) -> EntitlementItem:
        """Its item."""


def project(right: Shown) -> None:
    """Write a right unless a newer version stands there; so facts may come twice and in any order."""
    entitlements.put(right.item())


def rebuild() -> int:
    """Hold every right of SQL against the read model and write those that differ; how many were written.

    Reads in batches; a second run, even at the same time, does no harm. A right that changes meanwhile has a higher
    version, which this never overwrites.
    """
    return _rebuild(store.towards_creators) + _rebuild(store.to_contents) + _rebuild(_memberships)


def _memberships(db: Connection, after: tuple[int, int], limit: int) -> list[Membership]:
    return [Membership(uid, terms(given), version) for uid, version, given in memberships.all_granted(db, after[0], limit)]


def _rebuild(rights: Callable[[Connection, tuple[int, int], int], Sequence[Shown]]) -> int:
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
