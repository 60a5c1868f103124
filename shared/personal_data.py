"""What each domain holds of a person: how it is copied for them, how it is erased, or why it is kept.

A domain declares this in its `personal_data.py`. A test walks every table and every key prefix of the house and fails
for one that names a person and is declared nowhere. `exports` and `erases` make the domain's two listeners: each does its
part and acknowledges it in one transaction, so that a part done twice, or killed half way, ends as one done once.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, Final, Literal, LiteralString

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from events.identity import AccountErased, PersonalDataRequested
from shared import aws, clock
from shared.batch import Handler, on_fact
from shared.dynamo import partitions
from shared.sql.connection import Connection
from shared.uploads import Upload, bucket

HOLDERS: Final = ("admin", "content", "finance", "identity", "media", "payments", "platform", "subscriptions")
"""The domains that hold something; identity waits for each of them. The boundary test compares it with the manifests."""

EXPORTS: Final = "exports"
_ROWS_PER_PAGE = 50
"""A row may hold a work of 256 KB."""
_OBJECTS_PER_CALL = 1000

Kind = Literal["export", "erase"]
Words = tuple[str, str]
"""The same in zh-CN and in en."""


class NotErased(Exception):  # noqa: N818 - says what is wrong
    """S3 would not delete an object; the message is its code, and the part is repeated."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Why something outlives the account: the law or the need that asks for it, and for how long."""

    reason: str
    term: str


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table that belong to a person.

    `person` names the columns that say whose they are, `deciders` those that name an operator or another account which
    acted on them; the latter stay with what they decided. Statements take %(uid)s, %(at)s and %(alias)s.
    """

    table: str
    person: tuple[str, ...]
    what: Words
    export: LiteralString | None = None
    erase: tuple[LiteralString, ...] = ()
    kept: Kept | None = None
    erased_by: str = ""
    """What erases them, when no statement of ours does."""
    not_exported: str = ""
    deciders: tuple[str, ...] = ()
    reveal: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    def __post_init__(self) -> None:
        _complete(self.table, exported=self.export is not None, said=self)

    @property
    def file(self) -> str:
        """The name of its file in an export."""
        return f"{self.table.partition('.')[2]}.json"


@dataclass(frozen=True, slots=True)
class Items:
    """The DynamoDB items of a person: the partition `key` (with `{uid}`), or that of the index, and a sort-key prefix.

    `prefix` is what manifests are granted by. Without a `key` the items cannot be found by person and say why they stay.
    """

    group: str
    prefix: str
    what: Words
    key: str = ""
    sort: str = ""
    by_index: bool = False
    file: str = ""
    secret: frozenset[str] = frozenset()
    kept: Kept | None = None
    erased_by: str = ""
    """Who erases them, when deleting them one by one would not do."""
    not_exported: str = ""

    def __post_init__(self) -> None:
        _complete(self.prefix, exported=bool(self.file), said=self)

    @property
    def erase(self) -> bool:
        """Whether the items are simply deleted when the account ends."""
        return self.kept is None and not self.erased_by and bool(self.key)


@dataclass(frozen=True, slots=True)
class Objects:
    """S3 objects of a person: a SELECT of the keys that go, or of prefixes when `below` is set."""

    bucket: str
    what: Words
    keys: LiteralString | None = None
    below: bool = False
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class PersonalData:
    """All that one domain holds."""

    domain: str
    rows: tuple[Rows, ...] = ()
    items: tuple[Items, ...] = ()
    objects: tuple[Objects, ...] = ()


def _complete(name: str, *, exported: bool, said: Rows | Items) -> None:
    if exported == bool(said.not_exported):
        message = f"{name}: say how it is exported, or why it is not"
        raise ValueError(message)
    if not said.erase and not said.erased_by and said.kept is None:
        message = f"{name}: say how it is erased, or why it is kept"
        raise ValueError(message)


def alias(uid: int) -> str:
    """The name an erased account goes by."""
    return f"deleted_{uid}"


def exports(data: PersonalData) -> Handler:
    """The listener that copies a person's part of a domain into the bucket `exports`."""

    def react(db: Connection, fact: PersonalDataRequested) -> None:
        if not is_acknowledged(db, fact.request_id, data.domain, "export"):
            acknowledge(db, fact.request_id, data.domain, "export", export(db, fact.uid, fact.request_id, data))

    return on_fact(PersonalDataRequested, react, f"{data.domain}.on_personal_data_requested")


def erases(data: PersonalData) -> Handler:
    """The listener that erases a person from a domain."""

    def react(db: Connection, fact: AccountErased) -> None:
        if not is_acknowledged(db, fact.request_id, data.domain, "erase"):
            acknowledge(db, fact.request_id, data.domain, "erase", erase(db, fact.uid, fact.erased_at, data))

    return on_fact(AccountErased, react, f"{data.domain}.on_account_erased")


