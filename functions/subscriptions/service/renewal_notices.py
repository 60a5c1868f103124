"""What subscribers are told about renewals: each notice is written down with the fact that has it sent."""

from datetime import datetime
from typing import Literal

from events.subscriptions import RenewalNoticeDue
from functions.subscriptions.renewals import Renewal
from functions.subscriptions.store import plans, renewal_choices
from functions.subscriptions.store import renewals as store
from functions.subscriptions.store.rows import Row
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.connection import Connection

Kind = Literal["renewal", "reminder", "failed", "expired"]


def announce(db: Connection, renewal: Renewal, plan: Row, amount: int, now: datetime) -> None:
    """Tell what the next period costs, in fen, and ask for consent when that is more than was agreed to."""
    agreed = renewal_choices.agreed(db, renewal.subscription_id, plan["plan_id"])
    _tell(db, renewal, "renewal", plan, amount, needs_consent=agreed is None or agreed < amount, now=now)


def remind(db: Connection, renewal: Renewal, now: datetime) -> None:
    """Tell that the subscription ends with its period."""
    _tell(db, renewal, "reminder", _plan(db, renewal.plan_id), None, needs_consent=False, now=now)


def tell(db: Connection, renewal: Renewal, kind: Literal["failed", "expired"], now: datetime) -> None:
    """Tell that the period was not paid, and its order's link, or that the subscription has ended over it."""
    plan = _plan(db, renewal.order_plan_id or renewal.plan_id)
    needs_consent = renewal.means != "pay_link" and not renewal.consented
    _tell(db, renewal, kind, plan, renewal.open_amount, needs_consent=needs_consent, now=now)


def _plan(db: Connection, plan_id: int) -> Row:
    found = plans.find(db, plan_id)
    if found is None:
        raise LookupError(plan_id)
    plan: Row = found["plan"]
    return plan


def _tell(
    db: Connection, renewal: Renewal, kind: Kind, plan: Row, amount: int | None, *, needs_consent: bool, now: datetime
) -> None:
    notice_id = store.notice(db, renewal.renewal_id, kind, plan["plan_id"], amount=amount, at=now)
    outbox.record(
        db,
        RenewalNoticeDue(
            event_id=new_ulid(),
            occurred_at=now,
            notice_id=notice_id,
            kind=kind,
            subscription_id=renewal.subscription_id,
            user_id=renewal.user_id,
            title=f"{plan['creator']['display_name']} · {plan['name']}",
            amount=amount,
            due_at=renewal.due_at,
            until=renewal.grace_until,
            means=renewal.means,
            needs_consent=needs_consent,
            order_no=renewal.order_no,
        ),
    )
