"""The database as a dependency of routes: `Read` for one-statement reads, `Write` for one transaction at the edge."""

from collections.abc import AsyncIterator
from typing import Annotated

import psycopg
from fastapi import Depends

from shared import observe
from shared.errors import RequestInProgress, ServiceDegraded, ValidationFailed
from shared.sql.connection import Connection, reading
from shared.sql.edge import unit_of_work


async def _read() -> AsyncIterator[Connection]:
    try:
        with reading() as db:
            yield db
    except psycopg.Error as error:
        raise _as_refusal(error) from error


async def _write() -> AsyncIterator[Connection]:
    try:
        with unit_of_work() as db:
            yield db
    except psycopg.Error as error:
        raise _as_refusal(error) from error


async def _steps() -> AsyncIterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise _as_refusal(error) from error


def _as_refusal(error: psycopg.Error) -> Exception:
    """What the database refused, in the words of the API: bad values 422, contention 409, no database 503."""
    if isinstance(error, psycopg.DataError):
        return ValidationFailed([{"field": "body", "message": "value out of range"}])
    if isinstance(
        error, (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable)
    ):
        return RequestInProgress(retry_after=1)
    if isinstance(error, psycopg.OperationalError):
        observe.error("database unavailable")
        return ServiceDegraded(retry_after=2)
    return error


# `scope="function"`: the commit happens before the answer is sent, so that a 200 means it was stored.
Read = Annotated[Connection, Depends(_read, scope="function")]
Write = Annotated[Connection, Depends(_write, scope="function")]
# A route that calls a vendor between its transactions opens them itself, with `unit_of_work`, and says so by this.
Steps = Annotated[None, Depends(_steps, scope="function")]
