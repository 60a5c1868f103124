"""What the renewal of one period needs next: its row and the subscription's, the terms and the time in, a step out; no I/O.

Everything about collecting a renewal is decided here. The workflow only wakes it up; whoever asks twice, or while somebody
else does, finds the rows as they are by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from functions.subscriptions import prenotices
from functions.subscriptions.states import GIVES_ACCESS, Status

Means = Literal["agreement", "balance", "pay_link"]

HEADSTART = timedelta(hours=1)
"""The notice goes out this much earlier than it must, so that it is sent in time; and access is prolonged this much before
the period ends, so that it never flickers while the order is opened."""
LOOKS = timedelta(hours=1)
"""How long to wait between two looks at what somebody else is to answer."""
_LAST_ANSWER = timedelta(days=1)
"""How long the last try may take to be answered before access ends."""


class Step(StrEnum):
    """What comes next."""

    ANNOUNCE = "announce"
    TELL_VENDOR = "tell_vendor"
    PROLONG = "prolong"
    OPEN_ORDER = "open_order"
    DEBIT = "debit"
    FALL_BEHIND = "fall_behind"
    LAPSE = "lapse"
    LET_GO = "let_go"
    DROP = "drop"
    WAIT = "wait"
    END = "end"


@dataclass(frozen=True, slots=True)
class Terms:
    """How long before a debit its notice must have been sent, and when after the first try the others follow."""

    notice: timedelta
    retries: tuple[timedelta, ...]

    @classmethod
    def of_days(cls, notice_days: int, retry_days: Sequence[int]) -> "Terms":
        """The terms as the settings have them."""
        return cls(timedelta(days=notice_days), tuple(timedelta(days=days) for days in retry_days))

    def begins(self, due_at: datetime) -> datetime:
        """When the renewal of a period that ends at `due_at` begins, with its notice."""
        return due_at - self.notice - HEADSTART

    def grace(self, first_try: datetime) -> datetime:
        """Until when access is kept for a renewal that is first tried then."""
        return first_try + max(self.retries, default=timedelta()) + _LAST_ANSWER

    def next_try(self, first_try: datetime, failed_at: datetime) -> datetime | None:
        """When to try again after a failure; None when that was the last time."""
        return next((at for retry in sorted(self.retries) if (at := first_try + retry) > failed_at), None)


@dataclass(frozen=True, slots=True)
class Renewal:
    """A renewal and what it depends on, as one look at the rows shows it. Amounts are fen.

    `renews`: its subscriber wants it renewed. `announced_amount` and `notified_at` are those of the last notice before the
    debit. `open_amount` is what its order asks, None when there is none or it ended unpaid; `agreed` what the subscriber
    agreed to pay for that order's plan without being asked. Of the debits `tries` were asked for, `in_flight` says that the
    last one is unanswered, `hard` that trying it again cannot help. Where the means is WeChat's (`foretold`): until when a
    debit needs no telling, whether WeChat is being told, when it was told last and of what amount, whether it will not hear.
    """

    renewal_id: int
    subscription_id: int
    user_id: int
    plan_id: int
    next_plan_id: int | None
    due_at: datetime
    stage: str
    status: Status
    period_end: datetime
    renews: bool
    ends: bool
    grace_until: datetime | None
    announced: bool
    announced_amount: int | None
    notified_at: datetime | None
    order_no: str | None
    order_plan_id: int | None
    open_amount: int | None
    agreed: int | None
    means: Means
    agreement_id: int | None
    tries: int
    in_flight: bool
    hard: bool
    reason: str | None
    first_try: datetime | None
    next_attempt_at: datetime | None
    foretold: bool
    exempt_until: datetime | None
    telling: bool
    told_at: datetime | None
    told_amount: int | None
    untellable: bool

    @property
    def consented(self) -> bool:
        """Whether what the open order asks was agreed to."""
        return self.open_amount is not None and self.agreed is not None and self.open_amount <= self.agreed

    @property
    def automatic(self) -> bool:
        """Whether the order may be debited without its subscriber doing anything."""
        stopped = self.hard and self.next_attempt_at is None
        return self.renews and self.means != "pay_link" and self.consented and not stopped and not self.untellable

    def first_possible(self, terms: Terms) -> datetime | None:
        """The first moment a debit is lawful; None while no notice of its amount was sent."""
        if self.notified_at is None or self.announced_amount is None or self.announced_amount < (self.open_amount or 0):
            return None
        return max(self.due_at, self.notified_at + terms.notice)


def next_step(renewal: Renewal, terms: Terms, now: datetime) -> tuple[Step, datetime]:
    """What comes next; for WAIT, until when."""
    if renewal.stage != "open":
        return Step.END, now
    if renewal.period_end != renewal.due_at or renewal.status not in GIVES_ACCESS:
        return Step.DROP, now
    return _before_due(renewal, terms, now) if renewal.order_no is None else _collect(renewal, terms, now)


def _before_due(renewal: Renewal, terms: Terms, now: datetime) -> tuple[Step, datetime]:
    if now >= renewal.due_at:
        return (Step.OPEN_ORDER if renewal.renews else Step.LET_GO), now
    if not renewal.ends and (not renewal.announced or (renewal.renews and renewal.announced_amount is None)):
        return Step.ANNOUNCE, now
    if not renewal.renews:
        return Step.WAIT, renewal.due_at
    tells_at = _telling_of_the_first(renewal, terms, now)
    if tells_at <= now:
        return Step.TELL_VENDOR, now
    near = now >= renewal.due_at - HEADSTART
    if near and renewal.grace_until is None:
        return Step.PROLONG, now
    # Also who is not to be told of yet is looked at when it would be time: the notice or an agreement may come till then.
    usual = prenotices.tell_from(renewal.due_at)
    wakes = (tells_at, usual, renewal.due_at - HEADSTART, renewal.due_at)
    return Step.WAIT, min(at for at in wakes if at > now)


def _telling_of_the_first(renewal: Renewal, terms: Terms, now: datetime) -> datetime:
    """When the vendor is to be told of the debit at the period's end; that end when it is not, or not yet."""
    lawful, amount = renewal.first_possible(terms), renewal.announced_amount
    if lawful is None or amount is None or renewal.agreed is None or amount > renewal.agreed or renewal.untellable:
        return renewal.due_at
    step, at = debits(renewal, amount, lawful, now)
    return at if step is Step.TELL_VENDOR else renewal.due_at


