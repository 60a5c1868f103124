"""Income of platform memberships, shared among creators month by month and by rule, to the fen.

A month is shared once, when what was bought in it cannot be refunded any more. What goes back later lowers the month in
which it does; a month with less than nothing shares nothing.
"""

from datetime import date, timedelta
from typing import Final

from functions.finance import models
from functions.finance.errors import CreatorNotFound, EffectiveFromInPast
from functions.finance.models import INCOME, Entry
from functions.finance.store import ledger
from functions.finance.store import pool as store
from functions.finance.store.pool import Rule, Split
from shared import clock, observe
from shared.money import Money
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work
from shared.sql.tunables import tunable

POOL: Final = "platform:pool"
"""Between the platform's income and the creators' shares: empty but while a month is being shared."""


def set_rule(db: Connection, by: int, rule: Rule, weights: list[tuple[int, int]], reason: str | None) -> None:
    """Store the rule of this month or a later one. Raises EffectiveFromInPast, CreatorNotFound."""
    now = clock.now()
    if rule.effective_from < models.shanghai_day(now).replace(day=1):
        raise EffectiveFromInPast
    if unknown := store.unknown_creators(db, [creator for creator, _ in weights]):
        raise CreatorNotFound(creator_ids=unknown[:10])
    store.set_rule(db, rule, weights, by=by, reason=reason, now=now)


def preview(db: Connection, month: date) -> tuple[Split, bool] | None:
    """What a month came to, or would if it were shared now; and whether it was. None where no rule is in force."""
    done = store.split_of(db, month)
    if done is not None:
        return done, True
    found = _compute(db, month)
    return None if found is None else (found[0], False)


def split_due() -> int:
    """Share every month that is over and past its refunds, each in its own transaction; how many were."""
    with reading() as db:
        days = timedelta(days=tunable(db, "payment.refund_days") + 1)
        settled = models.shanghai_day(clock.now() - days).replace(day=1)
        months = store.unsplit_months(db, settled - timedelta(days=1))
    done = 0
    for month in months:
        with unit_of_work() as db:
            done += _split(db, month)
    return done


def _split(db: Connection, month: date) -> bool:
    found = _compute(db, month)
    if found is None:
        return False
    split, shares = found
    now = clock.now()
    if not store.add_split(db, split, now):
        return False
    if shares:
        name = f"pool:{month:%Y-%m}"
        ledger.post(db, Entry(name, "pool", "pool", name, now, {INCOME: -split.amount, POOL: split.amount}))
        store.add_shares(db, name, shares, now)
    observe.info("pool was shared", month=month.isoformat(), amount=split.amount, creators=split.creators)
    return True


def _compute(db: Connection, month: date) -> tuple[Split, list[tuple[int, int]]] | None:
    rule = store.rule_of(db, month)
    if rule is None:
        return None
    since = models.day_start(month)
    until = models.day_start((month + timedelta(days=31)).replace(day=1))
    income = store.income(db, since, until)
    amount = Money(max(income, 0)).floor_bp(rule.share_bp)
    members = store.members(db, rule, since, until) if amount.minor else []
    parts = amount.allocate([weight for _, weight in members]) if members else []
    shares = [(creator, part.minor) for (creator, _), part in zip(members, parts, strict=True) if part.minor]
    total = sum(part for _, part in shares)
    return Split(month, rule.way, rule.share_bp, income, total, len(shares)), shares
