"""What users did with their accounts, and when they signed in (table group `events`, kept 180 days)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from functions.identity.store.logins import LoginItem
from shared import clock
from shared.dynamo.base import Item, meta
from shared.dynamo.sessions import user_key
from shared.ids import new_ulid

Kind = Literal["login", "operation"]
_KEPT_SECONDS = 180 * 86_400
_PREFIX: dict[Kind, str] = {"login": "L#", "operation": "O#"}
_AFTER_ALL = "~"
"""Above every character of a time."""


class OperationItem(Item):
    """pk `U#{uid}`, sk `O#{at}#{ulid}`: one change a user made."""

    Meta = meta("events")

    action: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    target: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    ok: ClassVar[BooleanAttribute] = BooleanAttribute(default=True)
    ip: ClassVar[UnicodeAttribute] = UnicodeAttribute()
    user_agent: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)
    request_id: ClassVar[UnicodeAttribute] = UnicodeAttribute()

    @property
    def at(self) -> datetime:
        """When it was."""
        return datetime.fromisoformat(str(self.sk).split("#")[1])


@dataclass(frozen=True, slots=True)
class Span:
    """One kind of log of one user, between two moments."""

    uid: int
    kind: Kind
    since: datetime | None
    until: datetime | None

    @property
    def condition(self) -> Any:
        """The sort keys within."""
        prefix = _PREFIX[self.kind]
        low = prefix + (_stamp(self.since) if self.since else "")
        high = prefix + (_stamp(self.until) if self.until else "") + _AFTER_ALL
        return self.item.sk.between(low, max(low, high))

    @property
    def item(self) -> type[LoginItem] | type[OperationItem]:
        """The class of its rows."""
        return LoginItem if self.kind == "login" else OperationItem


def log(uid: int, action: str, target: str | None, *, ip: str, user_agent: str, request_id: str) -> None:
    """Write down what a user did."""
    at = clock.now()
    OperationItem(
        user_key(uid),
        f"{_PREFIX['operation']}{_stamp(at)}#{new_ulid()}",
        action=action,
        target=target,
        ip=ip,
        user_agent=user_agent or None,
        request_id=request_id,
        ttl=int(at.timestamp()) + _KEPT_SECONDS,
    ).save()


def count(span: Span, limit: int) -> int:
    """How many there are, up to a limit."""
    return span.item.count(user_key(span.uid), span.condition, limit=limit)


def page(span: Span, *, after: str | None, skip: int, size: int, newest_first: bool) -> list[Any]:
    """The next so many behind the sort key `after`, or behind the first `skip`."""
    key = None if after is None else {"pk": {"S": user_key(span.uid)}, "sk": {"S": after}}
    found = span.item.query(
        user_key(span.uid),
        span.condition,
        scan_index_forward=not newest_first,
        last_evaluated_key=key,
        limit=skip + size,
        page_size=min(skip + size, 1000),
    )
    return list(found)[skip:]


def _stamp(at: datetime) -> str:
    """Of one length, so that the order of the texts is that of the times."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
