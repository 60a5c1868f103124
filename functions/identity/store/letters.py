"""Which letters were sent (table group `identity`): a queue may deliver one twice."""

from pynamodb.exceptions import DoesNotExist

from shared import clock
from shared.dynamo.base import Item, meta

_KEPT_SECONDS = 15 * 86_400
"""A day longer than the queue keeps a message."""
_SENT = "SENT"


class LetterItem(Item):
    """pk `C#LETTER#{letter_id}`, sk `SENT`."""

    Meta = meta("identity")


def was_sent(letter_id: str) -> bool:
    """Whether the vendor took this letter."""
    try:
        LetterItem.get(f"C#LETTER#{letter_id}", _SENT, consistent_read=True)
    except DoesNotExist:
        return False
    return True


def note_sent(letter_id: str) -> None:
    """The vendor took it."""
    LetterItem(f"C#LETTER#{letter_id}", _SENT, ttl=int(clock.now().timestamp()) + _KEPT_SECONDS).save()
