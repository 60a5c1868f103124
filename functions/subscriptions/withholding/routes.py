"""Renewal by agreement (SUB-010), own agreements, and what vendors say of them (additions, docs/agreements.md)."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse, Response

from functions.subscriptions.agreement_errors import AgreementEnded, AgreementNotFound, AlreadyEnabled, SignatureInvalid
from functions.subscriptions.agreement_schemas import AgreementOut, AutoRenewIn, AutoRenewOut
from functions.subscriptions.agreements import AgreementChannel, AgreementStatus
from functions.subscriptions.errors import PlanArchived, SubscriptionNotActive, SubscriptionNotFound
from functions.subscriptions.gateways.registry import gateway
from functions.subscriptions.service import agreement_care, agreements
from shared.http.app import BASE
from shared.http.auth import Signed, SignedIn
from shared.http.context import of_scope
from shared.http.envelope import Answer, Page, PathId, answer
from shared.http.idempotency import OnceOnly
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Steps, Write

router = APIRouter(prefix=BASE + "/subscriptions", tags=["subscriptions"])


@router.post(
    "/auto-renew/{subscription_id:int}",
    responses=problems(SubscriptionNotFound, SubscriptionNotActive, AlreadyEnabled, PlanArchived),
)
async def turn_on_renewal(
    subscription_id: PathId, body: AutoRenewIn, caller: SignedIn, db: Write, once: OnceOnly
) -> Answer[AutoRenewOut]:
    """Renew by an agreement with a vendor: at once by one that is signed, else as soon as its page was."""
    once.claim(db, caller)
    return once.keep(db, answer(agreements.turn_on(db, caller.uid, subscription_id, body.channel)), 200)


@router.get("/agreements")
async def list_agreements(
    *, caller: SignedIn, db: Read, query: Paging, status: Annotated[AgreementStatus | None, Query()] = None
) -> Answer[Page[AgreementOut]]:
    """Own agreements."""
    return answer(agreements.listed(db, query, caller.uid, status=status))


@router.post("/agreements/{agreement_id:int}/terminate", responses=problems(AgreementNotFound, AgreementEnded))
async def terminate_agreement(agreement_id: PathId, caller: SignedIn, db: Write) -> Answer[AgreementOut]:
    """End an own agreement: nothing is debited by it from now on, and the vendor is told."""
    return answer(agreements.terminate(db, caller.uid, agreement_id))


def _hear(channel: AgreementChannel, request: Request) -> Response:
    said = agreement_care.receive(channel, of_scope(request.scope).body)
    return Response(said, media_type=gateway(channel).media_type)


@router.post("/agreements/alipay/callback", response_class=PlainTextResponse, responses=problems(SignatureInvalid))
async def hear_alipay(request: Request, _signed: Signed, _steps: Steps) -> Response:
    """Alipay's notice that an agreement was signed or ended; anything but the agreed word makes it come again."""
    return _hear("alipay", request)


@router.post("/agreements/wechat/callback", response_class=PlainTextResponse, responses=problems(SignatureInvalid))
async def hear_wechat(request: Request, _signed: Signed, _steps: Steps) -> Response:
    """WeChat's notice of the same."""
    return _hear("wechat", request)
