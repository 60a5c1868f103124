"""Settlement: earnings past their hold become available, less what refunds of settled earnings still owe."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from events.finance import EarningsSettled
from functions.finance import models
from functions.finance.models import Debt, Entry, creator_account
from functions.finance.service import merging
from functions.finance.store import ledger, settlements
from functions.finance.store.settlements import Batch, Due
from shared import clock, observe
from shared.ids import new_ulid
from shared.sql import outbox
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work

MOST: Final = 2_000
"""Earnings that one transaction settles, so that a creator with a million of them takes no more memory than one with few."""


@dataclass(frozen=True, slots=True)
class Period:
    """Days in Shanghai on which the settled orders were paid, both included; `creator_ids` None means everyone."""

    start: date
    end: date
    creator_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What is settled: all that is past its hold, or of it what was paid in a period; and in which run."""

    period: Period | None = None
    run: str | None = None


ALL: Final = Scope()


def settle_period(period: Period, on_progress: Callable[[int], None]) -> list[int]:
    """Settle what was paid in a period, telling the percentage done; returns the creators that failed."""
    since, until = models.day_start(period.start), models.day_end(period.end)
    with reading() as db:
        creators = settlements.creators_due_of(db, clock.now(), since, until, period.creator_ids)
    return settle_each(creators, Scope(period), on_progress)


def settle_each(creators: Sequence[int], scope: Scope, on_progress: Callable[[int], None] = lambda _: None) -> list[int]:
    """Settle creator by creator; one's failure leaves the others alone. Returns those who failed."""
    failed = []
    for done, creator_id in enumerate(creators, 1):
        try:
            while _settle_some(creator_id, scope):
                pass
        except Exception:  # noqa: BLE001 - whatever it is, it concerns this creator alone
            observe.error("settlement failed", creator_id=creator_id)
            observe.count("settlement_failed")
            failed.append(creator_id)
        on_progress(100 * done // len(creators))
    return failed


def _settle_some(creator_id: int, scope: Scope) -> bool:
    with unit_of_work() as db:
        return settle_creator(db, creator_id, scope)


def settle_creator(db: Connection, creator_id: int, scope: Scope = ALL) -> bool:
    """Move what is due from pending to available, and collect debts as far as the money reaches; whether more may be due."""
    now, period = clock.now(), scope.period
    window = (None, None) if period is None else (models.day_start(period.start), models.day_end(period.end))
    way = merging.hops(db, creator_id)
    due = settlements.lock_due(db, creator_id, now=now, since=window[0], until=window[1], most=MOST)
    own = ledger.balances(db, creator_id)["available"]
    elsewhere = ledger.balances(db, way[-1].into_uid)["available"] if way else 0
    debts = _collectable(settlements.lock_debts(db, creator_id), due.creator_amount + own + elsewhere)
    if not due.earning_ids and not debts:
        return False
    batch = _batch(creator_id, due, debts, scope)
    settlement_id, number = settlements.add_batch(db, batch, now)
    if own + batch.creator_amount < 0:
        merging.draw(db, way, -(own + batch.creator_amount), f"debt:{settlement_id}:{number}")
    ledger.post(
        db,
        Entry(
            reference=f"settlement:{settlement_id}:{number}",
            kind="settlement",
            ref_type="settlement",
            ref_id=str(settlement_id),
            at=now,
            lines={
                creator_account(creator_id, "pending"): -batch.creator_amount,
                creator_account(creator_id, "available"): batch.creator_amount,
            },
        ),
    )
    merging.forward(db, creator_id, f"settlement:{settlement_id}:{number}")
    outbox.record(
        db,
        EarningsSettled(
            event_id=new_ulid(),
            occurred_at=now,
            settlement_id=settlement_id,
            creator_id=creator_id,
            amount=batch.creator_amount,
            settled_at=now,
        ),
    )
    return len(due.earning_ids) == MOST


def _collectable(debts: Sequence[Debt], money: int) -> list[Debt]:
    """The debts that can be paid whole, oldest first; a balance is never driven below zero for one."""
    taken = []
    for debt in debts:
        if debt.creator_amount <= money:
            taken.append(debt)
            money -= debt.creator_amount
    return taken


def _batch(creator_id: int, due: Due, debts: Sequence[Debt], scope: Scope) -> Batch:
    period = scope.period
    days = [day for day in (due.first_day, due.last_day) if day] or [debt.day for debt in debts]
    return Batch(
        creator_id=creator_id,
        period_start=period.start if period else min(days),
        period_end=period.end if period else max(days),
        gross=due.gross,
        refund=due.refund + sum(debt.gross for debt in debts),
        channel_fee=due.channel_fee - sum(debt.channel_fee for debt in debts),
        platform_amount=due.platform_amount - sum(debt.platform_amount for debt in debts),
        creator_amount=due.creator_amount - sum(debt.creator_amount for debt in debts),
        earning_ids=due.earning_ids,
        refund_ids=[debt.refund_id for debt in debts],
        run=scope.run,
    )
