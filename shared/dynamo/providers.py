"""Which OAuth providers are configured: published by identity, which alone reads their secret, for the clients' start."""

import json
import time
from collections.abc import Sequence
from typing import ClassVar

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from shared.dynamo.base import Item, meta

_NAME = "PROVIDERS"
_SECONDS = 60
_known: list[tuple[float, list[str]]] = []


class ProvidersItem(Item):
    """pk and sk `PROVIDERS`; the names as JSON."""

    Meta = meta("identity")

    names: ClassVar[UnicodeAttribute] = UnicodeAttribute()


def publish(names: Sequence[str]) -> None:
    """Replace the list."""
    ProvidersItem(_NAME, _NAME, names=json.dumps(list(names))).save()


def configured() -> list[str]:
    """The names published, at most a minute old; none before the first deployment."""
    if not _known or time.monotonic() - _known[0][0] > _SECONDS:
        try:
            names = json.loads(ProvidersItem.get(_NAME, _NAME).names)
        except DoesNotExist:
            names = []
        _known[:] = [(time.monotonic(), names)]
    return _known[0][1]


def forget() -> None:
    """Look again at the next request (tests)."""
    _known.clear()
