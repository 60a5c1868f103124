"""Withholding agreements as their subscriber makes and ends them (docs/agreements.md). No vendor is called in here.

What ends is used no more from that moment; `agreement_care` tells the vendor.
"""

from functions.subscriptions.agreement_errors import AgreementEnded, AgreementNotFound, AlreadyEnabled
from functions.subscriptions.agreement_schemas import AgreementOut, AutoRenewOut, SigningOut
from functions.subscriptions.agreements import OFFER_LIVES, AgreementChannel, debit_day, limit
from functions.subscriptions.errors import SubscriptionNotFound
from functions.subscriptions.gateways.base import Terms
from functions.subscriptions.gateways.registry import gateway
from functions.subscriptions.periods import MONTHS
from functions.subscriptions.schemas import SubscribedOut, SubscribeIn, SubscriptionOut
from functions.subscriptions.service import renewing
from functions.subscriptions.service.subscribing import find as find_subscription
from functions.subscriptions.store import agreements as store
from functions.subscriptions.store.agreements import Agreement
from functions.subscriptions.store.rows import Row, lock_user
from shared import clock
from shared.http.envelope import Page
from shared.ids import new_order_no
from shared.paging import PageQuery
from shared.sql.connection import Connection

_FIRST_LOOK = OFFER_LIVES / 10


def turn_on(db: Connection, user_id: int, subscription_id: int, channel: AgreementChannel) -> AutoRenewOut:
    """Renew an own subscription by an agreement: by a signed one that fits at once, else by one to be signed now.

    Raises SubscriptionNotActive, PlanArchived or AlreadyEnabled.
    """
    lock_user(db, user_id)
    subscription = find_subscription(db, user_id, subscription_id)
    state = _state(db, subscription_id)
    serves = (state["channel"], state["status"]) == (channel, "signed") and state["single_amount"] >= state["amount"]
    if subscription.auto_renew and serves:
        raise AlreadyEnabled
    amount, months = limit(channel, state["amount"]), MONTHS[state["interval"]]
    known = store.fitting(db, user_id, channel, state["amount"], months)
    if known is not None:
        return _answer(renewing.turn_on(db, user_id, subscription_id, state["renew_means"], known), None)
    waiting = store.signing(db, subscription_id)
    if waiting is not None and (waiting.channel != channel or waiting.single_amount < state["amount"]):
        store.end(db, waiting.agreement_id, "user", clock.now(), owed=True)
        waiting = None
    if waiting is None:
        waiting = _ask(db, user_id, subscription, channel=channel, amount=amount, months=months)
    # One that is signed goes on renewing until the new one is.
    bound = state["agreement_id"] if subscription.auto_renew and state["status"] == "signed" else waiting.agreement_id
    return _answer(renewing.turn_on(db, user_id, subscription_id, state["renew_means"], bound), _offered(db, waiting))


def adopt(db: Connection, user_id: int, wish: SubscribeIn, begun: SubscribedOut) -> SubscribedOut:
    """Let a new subscription be renewed by a signed agreement of the channel that was wished for, if there is one."""
    if wish.auto_renew and wish.channel in {"alipay", "wechat"}:
        channel: AgreementChannel = "alipay" if wish.channel == "alipay" else "wechat"
        plan = begun.subscription.plan
        known = store.fitting(db, user_id, channel, plan.amount, MONTHS[plan.interval])
        if known is not None:
            store.adopt(db, begun.subscription.subscription_id, known, clock.now())
    return begun


def end_unused(db: Connection, user_id: int) -> int:
    """End the agreements of a user that renew nothing any more; how many."""
    lock_user(db, user_id)
    return store.end_unused(db, user_id, clock.now())


def terminate(db: Connection, user_id: int, agreement_id: int) -> AgreementOut:
    """End an own agreement; what it renewed is renewed by a link from now on. Raises AgreementNotFound or AgreementEnded."""
    lock_user(db, user_id)
    found = store.find(db, agreement_id)
    if found is None or found.user_id != user_id:
        raise AgreementNotFound
    if found.status == "terminated":
        raise AgreementEnded
    store.end(db, agreement_id, "user", clock.now(), owed=True)
    page = listed(db, PageQuery(), user_id, status="terminated")
    return next(one for one in page.items if one.agreement_id == agreement_id)


def listed(db: Connection, query: PageQuery, user_id: int, *, status: str | None = None) -> Page[AgreementOut]:
    """Own agreements, newest first."""
    return store.OWN.page(db, query, {"user_id": user_id, "status": status}, lambda row: AgreementOut.model_construct(**row))


def _state(db: Connection, subscription_id: int) -> Row:
    state = store.renewed_by(db, subscription_id)
    if state is None:
        raise SubscriptionNotFound
    return state


def _ask(
    db: Connection, user_id: int, subscription: SubscriptionOut, *, channel: AgreementChannel, amount: int, months: int
) -> Agreement:
    now = clock.now()
    ends = subscription.current_period_end or now
    return store.open_signing(
        db,
        {
            "user_id": user_id,
            "subscription_id": subscription.subscription_id,
            "channel": channel,
            "external_no": new_order_no(),
            "single_amount": amount,
            "period_months": months,
            "debit_day": debit_day(max(ends, now)) if channel == "alipay" else None,
            "look_at": now + _FIRST_LOOK,
            "at": now,
        },
    )


def _offered(db: Connection, waiting: Agreement) -> str:
    """The vendor's page; the same address while it is fresh."""
    at, now = waiting.offered_at, clock.now()
    if at + OFFER_LIVES <= now:
        at = now
        store.offer_again(db, waiting.agreement_id, now)
    terms = Terms(
        agreement_id=waiting.agreement_id,
        external_no=waiting.external_no,
        user_id=waiting.user_id,
        single_amount=waiting.single_amount,
        period_months=waiting.period_months,
        debit_day=waiting.debit_day,
        at=at,
    )
    return gateway(waiting.channel).sign_url(terms)


def _answer(subscription: SubscriptionOut, sign_url: str | None) -> AutoRenewOut:
    signing = SigningOut.model_construct(status="signed" if sign_url is None else "signing", sign_url=sign_url)
    return AutoRenewOut.model_construct(subscription=subscription, agreement=signing)