def export(db: Connection, uid: int, request_id: str, data: PersonalData) -> dict[str, Any]:
    """Write a file for each kind of thing that is there; answers file → {count, zh, en}. Writing again overwrites."""
    counts: dict[str, Any] = {}
    sources = [(rows.file, rows.what, _rows(db, rows, uid)) for rows in data.rows if rows.export]
    sources += [(items.file, items.what, _items(items, uid)) for items in data.items if items.file]
    for file, what, found in sources:
        count = _write(part_key(request_id, data.domain, file), found)
        if count:
            counts[file] = {"count": count, "zh": what[0], "en": what[1]}
    return counts


def erase(db: Connection, uid: int, at: datetime, data: PersonalData) -> dict[str, int]:
    """Erase a person: objects and items first, since the rows lead to them; answers how many of each went."""
    given = {"uid": uid, "at": at, "alias": alias(uid)}
    counts: dict[str, int] = {}
    for objects in data.objects:
        if objects.keys is not None:
            named = [str(key) for (key,) in db.execute(objects.keys, given).fetchall()]
            counts[objects.bucket] = _remove(objects.bucket, named, below=objects.below)
    for items in data.items:
        if items.erase:
            counts[items.group + items.prefix + items.sort] = _forget(items, uid)
    for rows in data.rows:
        for statement in rows.erase:
            counts[rows.table] = counts.get(rows.table, 0) + max(0, db.execute(statement, given).rowcount)
    return counts


def part_key(request_id: str, domain: str, file: str) -> str:
    """Where a domain puts a file of an export."""
    return f"personal/{request_id}/{domain}/{file}"


def acknowledge(db: Connection, request_id: str, domain: str, kind: Kind, counts: dict[str, Any]) -> None:
    """Say that a domain's part is done; saying it again changes nothing."""
    db.execute(
        """
        INSERT INTO platform.personal_data_acks (request_id, domain, kind, counts, at) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        (request_id, domain, kind, Jsonb(counts), clock.now()),
    )


def is_acknowledged(db: Connection, request_id: str, domain: str, kind: Kind) -> bool:
    """Whether a domain has done its part."""
    return domain in acknowledged(db, request_id, kind)


def acknowledged(db: Connection, request_id: str, kind: Kind) -> dict[str, dict[str, Any]]:
    """The domains that have done their part, with what each counted."""
    return dict(
        db.execute(
            "SELECT domain, counts FROM platform.personal_data_acks WHERE request_id = %s AND kind = %s ORDER BY domain",
            (request_id, kind),
        ).fetchall()
    )


def _rows(db: Connection, rows: Rows, uid: int) -> Iterator[dict[str, Any]]:
    """A table's rows, a page at a time, through a cursor on the server."""
    with db.cursor(name="personal_data", row_factory=dict_row) as cursor:
        cursor.itersize = _ROWS_PER_PAGE
        for row in cursor.execute(rows.export or "", {"uid": uid}):
            yield rows.reveal(row) if rows.reveal else row


def _items(items: Items, uid: int) -> Iterator[dict[str, Any]]:
    for item in _found(items, uid):
        yield partitions.plain({name: value for name, value in item.items() if name not in items.secret})


def _found(items: Items, uid: int) -> Iterator[partitions.Stored]:
    return partitions.items(items.group, items.key.format(uid=uid), items.sort, by_index=items.by_index)


def _forget(items: Items, uid: int) -> int:
    return sum(partitions.remove(items.group, item) for item in _found(items, uid))


def _remove(name: str, keys: list[str], *, below: bool) -> int:
    here, gone = bucket(name), 0
    found = (one for given in keys for one in (_keys_below(here, given) if below else (given,)))
    while some := list(islice(found, _OBJECTS_PER_CALL)):
        told = aws.client("s3").delete_objects(
            Bucket=here, Delete={"Objects": [{"Key": key} for key in some], "Quiet": True}
        )
        if told.get("Errors"):
            raise NotErased(told["Errors"][0]["Code"])
        gone += len(some)
    return gone


def _keys_below(here: str, prefix: str) -> Iterator[str]:
    """Every key below a prefix. Pages go by key, so that deleting meanwhile loses none."""
    wanted = {"Bucket": here, "Prefix": prefix}
    while True:
        page = aws.client("s3").list_objects_v2(**wanted)
        yield from (str(found["Key"]) for found in page.get("Contents", ()))
        if not page.get("IsTruncated"):
            return
        wanted["ContinuationToken"] = page["NextContinuationToken"]


def _write(key: str, found: Iterator[dict[str, Any]]) -> int:
    """A JSON list, written as it is read; nothing at all when it would be empty. Answers how many rows it has."""
    first = next(found, None)
    if first is None:
        return 0
    count = 1
    with Upload(bucket(EXPORTS), key, "application/json") as out:
        out.write(b"[\n" + _json(first))
        for row in found:
            out.write(b",\n" + _json(row))
            count += 1
        out.write(b"\n]\n")
    return count


def _json(row: dict[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False, default=_text).encode()


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return clock.rfc3339(value)
    return value.isoformat() if isinstance(value, date) else str(value)
