"""The back office of risk control: its rules, and the payments they caught."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.payments import lists
from functions.payments.errors import AlreadyReviewed, RiskEventNotFound, RuleConfigInvalid
from functions.payments.risk import EventStatus, Rule
from functions.payments.risk_schemas import ReviewIn, RiskEventOut, RiskRuleBody, RulesIn
from functions.payments.service import risk
from functions.payments.store import risk as store
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, Id, Items, Page, PathId, answer
from shared.http.paging import Paging
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.sql import audit

router = APIRouter(prefix=BASE + "/admin/payments", tags=["payments"])


@router.get("/risk-rules")
async def list_rules(_caller: Annotated[Caller, staff("payment:read")], db: Read) -> Answer[Items[RiskRuleBody]]:
    """The rules of risk control."""
    return answer(_rules(store.rules(db)))


@router.put("/risk-rules", responses=problems(RuleConfigInvalid))
async def replace_rules(
    body: RulesIn, caller: Annotated[Caller, staff("payment:config")], context: Context, db: Write
) -> Answer[Items[RiskRuleBody]]:
    """Replace the rules of risk control as a whole; a rule that is left out is none any more."""
    wanted = [Rule(item.key, item.enabled, item.threshold, item.window_seconds, item.action) for item in body.items]
    before = risk.replace(db, wanted)
    audit.admin_operation(
        db,
        caller,
        context,
        "payment.risk_rules.replace",
        ("payment_risk_rules", None),
        before=[_rule(one).model_dump() for one in before],
        after=[_rule(one).model_dump() for one in wanted],
    )
    return answer(_rules(wanted))


@router.get("/risk-events")
async def list_events(
    _caller: Annotated[Caller, staff("payment:read")],
    db: Read,
    query: Paging,
    status: EventStatus | None = None,
    user_id: Annotated[Id | None, Query()] = None,
) -> Answer[Page[RiskEventOut]]:
    """Payments that a rule caught."""
    return answer(lists.RISK_EVENTS.page(db, query, {"status": status, "user_id": user_id}, lists.risk_event_row))


@router.post("/risk-events/{event_id:int}/review", responses=problems(RiskEventNotFound, AlreadyReviewed))
async def review_event(
    event_id: PathId, body: ReviewIn, caller: Annotated[Caller, staff("payment:write")], context: Context, db: Write
) -> Answer[RiskEventOut]:
    """Release an event, or confirm it: then no payment of its order starts any more."""
    event = risk.review(db, event_id, body.action, caller.uid, body.comment)
    audit.admin_operation(
        db,
        caller,
        context,
        f"payment.risk_event.{body.action}",
        ("payment_risk_event", event_id),
        order_no=event.order_no,
        rule_key=event.rule_key,
        comment=body.comment,
        before={"status": "open"},
        after={"status": event.status},
    )
    return answer(RiskEventOut.model_validate(event))


def _rule(rule: Rule) -> RiskRuleBody:
    return RiskRuleBody.model_construct(
        key=rule.key,
        enabled=rule.enabled,
        threshold=rule.threshold,
        window_seconds=rule.window_seconds,
        action=rule.action,
    )


def _rules(rules: list[Rule]) -> Items[RiskRuleBody]:
    return Items[RiskRuleBody].model_construct(items=[_rule(one) for one in rules])
