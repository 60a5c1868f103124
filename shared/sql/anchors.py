"""Anchors of sealed chains: S3 objects under Object Lock, which nobody can replace or remove for three years.

An object's name says all it knows, so that a listing of versions is enough to read every anchor: one that was hidden by
a delete marker is still listed, and one written over is listed with what was written over it. Whoever seals has a
folder of the bucket to himself, so that one domain cannot speak for another's chains.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, Literal

from botocore.exceptions import ClientError

from shared import aws, clock
from shared.sql.connection import Connection
from shared.sql.seal_proof import Fault
from shared.sql.sealing import Chain, Head

Kind = Literal["heads", "digests"]

_NAME: Final = re.compile(
    r"(?P<kind>heads|digests)/(?P<day>\d{4}-\d{2}-\d{2})/(?P<log>\w+)/(?P<block_no>\d+)-(?P<seq>\d+)-(?P<id>\d+)-(?P<hash>[0-9a-f]{64})\.json"
)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A head as it was: block, row and hash. A head is anchored on the day it was sealed, a digest for a day that ended."""

    kind: Kind
    day: date
    log: str
    block_no: int
    seq: int
    last_id: int
    hash: str


def put(kind: Kind, day: date, head: Head, *, folder: str = "") -> bool:
    """Anchor a head. False when it is anchored already: names are made of what they anchor."""
    name = f"{kind}/{day}/{head.log}/{head.block_no:012d}-{head.seq:012d}-{head.last_id}-{head.hash}.json"
    body = asdict(head) | {
        "kind": kind,
        "day": str(day),
        "sealed_at": clock.rfc3339(head.sealed_at),
        "anchored_at": clock.rfc3339(clock.now()),
    }
    return keep(folder + name, body)


def keep(name: str, body: dict[str, Any]) -> bool:
    """Put a document where nobody can replace or remove it. False when one of that name is there."""
    try:
        aws.client("s3").put_object(
            Bucket=os.environ["BUCKET_AUDIT"],
            Key=name,
            Body=json.dumps(body).encode(),
            ContentType="application/json",
            ChecksumAlgorithm="SHA256",  # Object Lock wants a checksum; the retention is the bucket's
            IfNoneMatch="*",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in {"PreconditionFailed", "ConditionalRequestConflict"}:
            return False
        raise
    return True


def of(kind: Kind, days: Iterable[date] | None = None, *, folder: str = "") -> Iterator[Anchor]:
    """All anchors of a kind, or those of some days."""
    pages = aws.client("s3").get_paginator("list_object_versions")
    for prefix in [f"{kind}/"] if days is None else [f"{kind}/{day}/" for day in days]:
        for page in pages.paginate(Bucket=os.environ["BUCKET_AUDIT"], Prefix=folder + prefix):
            for version in page.get("Versions", ()):
                if found := _NAME.fullmatch(version["Key"].removeprefix(folder)):
                    yield Anchor(
                        kind,
                        date.fromisoformat(found["day"]),
                        found["log"],
                        int(found["block_no"]),
                        int(found["seq"]),
                        int(found["id"]),
                        found["hash"],
                    )


def compare(db: Connection, chain: Chain, anchors: Iterable[Anchor]) -> Fault | None:
    """What is off when the database does not have the very blocks of a chain that were anchored: cut off, or written anew."""
    mine = [anchor for anchor in anchors if anchor.log == chain.name]
    places, first_id = db.execute(
        chain.sql(
            """
            SELECT count(*), min(a.last_id)
            FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[]) AS a (block_no, seq, last_id, hash)
            LEFT JOIN {blocks} b ON b.log = {log} AND b.block_no = a.block_no
            WHERE (encode(b.hash, 'hex'), b.first_seq + b.row_count - 1, b.last_id)
                  IS DISTINCT FROM (a.hash, a.seq, a.last_id)
            """
        ),
        (
            [anchor.block_no for anchor in mine],
            [anchor.seq for anchor in mine],
            [anchor.last_id for anchor in mine],
            [anchor.hash for anchor in mine],
        ),
    ).fetchall()[0]
    return Fault("anchored blocks are still there", places, first_id) if places else None
