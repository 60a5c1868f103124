"""The login log (table group `events`): every attempt to sign in, at accounts and at names nobody has."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from pynamodb.attributes import BooleanAttribute, ListAttribute, UnicodeAttribute

from functions.identity.models import Client
from shared import clock
from shared.dynamo.base import Item, meta
from shared.dynamo.sessions import user_key
from shared.ids import new_ulid

_KEPT_SECONDS = 180 * 86_400
_NOBODYS_KEPT_SECONDS = 2 * 86_400
_PREFIX = "L#"


class LoginItem(Item):
    """pk `U#{uid}`, sk `L#{at}#{ulid}`: one attempt, kept 180 days (rules.md §22); under `LN#{name_hash}`, two days."""

    Meta = meta("events")

    method: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    ok: ClassVar[BooleanAttribute] = BooleanAttribute()
    reason: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    ip: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    user_agent: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    device_id: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    device_type: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    flags: ClassVar[ListAttribute[Any]] = ListAttribute(default=list)
    """What was unusual: new_device, impossible_frequency, lock_out."""

    @property
    def at(self) -> datetime:
        """When it was."""
        return datetime.fromisoformat(str(self.sk).split("#")[1])


def nobodys_key(name_hash: str) -> str:
    """Partition of the attempts at a name nobody has."""
    return f"LN#{name_hash}"


def log(uid: int, method: str, client: Client, *, reason: str | None = None, flags: Sequence[str] = ()) -> None:
    """Write down an attempt at an account; without a reason it went well."""
    _write(user_key(uid), _KEPT_SECONDS, method, client, reason=reason, flags=flags)


def log_nobody(name_hash: str, method: str, client: Client, *, reason: str, flags: Sequence[str] = ()) -> None:
    """Write down an attempt at a name nobody has."""
    _write(nobodys_key(name_hash), _NOBODYS_KEPT_SECONDS, method, client, reason=reason, flags=flags)


def latest(uid: int, count: int) -> list[LoginItem]:
    """The last attempts at an account, newest first."""
    return list(LoginItem.query(user_key(uid), LoginItem.sk.startswith(_PREFIX), scan_index_forward=False, limit=count))


def _write(partition: str, kept: int, method: str, client: Client, *, reason: str | None, flags: Sequence[str]) -> None:
    at = clock.now()
    LoginItem(
        partition,
        f"{_PREFIX}{_stamp(at)}#{new_ulid()}",
        method=method,
        ok=reason is None,
        reason=reason,
        ip=client.ip,
        user_agent=client.user_agent,
        device_id=client.device_id,
        device_type=client.device_type,
        flags=list(flags),
        ttl=int(at.timestamp()) + kept,
    ).save()


def _stamp(at: datetime) -> str:
    """Of one length, so that the order of the texts is that of the times."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
