"""Automatic renewal, as its user sees and switches it."""

from functions.subscriptions.errors import (
    AlreadyDisabled,
    PlanArchived,
    PriceChanged,
    SubscriptionNotActive,
    SubscriptionNotFound,
)
from functions.subscriptions.renewal_schemas import RenewalOut, RenewBy
from functions.subscriptions.schemas import SubscriptionOut
from functions.subscriptions.service import expiry, renewal_answers, standing
from functions.subscriptions.service.views import subscription_out
from functions.subscriptions.states import GIVES_ACCESS
from functions.subscriptions.store import life
from functions.subscriptions.store import renewal_choices as choices
from functions.subscriptions.store import subscriptions as store
from functions.subscriptions.store.rows import Row, lock_user
from shared import clock
from shared.sql.connection import Connection
from shared.views import prices


def turn_off(db: Connection, user_id: int, subscription_id: int) -> SubscriptionOut:
    """Let an own subscription end with its period instead of being renewed. Raises AlreadyDisabled."""
    lock_user(db, user_id)
    row = _own(db, user_id, subscription_id)
    if not row["auto_renew"]:
        raise AlreadyDisabled
    life.stop_renewing(db, subscription_id, clock.now())
    standing.tell_renewal_changed(db, subscription_id)
    return subscription_out(row | {"auto_renew": False})


def turn_on(
    db: Connection, user_id: int, subscription_id: int, renew_means: RenewBy, agreement_id: int | None = None
) -> SubscriptionOut:
    """Let an own subscription be renewed from now on: by an agreement once that is signed, else from the balance or by a link.

    Its user thereby agrees to the present prices of its plan and of the one chosen next. What is being collected is tried
    anew at once. Raises SubscriptionNotActive, and PlanArchived for one that cannot go on.
    """
    now = clock.now()
    lock_user(db, user_id)
    row = _own(db, user_id, subscription_id)
    if row["status"] not in GIVES_ACCESS or expiry.is_over(row, now):
        raise SubscriptionNotActive(status=row["status"])
    if row["plan"]["status"] == "archived":
        raise PlanArchived
    choices.turn_on(db, subscription_id, renew_means, agreement_id, now)
    choices.agree_to_plans(db, subscription_id, now)
    standing.tell_renewal_changed(db, subscription_id)
    renewal_answers.means_changed(db, subscription_id)
    return subscription_out(_own(db, user_id, subscription_id))


def consent(db: Connection, user_id: int, subscription_id: int, amount: int) -> RenewalOut:
    """Agree to what the next period costs, in fen, as it was shown. Raises PriceChanged when it costs something else."""
    lock_user(db, user_id)
    shown = look(db, user_id, subscription_id)
    if shown.amount is None or shown.plan_id is None:
        raise SubscriptionNotActive
    if amount != shown.amount:
        raise PriceChanged(expected=shown.amount)
    choices.agree(db, subscription_id, shown.plan_id, amount, clock.now())
    renewal_answers.look_again(db, subscription_id, clock.now())
    return look(db, user_id, subscription_id)


def look(db: Connection, user_id: int, subscription_id: int) -> RenewalOut:
    """How and when an own subscription is renewed next, and how far that is; `amount` is None when it is not."""
    row = _own(db, user_id, subscription_id)
    state = choices.state(db, subscription_id)
    if state is None:
        raise SubscriptionNotFound
    amount, plan_id = state.pop("open_amount"), state.pop("order_plan_id") or row["next_plan_id"] or row["plan"]["plan_id"]
    if amount is None and state["renews"] and row["status"] in GIVES_ACCESS:
        price = prices.quote(db, prices.Wish("plan", plan_id, user_id), clock.now())
        amount = None if price is None else price.payable
    agreed = choices.agreed(db, subscription_id, plan_id)
    return RenewalOut.model_construct(
        **state,
        subscription_id=subscription_id,
        plan_id=plan_id,
        amount=amount,
        needs_consent=amount is not None and (agreed is None or agreed < amount),
    )


def _own(db: Connection, user_id: int, subscription_id: int) -> Row:
    row = store.find(db, subscription_id, user_id)
    if row is None:
        raise SubscriptionNotFound
    return row
