"""What the routes of renewals receive and send. Amounts are fen."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from shared.http.envelope import In, Out

RenewBy = Literal["balance", "pay_link"]


class RenewIn(In):
    """Renew from now on, and by what."""

    means: RenewBy


class ConsentIn(In):
    """The price that was shown, in fen."""

    amount: Annotated[int, Field(ge=0, le=2**53)]


class RenewalOut(Out):
    """The next renewal of a subscription.

    `due_at` is when the period ends. `notified_at` is when the notice of the debit was sent; no debit is made before the days
    that must lie between. `order_no` is the order that pays it, also by hand, while it is open.
    """

    subscription_id: int
    renews: bool
    means: Literal["agreement", "balance", "pay_link"]
    due_at: datetime | None
    plan_id: int
    amount: int | None
    needs_consent: bool
    notified_at: datetime | None
    order_no: str | None
    tries: int
    failure: str | None
    next_attempt_at: datetime | None
    grace_until: datetime | None
