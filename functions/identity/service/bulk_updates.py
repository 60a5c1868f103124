"""Changing many accounts (ADM-019): asked for by an operator, worked off from the queue `bulk` in chunks.

The chunk, the place it reached and its audit row commit together. A worker killed anywhere, or two of them, therefore go on
where the last commit ended: no account is changed twice, none is left out. The filter is judged when an account's turn comes.
"""

import json
import os
from datetime import timedelta
from typing import Any, Final

from functions.identity.desk_errors import NothingSelected
from functions.identity.schemas.desk import BulkUpdateIn
from functions.identity.service import desk_roles, sessions
from functions.identity.store import bulk_updates as store
from functions.identity.store.bulk_updates import BulkUpdate
from shared import aws, clock, observe
from shared.caller import Caller
from shared.dynamo.jobs import JobItem, find_job, open_job
from shared.http.context import RequestContext
from shared.ids import new_ulid
from shared.sql.audit import admin_operation
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work

KIND: Final = "user_bulk_update"
CHUNK: Final = 200
_CHUNKS_PER_MESSAGE = 25
_STALLED_AFTER = timedelta(minutes=5)


def ask(wanted: BulkUpdateIn, caller: Caller, context: RequestContext) -> JobItem:
    """Store and queue a change. Raises NothingSelected. A message lost after the commit is sent again by `resume`."""
    change = wanted.set.model_dump(mode="json", exclude_unset=True)
    criteria = None if wanted.filter is None else wanted.filter.model_dump(exclude_none=True)
    if not wanted.ids and not criteria:
        raise NothingSelected
    job_id = new_ulid()
    with unit_of_work() as db:
        matched, up_to = store.select_named(db, wanted.ids) if wanted.ids else store.select_fitting(db, criteria or {})
        if not matched:
            raise NothingSelected
        bulk = BulkUpdate(
            job_id=job_id,
            operator_id=caller.uid,
            ip=context.ip,
            user_agent=context.user_agent,
            ids=wanted.ids or None,
            filter=None if wanted.ids else criteria,
            change=change,
            spares_staff=desk_roles.spares_staff(caller),
            matched=matched,
            up_to=up_to,
            reached=0,
            updated=0,
            failed=0,
            finished_at=None,
        )
        store.insert(db, bulk, clock.now())
        selected = {"ids": wanted.ids, "filter": criteria, "matched": matched}
        admin_operation(
            db, caller, context, "user_bulk_update", ("user", None), before=selected, after=change, job_id=job_id
        )
        job = open_job(caller.uid, KIND, {"matched": matched, "set": change}, job_id)
    send(job_id)
    return job


def send(job_id: str) -> None:
    """Put a change into the queue."""
    aws.client("sqs").send_message(QueueUrl=os.environ["QUEUE_BULK"], MessageBody=json.dumps({"job_id": job_id}))


def run(message: dict[str, Any]) -> None:
    """Work some chunks off, and ask to be called again while there are more; a change that is done only says so again."""
    job = find_job(message["job_id"])
    if job is not None and job.finished is None:
        job.begin()
    for _ in range(_CHUNKS_PER_MESSAGE):
        with unit_of_work() as db:
            bulk = one_chunk(db, message["job_id"])
        if bulk is None:
            observe.info("nothing is known of this change", job_id=message["job_id"])
            return
        if job is not None and job.finished is None:
            _tell(job, bulk)
        if bulk.finished_at is not None:
            return
    send(message["job_id"])


def resume() -> int:
    """Every five minutes: changes whose message was lost, or whose worker died for good, are queued again."""
    with reading() as db:
        waiting = store.stalled(db, clock.now() - _STALLED_AFTER)
    for job_id in waiting:
        send(job_id)
    return len(waiting)


def one_chunk(db: Connection, job_id: str) -> BulkUpdate | None:
    """Do the next chunk in the transaction given; how far the change is now, None when nothing is known of it."""
    bulk = store.lock(db, job_id)
    if bulk is None or bulk.finished_at is not None:
        return bulk
    uids = store.next_chunk(db, bulk, CHUNK)
    if uids:
        _change(db, bulk, uids)
    else:
        store.finish(db, job_id, clock.now())
    return store.lock(db, job_id)


def _change(db: Connection, bulk: BulkUpdate, uids: list[int]) -> None:
    now = clock.now()
    signs_out = bulk.change.get("is_active") is False
    if signs_out:
        store.void_tokens(db, uids, now)
    before = store.apply(db, uids, bulk.change, spares_staff=bulk.spares_staff, at=now)
    store.advance(db, bulk.job_id, uids[-1], now, updated=len(before), failed=len(uids) - len(before))
    was = [{"user_id": row["uid"], **{name: _plain(row[name]) for name in row if name != "uid"}} for row in before]
    operator = Caller(bulk.operator_id, "", "staff", (), (), "zh-CN")
    origin = RequestContext(bulk.job_id, "zh-CN", bulk.ip, bulk.user_agent, "POST", "")
    admin_operation(
        db, operator, origin, "user_bulk_update_chunk", ("user", None), before=was, after=bulk.change, job_id=bulk.job_id
    )
    # Before the commit, as for one account.
    if signs_out:
        for row in before:
            sessions.revoke_all(row["uid"])


def _tell(job: JobItem, bulk: BulkUpdate) -> None:
    if bulk.finished_at is not None:
        job.succeed({"updated": bulk.updated, "failed": bulk.failed, "matched": bulk.matched})
    else:
        job.advance(min(99, 100 * (bulk.updated + bulk.failed) // bulk.matched))


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
