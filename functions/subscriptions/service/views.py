"""Rows as the contract's objects."""

from collections.abc import Mapping
from typing import Any

from functions.subscriptions.schemas import PlanOut, SubscriptionOut
from functions.subscriptions.states import LIVE
from shared.views.profiles import UserBrief

_SAME = tuple(name for name in SubscriptionOut.model_fields if name not in {"plan", "next_renewal_at"})


def plan_out(plan: dict[str, Any]) -> PlanOut:
    """The contract's Plan of a plan's JSON."""
    return PlanOut.model_construct(**(plan | {"creator": UserBrief.model_construct(**plan["creator"])}))


def subscription_out(row: Mapping[str, Any]) -> SubscriptionOut:
    """The contract's Subscription of its row."""
    ends = row["cancel_at_period_end"] or row.get("pause_at_period_end")
    renews = row["auto_renew"] and row["status"] in LIVE and not ends
    return SubscriptionOut.model_construct(
        **{name: row[name] for name in _SAME},
        plan=plan_out(row["plan"]),
        next_renewal_at=row["current_period_end"] if renews else None,
    )
