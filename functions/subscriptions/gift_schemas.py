"""What gifts receive and send. Amounts are fen."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from functions.subscriptions.schemas import PlanOut, SubscriptionOut
from shared.http.envelope import Id, In, Out

GiftStatus = Literal["pending", "expired", "paid", "redeemed", "refunded"]


class GiveIn(In):
    """SUB-037."""

    plan_id: Id
    periods: Annotated[int, Field(ge=1, le=36)] = 1
    message: Annotated[str, Field(min_length=1, max_length=500)] | None = None


class RedeemIn(In):
    """SUB-038."""

    redeem_code: Annotated[str, Field(min_length=1, max_length=64)]


class GiftOut(Out):
    """The contract's Gift. A code is there once payments has said that its order is paid."""

    gift_id: int
    order_no: str
    status: GiftStatus
    redeem_code: str | None


class GiftBriefOut(Out):
    """A gift among others, without its code."""

    gift_id: int
    order_no: str
    status: GiftStatus
    plan: PlanOut
    periods: int
    amount: int
    message: str | None
    paid_at: datetime | None
    redeemed_at: datetime | None
    created_at: datetime


class OwnGiftOut(GiftBriefOut):
    """One own gift with its code, as long as that is worth something or was."""

    redeem_code: str | None


class RedeemedOut(SubscriptionOut):
    """SUB-038: what the gift gave, and what its giver wrote."""

    message: str | None
