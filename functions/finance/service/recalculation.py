"""Earnings of a period computed again (FIN-001). What differs is proposed as an adjustment per creator; no line is ever edited.

A sale or a refund whose fact was not heard yet is counted, not corrected: the fact will book it. The channel's fee is what
was booked, since reconciliation owns it, unless the amount itself differs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from functions.finance import models
from functions.finance.errors import PeriodSettled
from functions.finance.models import INCOME, Shares, creator_account
from functions.finance.service import adjustments
from functions.finance.service.sales import FREE_CHANNELS
from functions.finance.store import recalculation as store
from functions.finance.store.adjustments import Adjustment
from functions.finance.store.recalculation import Line
from shared import clock, observe
from shared.errors import Refusal
from shared.money import Money
from shared.pricing import platform_discount
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work
from shared.sql.tunables import tunable

_AT_ONCE: Final = 1_000
_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Calculation:
    """Days in Shanghai on which the orders were paid, both included; one creator or all; to tell, or to propose too."""

    start: date
    end: date
    creator_id: int | None
    dry_run: bool
    operator: int


@dataclass
class Found:
    """Sums of what the lines should be, net of refunds, and what differs: earning and creator's amount."""

    creators: int = 0
    gross: int = 0
    channel_fee: int = 0
    creator_amount: int = 0
    platform_amount: int = 0
    unheard_refunds: int = 0
    differing: int = 0
    difference: int = 0
    shown: list[dict[str, Any]] = field(default_factory=list)
    proposed: list[int] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)


def check(db: Connection, asked: Calculation) -> None:
    """Raises PeriodSettled when differences of a period that is settled to the last sale should be proposed."""
    since, until = models.day_start(asked.start), models.day_end(asked.end)
    if not asked.dry_run and store.is_settled(db, since, until, asked.creator_id):
        raise PeriodSettled


def run(asked: Calculation, on_progress: Callable[[int], None]) -> tuple[list[int], dict[str, Any]]:
    """Compute creator by creator, each in its own transaction; the creators that failed, and the job's result.

    Repeated, it finds what it proposed and proposes it no second time.
    """
    since, until = models.day_start(asked.start), models.day_end(asked.end)
    found, failed = Found(), []
    with reading() as db:
        creators = store.creators(db, since, until, asked.creator_id)
        unheard = store.unheard_orders(db, since, until, asked.creator_id)
    for done, creator_id in enumerate(creators, 1):
        try:
            with unit_of_work() as db:
                _creator(db, creator_id, asked, found)
        except Exception:  # noqa: BLE001 - whatever it is, it concerns this creator alone
            observe.error("recalculation failed", creator_id=creator_id)
            failed.append(creator_id)
        on_progress(100 * done // len(creators))
    return failed, vars(found) | {"unheard_orders": unheard}


def _creator(db: Connection, creator_id: int, asked: Calculation, found: Found) -> None:
    store.lock(db, creator_id)
    fee_bp = int(tunable(db, "payment.channel_fee_bp"))
    corrections: list[tuple[int, int]] = []
    for line in _lines(db, creator_id, models.day_start(asked.start), models.day_end(asked.end)):
        should = expected(line, fee_bp)
        found.gross += should.gross.minor
        found.channel_fee += should.channel_fee.minor
        found.creator_amount += should.creator.minor
        found.platform_amount += should.platform.minor
        found.unheard_refunds += (line.refunded or 0) > line.reversed.charged.minor
        booked = line.shares.creator.minor - line.reversed.creator.minor + line.corrected
        if should.creator.minor != booked:
            corrections.append((line.earning_id, should.creator.minor - booked))
            if len(found.shown) < _SHOWN:
                found.shown.append({"order_no": line.order_no, "creator_id": creator_id, "creator_amount": booked,
                                    "expected": should.creator.minor})  # fmt: skip
    found.creators += 1
    found.differing += len(corrections)
    found.difference += sum(amount for _, amount in corrections)
    if not asked.dry_run:
        _propose(db, creator_id, asked, corrections, found)


def expected(line: Line, fee_bp: int) -> Shares:
    """How a sale should be divided, less what was reversed of it: by its order's amounts and the rate of its day. Pure."""
    charged = line.shares.charged if line.charged is None else Money(line.charged)
    discount = line.shares.discount if line.price_lines is None else Money(platform_discount(line.price_lines))
    if (charged, discount) == (line.shares.charged, line.shares.discount):
        gross, fee = line.shares.gross, line.shares.channel_fee
        creator = (gross - fee).floor_bp(line.rate_bp)
        whole = Shares(gross, fee, gross - fee - creator, creator, discount)
    else:
        fee_bp = 0 if line.channel in FREE_CHANNELS else fee_bp
        whole = Shares.of_sale(charged, fee_bp=fee_bp, rate_bp=line.rate_bp, discount=discount)
    return whole.minus(whole.of_refund(Money(min(line.reversed.charged.minor, charged.minor))))


def _lines(db: Connection, creator_id: int, since: datetime, until: datetime) -> Iterator[Line]:
    after, now = (since, 0), clock.now()
    while some := store.lines(db, creator_id, after=after, until=until, now=now, most=_AT_ONCE):
        yield from some
        after = some[-1].paid_at, some[-1].earning_id


def _propose(db: Connection, creator_id: int, asked: Calculation, corrections: list[tuple[int, int]], found: Found) -> None:
    """One adjustment between the platform's income and the creator, for a second person to decide; what is refused is told."""
    difference = sum(amount for _, amount in corrections)
    if not difference:
        return
    own = creator_account(creator_id, "available")
    source, target = (INCOME, own) if difference > 0 else (own, INCOME)
    until = clock.now() + timedelta(days=adjustments.DAYS)
    adjustment = Adjustment(0, "CNY", source, target, abs(difference), "proposed", asked.operator, until)
    try:
        with db.transaction():
            number = adjustments.propose(
                db, asked.operator, adjustment, f"earnings of {asked.start} to {asked.end} recalculated"
            )
            store.add_corrections(db, number, corrections)
    except Refusal as refusal:
        found.refused.append({"creator_id": creator_id, "difference": difference, "error": refusal.error})
        return
    found.proposed.append(number)
