"""One-time codes in DynamoDB (table group `identity`): how often one was sent, and what was sent last."""

from typing import ClassVar

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError, UpdateError

from shared.dynamo.base import Item, condition_failed, meta

_CODE = "CODE"


class CodeItem(Item):
    """pk `C#{purpose}#{target_hash}`, sk `CODE`: the last code sent. Times in epoch seconds; `ttl` is its end."""

    Meta = meta("identity")

    send_id: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    code_hash: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    attempts: ClassVar[NumberAttribute] = NumberAttribute(default=0)
    requested_at: ClassVar[NumberAttribute] = NumberAttribute()
    delivered: ClassVar[BooleanAttribute] = BooleanAttribute(default=False)
    used: ClassVar[BooleanAttribute] = BooleanAttribute(default=False)


class PaceItem(Item):
    """pk `CF#{target_hash}`; sk `P#{purpose}`: when one was last asked for; sk `D#{day}`: how many were that day."""

    Meta = meta("identity")

    asked_at: ClassVar[NumberAttribute] = NumberAttribute(null=True)
    asked: ClassVar[NumberAttribute] = NumberAttribute(null=True)


def _key(purpose: str, target_hash: str) -> str:
    return f"C#{purpose}#{target_hash}"


def take_turn(purpose: str, target_hash: str, now: int, gap: int) -> int:
    """Take the next turn of this target and purpose; 0, or the seconds still to wait."""
    item = PaceItem(f"CF#{target_hash}", f"P#{purpose}", asked_at=now, ttl=now + gap)
    try:
        item.save(condition=PaceItem.pk.does_not_exist() | (PaceItem.asked_at <= now - gap))
    except PutError as error:
        if not condition_failed(error):
            raise
        item.refresh(consistent_read=True)
        return max(1, int(item.asked_at) + gap - now)
    return 0


def take_of_day(target_hash: str, day: str, limit: int, expires: int) -> bool:
    """Count one of the day's allowance of this target; False when it is used up."""
    try:
        PaceItem(f"CF#{target_hash}", f"D#{day}").update(
            [PaceItem.asked.add(1), PaceItem.ttl.set(expires)],
            condition=PaceItem.pk.does_not_exist() | (PaceItem.asked < limit),
        )
    except UpdateError as error:
        if not condition_failed(error):
            raise
        return False
    return True


def keep(purpose: str, target_hash: str, *, send_id: str, code_hash: str, requested_at: int, expires: int) -> bool:
    """Keep a code to be sent. True when it shall be sent: it is new, or its own earlier delivery never ended well."""
    item = CodeItem(
        _key(purpose, target_hash),
        _CODE,
        send_id=send_id,
        code_hash=code_hash,
        requested_at=requested_at,
        ttl=expires,
    )
    try:
        item.save(
            condition=CodeItem.pk.does_not_exist()
            | ((CodeItem.send_id != send_id) & (CodeItem.requested_at <= requested_at))
        )
    except PutError as error:
        if not condition_failed(error):
            raise
        item.refresh(consistent_read=True)
        return item.send_id == send_id and not item.delivered and not item.used
    return True


def mark_delivered(purpose: str, target_hash: str, send_id: str) -> None:
    """The vendor took the message; delivering the same request again would be a second one."""
    try:
        CodeItem(_key(purpose, target_hash), _CODE).update(
            [CodeItem.delivered.set(True)], condition=CodeItem.send_id == send_id
        )
    except UpdateError as error:
        if not condition_failed(error):
            raise


def count_attempt(purpose: str, target_hash: str, now: int, limit: int) -> str | None:
    """Count an attempt at the live code and tell its hash; None when there is none or it had its attempts."""
    item = CodeItem(_key(purpose, target_hash), _CODE)
    try:
        item.update(
            [CodeItem.attempts.add(1)],
            condition=(CodeItem.attempts < limit) & (CodeItem.used == False) & (CodeItem.ttl > now),  # noqa: E712 - an expression
        )
    except UpdateError as error:
        if not condition_failed(error):
            raise
        return None
    return str(item.code_hash)


def use(purpose: str, target_hash: str, code_hash: str) -> bool:
    """Use a code up; False when someone was first, or another code has taken its place."""
    try:
        CodeItem(_key(purpose, target_hash), _CODE).update(
            [CodeItem.used.set(True)],
            condition=(CodeItem.code_hash == code_hash) & (CodeItem.used == False),  # noqa: E712 - an expression
        )
    except UpdateError as error:
        if not condition_failed(error):
            raise
        return False
    return True
