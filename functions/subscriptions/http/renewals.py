"""How an own subscription is renewed: looked at, switched on, and a higher price agreed to (additions, docs/renewals.md)."""

from fastapi import APIRouter

from functions.subscriptions.errors import PlanArchived, PriceChanged, SubscriptionNotActive, SubscriptionNotFound
from functions.subscriptions.renewal_schemas import ConsentIn, RenewalOut, RenewIn
from functions.subscriptions.schemas import SubscriptionOut
from functions.subscriptions.service import renewing
from shared.http.app import BASE
from shared.http.auth import SignedIn
from shared.http.envelope import Answer, PathId, answer
from shared.http.problems import problems
from shared.http.sql import Read, Write

router = APIRouter(prefix=BASE + "/subscriptions/renewals", tags=["subscriptions"])


@router.get("/{subscription_id:int}", responses=problems(SubscriptionNotFound))
async def read_renewal(subscription_id: PathId, caller: SignedIn, db: Read) -> Answer[RenewalOut]:
    """The next renewal: what it costs, by what it is paid, what was told and tried."""
    return answer(renewing.look(db, caller.uid, subscription_id))


@router.put("/{subscription_id:int}", responses=problems(SubscriptionNotFound, SubscriptionNotActive, PlanArchived))
async def renew(subscription_id: PathId, body: RenewIn, caller: SignedIn, db: Write) -> Answer[SubscriptionOut]:
    """Renew from the balance or by a link to pay, from now on. (SUB-010 renews by an agreement.)"""
    return answer(renewing.turn_on(db, caller.uid, subscription_id, body.means))


@router.post("/{subscription_id:int}/consent", responses=problems(SubscriptionNotFound, SubscriptionNotActive, PriceChanged))
async def consent(subscription_id: PathId, body: ConsentIn, caller: SignedIn, db: Write) -> Answer[RenewalOut]:
    """Agree to a price that is higher than the one agreed to; without it nothing is debited, but the order may be paid."""
    return answer(renewing.consent(db, caller.uid, subscription_id, body.amount))
