"""Which OAuth providers are configured: published by identity, which alone reads their secret, for the clients' start."""

import json
import time
from collections.abc import Sequence
from typing import ClassVar

from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import DoesNotExist

from shared.dynamo.base import Item, meta

_NAME = "PROVIDERS"
_SECONDS = 30
_known: list[tuple[float, list[str]]] = []


class ProvidersItem(Item):
    """pk and sk `PROVIDERS`; the names as JSON."""

    Meta = meta("identity")

    names: ClassVar[UnicodeAttribute] = UnicodeAttribute()


def publish(names: Sequence[str]) -> bool:
    """Replace the list; False when it was the same already."""
    if _published() == list(names):
        return False
    ProvidersItem(_NAME, _NAME, names=json.dumps(list(names))).save()
    return True


def configured() -> list[str]:
    """The names published, at most half a minute old; none before the first deployment."""
    if not _known or time.monotonic() - _known[0][0] > _SECONDS:
        _known[:] = [(time.monotonic(), _published())]
    return _known[0][1]


def _published() -> list[str]:
    try:
        names: list[str] = json.loads(ProvidersItem.get(_NAME, _NAME).names)
    except DoesNotExist:
        return []
    return names


def forget() -> None:
    """Look again at the next request (tests)."""
    _known.clear()
