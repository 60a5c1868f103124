"""A copy of all that is known of a person: asked for once a day, written by every domain, packed into one file.

The steps of the workflow `data_export` are here. Each may be repeated: what is packed twice is packed the same, and the
parts are only removed once the job has its result.
"""

import os
from datetime import timedelta
from typing import Any

from events.identity import PersonalDataRequested
from functions.identity.errors import ExportTooFrequent
from functions.identity.service.packing import CONTENT_TYPES, pack_json, pack_zip
from functions.identity.store import life as store
from shared import aws, clock, observe, workflow
from shared.dynamo.jobs import JobItem, find_job, open_job
from shared.errors import TokenRevoked
from shared.ids import new_ulid
from shared.personal_data import EXPORTS, HOLDERS, acknowledged, part_key
from shared.sql import outbox
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work
from shared.uploads import Upload, bucket

KIND = "export_data"
WORKFLOW = "data_export"
AGAIN_AFTER = timedelta(hours=24)
LINK_LASTS = timedelta(hours=24)
_RETRIES = 3
_FIRST_SILENCE = timedelta(minutes=2)
"""So long the domains have; then those that are silent are asked again, after twice that once more, and so on."""
_SILENT = timedelta(hours=1)
_SWEPT = 100


def ask(db: Connection, uid: int, wanted_format: str) -> JobItem:
    """Ask for a copy. Raises ExportTooFrequent within 24 hours of the last one that did not fail."""
    status = store.lock(db, uid)
    if status is None or status == "deleted":
        raise TokenRevoked
    now = clock.now()
    if last := store.last_export(db, uid, now - AGAIN_AFTER):
        raise ExportTooFrequent(retry_after=int((last + AGAIN_AFTER - now).total_seconds()) + 1)
    request_id = new_ulid()
    store.open_export(db, request_id, uid, wanted_format, now)
    _ask_domains(db, request_id, uid)
    # Before the commit: a crash between the two leaves a job nobody was told of, not a request without its job.
    return open_job(uid, KIND, {"format": wanted_format}, request_id)


def start(request_id: str, *, again: str = "") -> None:
    """Start the workflow of a request; one of that name that was started before is left to run."""
    workflow.start(WORKFLOW, f"{request_id}{again}", {"request_id": request_id})


def gather(given: dict[str, Any]) -> dict[str, Any]:
    """Has every domain written its part? Those that stay silent are asked again, three times. `next`: wait, pack, fail, end."""
    request_id = given["request_id"]
    with unit_of_work() as db:
        request = store.export(db, request_id)
        job = find_job(request_id)
        if request is None or job is None or request.status != "open":
            return _next(given, "end")
        if job.status == "queued":
            job.begin()
        done = set(acknowledged(db, request_id, "export"))
        job.advance(100 * len(done & set(HOLDERS)) // len(HOLDERS))
        if done >= set(HOLDERS):
            return _next(given, "pack")
        now = clock.now()
        waited = now - request.asked_at
        if waited >= _FIRST_SILENCE * 2 ** (request.times_asked - 1):
            if request.times_asked > _RETRIES:
                return _next(given, "fail")
            if store.ask_to_export(db, request_id, request.times_asked, now):
                _ask_domains(db, request_id, request.uid)
                job.begin()
    return _next(given, "wait", max(2, min(60, int(waited.total_seconds()))))


def pack(given: dict[str, Any]) -> dict[str, Any]:
    """Make one file of all parts, give the job its address, and remove the parts."""
    request_id = given["request_id"]
    with reading() as db:
        request, parts = store.export(db, request_id), acknowledged(db, request_id, "export")
        if request is None:
            return _next(given, "end")
        if request.status == "open":
            _deliver(db, request, parts)
            store.end_export(db, request_id, "done", clock.now())
    for domain, files in parts.items():
        for file in files:
            aws.client("s3").delete_object(Bucket=bucket(EXPORTS), Key=part_key(request_id, domain, file))
    return _next(given, "end")


def fail(given: dict[str, Any]) -> dict[str, Any]:
    """It did not work: the job says so, and the person may ask again at once."""
    request_id = given["request_id"]
    with reading() as db:
        request = store.export(db, request_id)
        if request is None or request.status != "open":
            return _next(given, "end")
        missing = sorted(set(HOLDERS) - set(acknowledged(db, request_id, "export")))
        said = f"no answer from {', '.join(missing)}" if missing else "the parts could not be packed"
        if job := find_job(request_id):
            job.fail("export_failed", f"{said} after {_RETRIES} retries; please ask again")
        store.end_export(db, request_id, "failed", clock.now())
    observe.error("data export failed", export_id=request_id, missing=",".join(missing))
    observe.count("data_export_failed")
    return _next(given, "end")


def sweep() -> int:
    """Exports whose workflow was lost get a new execution; how many there were."""
    now = clock.now()
    with reading() as db:
        silent = store.silent_exports(db, now, _SILENT, _SWEPT)
    for request in silent:
        start(request.request_id, again=f"-{now:%Y%m%d}")
    return len(silent)


def _deliver(db: Connection, request: store.Export, parts: dict[str, dict[str, Any]]) -> None:
    name = f"sharestack-{request.uid}.{request.format}"
    key = f"personal/{request.request_id}/{name}"
    with Upload(bucket(EXPORTS), key, CONTENT_TYPES[request.format], disposition=f'attachment; filename="{name}"') as out:
        if request.format == "zip":
            pack_zip(out, request.request_id, parts, store.locale_of(db, request.uid))
        else:
            pack_json(out, request.request_id, parts)
    url = aws.client("s3").generate_presigned_url(
        "get_object",
        Params={"Bucket": os.environ["BUCKET_EXPORTS"], "Key": key},
        ExpiresIn=int(LINK_LASTS.total_seconds()),
    )
    if job := find_job(request.request_id):
        job.succeed({"url": url, "expires_at": clock.rfc3339(clock.now() + LINK_LASTS)})


def _ask_domains(db: Connection, request_id: str, uid: int) -> None:
    now = clock.now()
    outbox.record(
        db,
        PersonalDataRequested(event_id=new_ulid(), occurred_at=now, request_id=request_id, uid=uid, requested_at=now),
    )


def _next(given: dict[str, Any], step: str, wait_seconds: int = 0) -> dict[str, Any]:
    return given | {"next": step, "wait_seconds": wait_seconds}
