"""Delivers notifications as vendors do: again and again along a ladder of waits, until answered as agreed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import count

from pydantic import BaseModel

from infra.local.sandbox.shelf import Shelf
from shared import clock

_LOOK_SECONDS = 0.05


class Delivery(BaseModel):
    """One notification on its way. `waits` are the seconds before each further attempt.

    `after` names a delivery that must have been tried before this one leaves.
    """

    id: str
    vendor: str
    numbers: list[str]
    url: str
    body: str
    expected: str
    due_at: datetime
    waits: list[float]
    attempts: int = 0
    after: str | None = None


Send = Callable[[Delivery], Awaitable[str]]
"""Makes one attempt and gives back the body of the 200, or a word about what came instead."""


class Courier:
    """Holds what is to be delivered; time is the product's clock, so that moving it brings resends forward."""

    def __init__(self, pending: Shelf[Delivery], send: Send) -> None:
        self._pending = pending
        self._send = send
        self._under_way: set[str] = set()
        self._ids = count(1 + max((int(delivery.id) for delivery in pending), default=0))

    def next_id(self) -> str:
        """An id for a new delivery; later ones sort higher."""
        return f"{next(self._ids):012d}"

    def post(self, delivery: Delivery) -> None:
        """Take over a delivery."""
        self._pending.keep(delivery.id, delivery)

    def pending(self, vendor: str) -> list[Delivery]:
        """What a vendor still has to deliver, oldest first."""
        return [delivery for delivery in self._pending if delivery.vendor == vendor]

    def forget(self, vendor: str) -> None:
        """Deliver nothing more of what this vendor posted."""
        for delivery in self.pending(vendor):
            self._pending.drop(delivery.id)

    async def deliver_due(self) -> int:
        """Attempt everything that is due, side by side, and say how many that were."""
        due = [delivery for delivery in self._pending if self._is_due(delivery)]
        self._under_way.update(delivery.id for delivery in due)
        await asyncio.gather(*(self._attempt(delivery) for delivery in due))
        return len(due)

    async def run(self) -> None:
        """Deliver until cancelled."""
        rounds: set[asyncio.Task[int]] = set()
        try:
            while True:
                if any(self._is_due(delivery) for delivery in self._pending):
                    # A round of its own: a listener that hangs must not hold up the others.
                    task = asyncio.create_task(self.deliver_due())
                    rounds.add(task)
                    task.add_done_callback(rounds.discard)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            for task in rounds:
                task.cancel()
            await asyncio.gather(*rounds, return_exceptions=True)

    def _is_due(self, delivery: Delivery) -> bool:
        if delivery.id in self._under_way or delivery.due_at > clock.now():
            return False
        first = self._pending.get(delivery.after) if delivery.after else None
        return first is None or first.attempts > 0

    async def _attempt(self, delivery: Delivery) -> None:
        try:
            answer = await self._send(delivery)
        finally:
            self._under_way.discard(delivery.id)
        if self._pending.get(delivery.id) is not delivery:
            return
        delivery.attempts += 1
        if answer == delivery.expected or not delivery.waits:
            self._pending.drop(delivery.id)
            return
        delivery.due_at = clock.now() + timedelta(seconds=delivery.waits.pop(0))
        self._pending.keep(delivery.id, delivery)