def debits(renewal: Renewal, amount: int, at: datetime, now: datetime) -> tuple[Step, datetime]:
    """What comes first on the way to a debit planned for `at`, and when: it, telling its vendor, or waiting for that."""
    at = max(at, now)
    if not renewal.foretold or not amount or (renewal.exempt_until is not None and at < renewal.exempt_until):
        return Step.DEBIT, at
    if renewal.telling:
        return Step.WAIT, now + LOOKS
    if renewal.told_at is not None and renewal.told_amount is not None and amount <= renewal.told_amount:
        covered = max(at, prenotices.debit_from(renewal.told_at))
        if covered < prenotices.debit_until(renewal.told_at):
            return Step.DEBIT, covered
    return Step.TELL_VENDOR, prenotices.may_tell(max(now, prenotices.tell_from(at)))


def _collect(renewal: Renewal, terms: Terms, now: datetime) -> tuple[Step, datetime]:
    """The order is open and unpaid, as far as is known."""
    if renewal.in_flight:
        return Step.WAIT, now + LOOKS
    behind = renewal.tries > 0 or not renewal.automatic
    if behind and renewal.status != "past_due":
        return (Step.LET_GO if renewal.status == "trialing" else Step.FALL_BEHIND), now
    exhausted = renewal.tries > 0 and not renewal.hard and renewal.next_attempt_at is None
    grace_until = renewal.grace_until or now
    if exhausted or now >= grace_until:
        return Step.LAPSE, now
    if not renewal.automatic:
        return Step.WAIT, grace_until
    lawful = renewal.first_possible(terms)
    if lawful is None:
        return Step.WAIT, min(now + LOOKS, grace_until)
    step, at = debits(renewal, renewal.open_amount or 0, max(lawful, renewal.next_attempt_at or lawful), now)
    return (step, now) if now >= at else (Step.WAIT, min(at, grace_until))
