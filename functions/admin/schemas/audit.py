"""What the audit log shows."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import AfterValidator

from shared.http.envelope import Id, Out

Result = Literal["success", "failed", "error"]


def _as_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Instant = Annotated[datetime, AfterValidator(_as_utc)]
"""An instant of a query; without a zone it is UTC (rules.md §0)."""

Word = Annotated[str | None, Query(max_length=100)]
Number = Annotated[Id | None, Query()]


class OperationLog(Out):
    """One row. `hash` is empty until the row is sealed, which takes a minute."""

    id: int
    admin_id: int
    operation: str
    resource_type: str
    resource_id: int | None
    details: dict[str, Any]
    ip_address: str
    user_agent: str
    result: Result
    error_message: str | None
    created_at: datetime
    hash: str


class AuditProof(Out):
    """Whether both logs are as they were sealed and anchored, how many rows were held against their hashes, and the
    smallest number of one that is off.
    """

    valid: bool
    checked: int
    first_broken_id: int | None
