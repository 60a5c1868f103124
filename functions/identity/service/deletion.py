"""Deleting an account: asked for with a code, waited for, and then done by every domain, identity last (rules.md §3).

The steps of the workflow `account_deletion` are here; each reads from the rows where things stand, so that a step done
twice, or by two executions, ends as one done once. Until `begin` has asked the domains to erase, the owner may come back:
both lock the account, so that exactly one of them happens.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from events.identity import AccountErased, DeletionRequested
from functions.identity.errors import BalanceNotZero, CannotDeleteStaff, WithdrawalInProgress
from functions.identity.personal_data import DATA
from functions.identity.service import follows, sessions
from functions.identity.service.proofs import prove_by_code
from functions.identity.store import life as store
from shared import clock, observe, workflow
from shared.errors import Refusal, TokenRevoked
from shared.ids import new_ulid
from shared.personal_data import HOLDERS, acknowledge, acknowledged, erase
from shared.sql import outbox
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work
from shared.sql.security import record
from shared.sql.tunables import tunable

WORKFLOW = "account_deletion"
_REFUSALS: dict[store.Held, type[Refusal]] = {
    "withdrawal_in_progress": WithdrawalInProgress,
    "balance_not_zero": BalanceNotZero,
    "staff": CannotDeleteStaff,
}
_OTHERS = frozenset(HOLDERS) - {DATA.domain}
_FIRST_SILENCE = timedelta(minutes=10)
"""After so long without an answer the domains are asked again, then after twice that, and so on."""
_LONGEST_SILENCE = timedelta(hours=12)
_STALLED = 4
"""Asked so often, someone has to look."""
_OVERDUE = timedelta(hours=1)
_SWEPT = 500


def ask(db: Connection, uid: int, code: str) -> datetime:
    """Ask for deletion; the account is hidden and its sessions end. Answers when it will be erased.

    Raises CodeInvalid, WithdrawalInProgress, BalanceNotZero or CannotDeleteStaff; a code is used up by a request only.
    """
    status = store.lock(db, uid)
    if status is None or status == "deleted":
        raise TokenRevoked
    proof = prove_by_code(db, uid, "delete_account", code)
    if under_way := store.open_deletion_of(db, uid):
        return under_way.delete_at
    if because := store.unsettled(db, uid):
        raise _REFUSALS[because]
    now, request_id = clock.now(), new_ulid()
    delete_at = now + timedelta(days=int(tunable(db, "account.deletion_days")))
    store.open_deletion(db, request_id, uid, delete_at, now)
    store.await_deletion(db, uid, delete_at, now)
    store.note(db, uid, "deletion_requested", None, now)
    outbox.record(
        db,
        DeletionRequested(event_id=new_ulid(), occurred_at=now, request_id=request_id, uid=uid, delete_at=delete_at),
    )
    # Before the commit: a crash between the two leaves an account that is signed out, not one that is gone and signed in.
    sessions.revoke_all(uid)
    proof.use()
    return delete_at


def start(request_id: str, delete_at: datetime, *, again: str = "") -> None:
    """Start the workflow of a request; one of that name that was started before is left to run."""
    given = {"request_id": request_id, "delete_at": clock.rfc3339(delete_at)}
    workflow.start(WORKFLOW, f"{request_id}{again}", given)


def begin(given: dict[str, Any]) -> dict[str, Any]:
    """Due? Then close the account and ask every domain to erase. `next` is wait, ask or end."""
    with unit_of_work() as db:
        step, request = close_if_due(db, given["request_id"])
    if request is not None:
        given |= {"delete_at": clock.rfc3339(request.delete_at)}
    return _next(given, step, 1)


def close_if_due(db: Connection, request_id: str) -> tuple[str, store.Deletion | None]:
    """The point of no return, alone with the account: what comes next, and the request if there is one."""
    request = _locked(db, request_id)
    if request is None or request.status not in {"waiting", "held", "erasing"}:
        return "end", request
    if request.status == "erasing":
        return "ask", request
    now = clock.now()
    if now < request.delete_at:
        return "wait", request
    if because := store.unsettled(db, request.uid):
        _hold(db, request, because, now)
        return "end", request
    for merged in store.merged_into(db, request.uid):
        _erase_too(db, merged, now)
    store.close_account(db, request.uid, now)
    _ask_domains(db, request, now)
    return "ask", request


def follow(given: dict[str, Any]) -> dict[str, Any]:
    """Has every other domain erased? Those that stay silent are asked again. `next` is wait, erase or end."""
    with unit_of_work() as db:
        request = _locked(db, given["request_id"])
        if request is None or request.status != "erasing" or request.asked_at is None:
            return _next(given, "end")
        missing = _missing(db, request.request_id)
        if not missing:
            return _next(given, "erase")
        now = clock.now()
        silent = now - request.asked_at
        if silent >= _patience(request.times_asked):
            _ask_domains(db, request, now)
            if request.times_asked == _STALLED:
                _alarm(db, "erasure_stalled", request, domains=sorted(missing))
    return _next(given, "wait", max(5, min(900, int(silent.total_seconds()))))


def finish(given: dict[str, Any]) -> dict[str, Any]:
    """Erase what identity holds, once all others have; only then may somebody else take the name and the address."""
    with reading() as db:
        known = store.deletion(db, given["request_id"])
        if known is None or known.status != "erasing" or _missing(db, known.request_id):
            return _next(given, "end")
    # Each follow is a change of its own, which the stream counts; what a crash leaves, the next run ends.
    follows.end_all(known.uid)
    with unit_of_work() as db:
        request = _locked(db, known.request_id)
        if request is None or request.status != "erasing":
            return _next(given, "end")
        now = clock.now()
        acknowledge(db, request.request_id, DATA.domain, "erase", erase(db, request.uid, now, DATA))
        store.end_deletion(db, request.request_id, now)
        store.note(db, request.uid, "erased", None, now)
    return _next(given, "end")


def sweep() -> int:
    """Daily: a new execution for every request that should have ended; how many there were.

    It finds what the first one left: a workflow that failed, was never started, or ended because something was unsettled.
    """
    now = clock.now()
    with reading() as db:
        overdue = store.overdue_deletions(db, now - _OVERDUE, _SWEPT)
    for request in overdue:
        start(request.request_id, request.delete_at, again=f"-{now:%Y%m%d}")
    return len(overdue)


def _locked(db: Connection, request_id: str) -> store.Deletion | None:
    """A request as it stands, its account locked as a login locks it: whoever comes back waits, or is waited for."""
    known = store.deletion(db, request_id)
    if known is None:
        return None
    store.lock(db, known.uid)
    return store.deletion(db, request_id)


def _erase_too(db: Connection, uid: int, now: datetime) -> None:
    """An account that was merged into one that goes is the same person's: it is due at once, by a request of its own."""
    if store.open_deletion_of(db, uid):
        return
    request_id = new_ulid()
    store.open_deletion(db, request_id, uid, now, now)
    store.note(db, uid, "deletion_requested", "merged", now)
    outbox.record(db, DeletionRequested(event_id=new_ulid(), occurred_at=now, request_id=request_id, uid=uid, delete_at=now))


