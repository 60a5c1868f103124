"""What the guards of the house saw: one row per security event, in the caller's transaction (rules.md §17)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from psycopg.types.json import Jsonb

from shared import clock, observe
from shared.ids import new_ulid
from shared.sql.connection import Connection

Kind = Literal[
    "abnormal_login",
    "permission_violation",
    "api_abuse",
    "signature_failure",
    "injection_attempt",
    "brute_force",
    "data_access",
]
"""The kinds of ADM-046."""

Severity = Literal["low", "medium", "high", "critical"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def record(
    db: Connection,
    kind: Kind,
    *,
    severity: Severity,
    user_id: int | None = None,
    admin_id: int | None = None,
    ip: str | None = None,
    detail: Mapping[str, Any] = _NOTHING,
    once: str | None = None,
) -> None:
    """Write an event down; it exists if and only if the caller's transaction commits. `detail` is masked first.

    `user_id` and `admin_id` are both uids. Events with the same `once` are one event: say it when the same occurrence may
    be seen twice.
    """
    db.execute(
        """
        INSERT INTO admin.security_events (once, kind, severity, user_id, admin_id, ip, detail, created_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (once) DO NOTHING
        """,
        (once or new_ulid(), kind, severity, user_id, admin_id, ip, Jsonb(observe.mask(dict(detail))), clock.now()),
    )
