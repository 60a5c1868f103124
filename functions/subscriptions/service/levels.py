"""What someone's membership stands at changes here only, and everyone is told in the same transaction."""

from datetime import datetime

from events.subscriptions import MembershipChanged
from functions.subscriptions.memberships import laid_out, standing, terms
from functions.subscriptions.store import memberships as store
from shared import clock
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.connection import Connection


def tell(db: Connection, uid: int, now: datetime) -> None:
    """Compute anew what someone's memberships come to, and say so. Call `lock_user` first."""
    grants = store.granted(db, uid)
    stretches = laid_out(grants)
    stands = standing(stretches, now)
    version = store.stand(db, uid, stands, stretches, now)
    outbox.record(
        db,
        MembershipChanged(
            event_id=new_ulid(),
            occurred_at=clock.now(),
            uid=uid,
            level=stands.level,
            expires_at=stands.expires_at,
            terms=terms(grants),
            version=version,
        ),
    )
