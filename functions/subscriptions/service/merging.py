"""Rights of an account that was merged into another: live subscriptions, purchases and memberships are the other's, until it
is undone.

What had ended stays where it was, as history. Facts about orders come under the number of who ordered: they hold that
account first and then the one its rights went to, and what a late payment brings to life follows. Both directions are told
with EntitlementChanged, whose versions make the read model right in any order.
"""

from datetime import datetime

from events.identity import AccountsMerged, AccountsParted
from functions.subscriptions.rights import Right
from functions.subscriptions.service import levels
from functions.subscriptions.store import merges as store
from functions.subscriptions.store.merges import Merge
from functions.subscriptions.store.rows import Row, lock_user
from shared import clock, observe
from shared.sql import outbox
from shared.sql.connection import Connection


def hear(db: Connection, fact: AccountsMerged) -> None:
    """Two accounts are one: move what is alive. Once, and not after it was undone."""
    merge = Merge(fact.merge_id, fact.from_uid, fact.into_uid)
    _hold(db, merge)
    if not store.add(db, merge, clock.now()):
        observe.warn("merge was heard before, or is undone already", merge_id=fact.merge_id)
        return
    _move(db, merge)


def part(db: Connection, fact: AccountsParted) -> None:
    """They are two again: give back what was moved, as it stands now."""
    merge = Merge(fact.merge_id, fact.from_uid, fact.into_uid)
    _hold(db, merge)
    if not store.part(db, merge, now := clock.now()):
        return
    for row in store.return_subscriptions(db, merge, now):
        if row["version"] is None:
            continue
        free, other = store.renew_version(db, merge.into_uid, row["creator_id"])
        outbox.record(db, Right.of_subscription(row).changed())
        outbox.record(db, (Right.of_subscription(other) if other else _without(row, merge.into_uid, free)).changed())
    for row in store.return_purchases(db, merge, now):
        back = Right.of_purchase(merge.from_uid, row["content_id"], row["version"], revoked=not row["holds"])
        left = Right.of_purchase(merge.into_uid, row["content_id"], row["left_version"], revoked=not row["still_held"])
        outbox.record(db, back.changed())
        outbox.record(db, left.changed())
    _tell_levels(db, merge, store.return_memberships(db, merge, now), now)


def hold(db: Connection, uid: int) -> None:
    """Hold an account, and those its rights went to: one change of them after the other."""
    while True:
        lock_user(db, uid)
        merge = store.in_force(db, uid)
        if merge is None:
            return
        uid = merge.into_uid


def follow(db: Connection, uid: int) -> None:
    """What came to life for a merged account goes where its rights went. Call `hold` first."""
    while (merge := store.in_force(db, uid)) is not None:
        _move(db, merge)
        uid = merge.into_uid


def _hold(db: Connection, merge: Merge) -> None:
    lock_user(db, merge.from_uid)
    lock_user(db, merge.into_uid)


def _move(db: Connection, merge: Merge) -> None:
    now = clock.now()
    for row in store.move_subscriptions(db, merge, now):
        if row["version"] is not None:
            outbox.record(db, _without(row, merge.from_uid, row["left_version"]).changed())
            outbox.record(db, Right.of_subscription(row).changed())
    for row in store.move_purchases(db, merge, now):
        left = Right.of_purchase(merge.from_uid, row["content_id"], row["left_version"], revoked=True)
        outbox.record(db, left.changed())
        outbox.record(db, Right.of_purchase(merge.into_uid, row["content_id"], row["version"], revoked=False).changed())
    _tell_levels(db, merge, store.move_memberships(db, merge, now), now)


def _tell_levels(db: Connection, merge: Merge, moved: int, now: datetime) -> None:
    """The days of both are laid out anew."""
    if moved:
        levels.tell(db, merge.from_uid, now)
        levels.tell(db, merge.into_uid, now)


def _without(row: Row, uid: int, version: int) -> Right:
    """What someone holds towards a creator once the subscription is another's."""
    return Right(
        uid,
        "CREATOR",
        row["creator_id"],
        "subscription",
        row["plan_id"],
        row["tier"],
        row["current_period_end"],
        True,
        version,
    )
