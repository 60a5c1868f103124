"""Identifiers that need no database: sortable, unguessable enough to be public, unique without coordination."""

import hashlib
from datetime import datetime

from ulid import ULID

from shared import clock


def new_ulid() -> str:
    """A 26-character ULID of the product's clock."""
    return str(ULID.from_datetime(clock.now()))


def new_order_no() -> str:
    """An order or payment number: a ULID, so within every vendor's `[A-Za-z0-9]{8,32}`."""
    return new_ulid()


def derived_order_no(seed: str, at: datetime) -> str:
    """The same number every time, for something made at `at` (aware) that `seed` names."""
    random = hashlib.sha256(seed.encode()).digest()[:10]
    return str(ULID(int(at.timestamp() * 1000).to_bytes(6, "big") + random))


def made_at(number: str) -> datetime:
    """When an order or payment number was made (aware UTC, to the millisecond). Raises ValueError for any other text."""
    return ULID.from_str(number).datetime
