"""How memberships follow each other (docs/decisions/0080-memberships-in-a-row.md); no I/O.

What was bought of each level is used up while no higher one is there: a higher level starts at once, what is left of a lower
one goes on after it, and of the same level the first bought is used first. So whatever is bought moves the end of it all, from
now or from the end that was, whichever is later (rules.md §6).
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

from events.subscriptions import MembershipTerm
from shared.views.entitlements import MEMBERSHIP, EntitlementItem

Level = Literal["basic", "premium", "professional"]
HeldLevel = Literal["free", "basic", "premium", "professional"]
LEVELS: Final[tuple[Level, ...]] = ("basic", "premium", "professional")
"""Lowest first."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A membership that was paid: so many days of a level, with the permissions its plan had then."""

    id: int
    level: Level
    permissions: tuple[str, ...]
    days: int
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class Stretch:
    """Time without a break that one grant gives."""

    grant: Grant
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What someone holds at a moment; `expires_at` is when this level ends, whatever follows it."""

    level: HeldLevel
    expires_at: datetime | None
    permissions: tuple[str, ...]


FREE: Final = Standing("free", None, ())


def laid_out(grants: Sequence[Grant]) -> list[Stretch]:
    """What grants come to, in order of time. Without one of them it is what would have been, had it never been granted."""
    ordered = sorted(grants, key=lambda grant: (grant.granted_at, grant.id))
    left: list[tuple[Grant, timedelta]] = []
    stretches: list[Stretch] = []
    for number, grant in enumerate(ordered):
        left = sorted([*left, (grant, timedelta(days=grant.days))], key=lambda one: -LEVELS.index(one[0].level))
        until = ordered[number + 1].granted_at if number + 1 < len(ordered) else None
        left = _use(left, stretches, grant.granted_at, until)
    return stretches


def _use(
    left: list[tuple[Grant, timedelta]], stretches: list[Stretch], now: datetime, until: datetime | None
) -> list[tuple[Grant, timedelta]]:
    """Use up what is left from `now` to `until` (None: to its end); what is left then."""
    for number, (grant, time) in enumerate(left):
        ends = now + time if until is None else min(now + time, until)
        if ends > now:
            _append(stretches, Stretch(grant, now, ends))
        if ends - now < time:
            return [(grant, time - (ends - now)), *left[number + 1 :]]
        now = ends
    return []


def _append(stretches: list[Stretch], new: Stretch) -> None:
    last = stretches[-1] if stretches else None
    if last is not None and last.grant is new.grant and last.ends_at == new.starts_at:
        stretches[-1] = replace(last, ends_at=new.ends_at)
    else:
        stretches.append(new)


def coming(stretches: Sequence[Stretch], at: datetime) -> list[Stretch]:
    """The stretch that runs at a moment and those that follow it without a gap; none when none runs."""
    ahead = [stretch for stretch in stretches if stretch.ends_at > at]
    if not ahead or ahead[0].starts_at > at:
        return []
    whole = 1 + next((n for n, (one, two) in enumerate(pairwise(ahead)) if two.starts_at > one.ends_at), len(ahead) - 1)
    return ahead[:whole]


def standing(stretches: Sequence[Stretch], at: datetime) -> Standing:
    """What someone holds at a moment."""
    ahead = coming(stretches, at)
    if not ahead:
        return FREE
    now = ahead[0].grant
    of_level = next((n for n, one in enumerate(ahead) if one.grant.level != now.level), len(ahead))
    return Standing(now.level, ahead[of_level - 1].ends_at, now.permissions)


def terms(grants: Sequence[Grant]) -> list[MembershipTerm]:
    """What counts from the last grant on, whenever it is asked for; neighbours that give the same are one.

    Behind the last grant there is no gap, so whoever reads them needs no beginnings.
    """
    last = max((grant.granted_at for grant in grants), default=None)
    told: list[MembershipTerm] = []
    for stretch in laid_out(grants):
        if last is not None and stretch.ends_at <= last:
            continue
        term = MembershipTerm(level=stretch.grant.level, permissions=list(stretch.grant.permissions), until=stretch.ends_at)
        if told and (told[-1].level, told[-1].permissions) == (term.level, term.permissions):
            told.pop()
        told.append(term)
    return told


@dataclass(frozen=True, slots=True)
class Membership:
    """Someone's membership as of `version`, for the read model."""

    uid: int
    terms: Sequence[MembershipTerm]
    version: int
    scope_id: int = 0

    def item(self) -> EntitlementItem:
        """The item of the read model; whole seconds, rounded up so that no paid moment is lost."""
        terms = [(math.ceil(term.until.timestamp()), term.permissions) for term in self.terms]
        return EntitlementItem(
            f"U#{self.uid}",
            MEMBERSHIP,
            source="membership",
            valid_until=terms[-1][0] if terms else None,
            terms=json.dumps(terms),
            revoked=int(not terms),
            version=self.version,
        )
