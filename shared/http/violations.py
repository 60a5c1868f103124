"""A denied staff call leaves a security event (rules.md §2). Only a denial pays for it: nothing here runs on the way in."""

from shared import clock, observe
from shared.caller import Caller
from shared.http.context import RequestContext

_ONCE = 300


def note(context: RequestContext, caller: Caller, permission: str | None) -> None:
    """Record `permission_violation` in a transaction of its own: the call is refused, its record stays.

    The same refusal again within the minute is the same event, so that knocking fills no table.
    A database that does not answer costs the record, not the refusal.
    """
    import psycopg

    from shared.sql import security
    from shared.sql.edge import unit_of_work

    observe.warn("permission_violation", uid=caller.uid, permission=permission)
    observe.count("permission_violation")
    try:
        with unit_of_work() as db:
            security.record(
                db,
                "permission_violation",
                severity="medium",
                user_id=caller.uid,
                admin_id=caller.uid if caller.kind == "staff" else None,
                ip=context.ip,
                detail={"method": context.method, "path": context.path, "permission": permission, "session": caller.kind},
                once=f"{caller.uid} {permission} {context.path} {clock.now():%Y%m%d%H%M}"[:_ONCE],
            )
    except psycopg.Error:
        observe.error("security event was not recorded")