def _hold(db: Connection, request: store.Deletion, because: store.Held, now: datetime) -> None:
    """Money arrived meanwhile: nothing is erased while it is owed. Operators find it among the security events."""
    if request.held_because != because:
        _alarm(db, "deletion_held", request, because=because)
    store.hold(db, request.request_id, because, now)


def _alarm(db: Connection, kind: str, request: store.Deletion, **detail: Any) -> None:
    said = {"case": kind, "request_id": request.request_id, **detail}
    record(db, "data_access", severity="medium", user_id=request.uid, detail=said, once=f"{kind} {json.dumps(said)}")
    observe.warn(kind, uid=request.uid, **detail)
    observe.count(kind)


def _ask_domains(db: Connection, request: store.Deletion, now: datetime) -> None:
    store.ask_to_erase(db, request.request_id, now)
    outbox.record(
        db,
        AccountErased(event_id=new_ulid(), occurred_at=now, request_id=request.request_id, uid=request.uid, erased_at=now),
    )


def _missing(db: Connection, request_id: str) -> set[str]:
    return set(_OTHERS - set(acknowledged(db, request_id, "erase")))


def _patience(times_asked: int) -> timedelta:
    return min(_FIRST_SILENCE * int(2 ** min(times_asked - 1, 10)), _LONGEST_SILENCE)


def _next(given: dict[str, Any], step: str, wait_seconds: int = 0) -> dict[str, Any]:
    return given | {"next": step, "wait_seconds": wait_seconds}
