"""What staff agree with a creator: share rates from a day on, and how long earnings are held. Neither changes what is booked."""

from dataclasses import dataclass
from datetime import date

from functions.finance import models, sources
from functions.finance.errors import CreatorNotFound, EffectiveFromInPast
from functions.finance.store import terms
from shared import clock
from shared.sql.connection import Connection
from shared.sql.tunables import tunable


@dataclass(frozen=True, slots=True)
class Rate:
    """A share rate in basis points and its first day in Shanghai; `kind` None holds for whatever has none of its own."""

    rate_bp: int
    effective_from: date
    kind: sources.RateKind | None


def set_rate(db: Connection, by: int, creator_id: int, rate: Rate, reason: str | None) -> int | None:
    """Store a rate; what was set for the same kind and day before. Raises CreatorNotFound, EffectiveFromInPast."""
    now = clock.now()
    if not terms.is_creator(db, creator_id):
        raise CreatorNotFound
    if rate.effective_from < models.shanghai_day(now):
        raise EffectiveFromInPast
    return terms.set_rate(
        db,
        creator_id=creator_id,
        kind=rate.kind or sources.ANY,
        rate_bp=rate.rate_bp,
        effective_from=rate.effective_from,
        by=by,
        reason=reason,
        now=now,
    )


def set_hold(db: Connection, by: int, creator_id: int, days: int | None, reason: str | None) -> int | None:
    """Hold what is sold from now on for so many days, None for the house's default; what it was. Raises CreatorNotFound."""
    if not terms.is_creator(db, creator_id):
        raise CreatorNotFound
    return terms.set_hold(db, creator_id=creator_id, days=days, by=by, reason=reason, now=clock.now())


def share(db: Connection, creator_id: int) -> tuple[int, int, list[Rate]]:
    """The creator's general rate today, the channel fee, and all rates the creator had or will have, the latest first."""
    today = models.shanghai_day(clock.now())
    history = [Rate(rate_bp, day, kind) for kind, rate_bp, day in terms.rates(db, creator_id)]
    in_force = (rate.rate_bp for rate in history if rate.kind is None and rate.effective_from <= today)
    rate_bp = next(in_force, tunable(db, "finance.creator_share_bp"))
    return rate_bp, tunable(db, "payment.channel_fee_bp"), history
