"""What the routes of agreements receive and send. Amounts are fen."""

from datetime import date, datetime
from typing import Literal

from functions.subscriptions.agreements import AgreementChannel, AgreementStatus, EndReason
from functions.subscriptions.schemas import SubscriptionOut
from shared.http.envelope import In, Out


class AutoRenewIn(In):
    """SUB-010."""

    channel: AgreementChannel


class SigningOut(Out):
    """Where an agreement stands; `sign_url` is the vendor's page, while it waits for its subscriber."""

    status: Literal["signing", "signed"]
    sign_url: str | None


class AutoRenewOut(Out):
    """SUB-010."""

    subscription: SubscriptionOut
    agreement: SigningOut


class AgreementOut(Out):
    """An own agreement: what was agreed, and what became of it."""

    agreement_id: int
    subscription_id: int
    channel: AgreementChannel
    status: AgreementStatus
    single_amount: int
    period_months: int
    debit_day: date | None
    signed_at: datetime | None
    ended_at: datetime | None
    end_reason: EndReason | None
    created_at: datetime
