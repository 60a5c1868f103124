"""Batches of codes: a million coupons in one row, exported by a job as often as they are asked for."""

import json
import os
import secrets
from datetime import timedelta
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from functions.subscriptions.store import promotions as store
from shared import aws, clock, coupon_codes, observe
from shared.dynamo.jobs import find_job, open_job
from shared.errors import ServiceDegraded
from shared.sql.connection import Connection, reading
from shared.uploads import Upload, bucket

KIND: Final = "coupon_export"
PREFIX: Final = "coupons/"
LINK_LASTS = timedelta(hours=24)
_AT_ONCE = 10_000


def new_prefix() -> str:
    """Four letters; whoever stores it looks whether they are free."""
    return coupon_codes.prefix_of(secrets.randbelow(1 << 20))


def new_key() -> bytes:
    """A key of its own for each batch: taking one away ends one batch."""
    return secrets.token_bytes(coupon_codes.KEY_BYTES)


def ask(_db: Connection, operator: int, coupon_id: int) -> str:
    """Queue the export of a batch, to start when the batch is committed; the job's id. Raises ServiceDegraded."""
    job = open_job(operator, KIND, {"coupon_id": coupon_id})
    try:
        aws.client("sqs").send_message(
            QueueUrl=os.environ["QUEUE_COUPON_EXPORTS"], MessageBody=json.dumps({"job_id": job.job_id}), DelaySeconds=5
        )
    except (BotoCoreError, ClientError) as error:
        job.fail("service_degraded", "the export could not be queued")
        raise ServiceDegraded(retry_after=2) from error
    return job.job_id


class BatchUnknownError(Exception):
    """The batch is not there (yet): the message comes again, and at last to a person."""


def export(message: dict[str, Any]) -> None:
    """Make the codes of a batch again and stream them to S3; the job's result is a link. Delivered twice: once is enough."""
    job = find_job(message["job_id"])
    if job is None or job.finished is not None:
        observe.info("job is over", job_id=message["job_id"])
        return
    job.begin()
    with reading() as db:
        known = store.batch(db, json.loads(job.params)["coupon_id"])
    if known is None:
        raise BatchUnknownError(message["job_id"])
    prefix, key, count = known
    name, target = f"coupons-{prefix}.csv", f"{PREFIX}{job.job_id}/coupons-{prefix}.csv"
    with Upload(bucket("exports"), target, "text/csv; charset=utf-8", disposition=f'attachment; filename="{name}"') as out:
        write_codes(out, prefix, key, count)
    url = aws.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": bucket("exports"), "Key": target}, ExpiresIn=int(LINK_LASTS.total_seconds())
    )
    job.succeed({"url": url, "expires_at": clock.rfc3339(clock.now() + LINK_LASTS), "codes": count})


def write_codes(out: Upload, prefix: str, key: bytes, count: int) -> None:
    """One code a line under a heading; memory holds ten thousand of them."""
    out.write(b"code\r\n")
    lines: list[str] = []
    for code in coupon_codes.codes(prefix, key, count):
        lines.append(code)
        if len(lines) == _AT_ONCE:
            out.write(("\r\n".join(lines) + "\r\n").encode())
            lines.clear()
    if lines:
        out.write(("\r\n".join(lines) + "\r\n").encode())
