"""What a subscription stands at changes here only, and everyone is told in the same transaction."""

from datetime import datetime
from typing import Any, Literal

from events.subscriptions import RenewalChanged, SubscriptionActivated, SubscriptionEnded
from functions.subscriptions.periods import Standing
from functions.subscriptions.rights import Right
from functions.subscriptions.states import GIVES_ACCESS, Status
from functions.subscriptions.store import standing as store
from shared import clock
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.connection import Connection

Reason = Literal["expired", "cancelled", "refunded", "paused"]


def tell_begun(db: Connection, row: dict[str, Any]) -> None:
    """Say that a subscription gives access, from its row."""
    outbox.record(db, Right.of_subscription(row).changed())
    outbox.record(
        db,
        SubscriptionActivated(
            event_id=new_ulid(),
            occurred_at=clock.now(),
            subscription_id=row["subscription_id"],
            user_id=row["user_id"],
            creator_id=row["creator_id"],
            plan_id=row["plan_id"],
            period_start=row["current_period_start"],
            period_end=row["current_period_end"],
        ),
    )


def tell_renewal_changed(db: Connection, subscription_id: int) -> None:
    """Say that whether, when or how a subscription is renewed may be different now."""
    outbox.record(db, RenewalChanged(event_id=new_ulid(), occurred_at=clock.now(), subscription_id=subscription_id))


def begin(db: Connection, subscription_id: int, status: Status, stands: Standing, now: datetime) -> None:
    """Let a subscription give what it stands at, newly or for longer."""
    row = store.stand(db, subscription_id, status, stands, now)
    if row is not None:
        tell_begun(db, row)


def keep(db: Connection, subscription_id: int, status: Status, grace_until: datetime, now: datetime) -> None:
    """Let a subscription that is being renewed keep its access beyond its period."""
    row = store.keep(db, subscription_id, status, grace_until, now)
    if row is not None:
        outbox.record(db, Right.of_subscription(row).changed())


def shorten(db: Connection, subscription_id: int, status: Status, stands: Standing, now: datetime) -> None:
    """Let a subscription give less than before, but not nothing."""
    row = store.stand(db, subscription_id, status, stands, now)
    if row is not None:
        outbox.record(db, Right.of_subscription(row).changed())
        tell_renewal_changed(db, subscription_id)


def end(
    db: Connection,
    subscription_id: int,
    *,
    was: str,
    becomes: Status,
    because: Reason,
    now: datetime,
    said: str | None = None,
) -> None:
    """Let a subscription give nothing any more, `said` being its user's reason. A pending one ends without a word."""
    row = store.end(db, subscription_id, becomes, said, now)
    if row is None or was not in GIVES_ACCESS:
        return
    outbox.record(db, Right.of_subscription(row).changed())
    outbox.record(
        db,
        SubscriptionEnded(
            event_id=new_ulid(),
            occurred_at=clock.now(),
            subscription_id=row["subscription_id"],
            user_id=row["user_id"],
            creator_id=row["creator_id"],
            reason=because,
        ),
    )
