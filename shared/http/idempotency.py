"""`Idempotency-Key`: the key, a hash of the body and the answer live in the same transaction as the change.

A repeated key gets the stored answer; with another body it gets 409; two at once: the second waits for the first.
"""

import hashlib
from datetime import timedelta
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from starlette.responses import Response

from shared import clock
from shared.caller import Caller
from shared.errors import IdempotencyConflict
from shared.http.context import of_scope
from shared.sql.connection import Connection

A = TypeVar("A", bound=BaseModel)
KEPT = timedelta(hours=24)

IdempotencyKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=128)]


class Replay(Exception):  # noqa: N818 - not an error: the answer that was given before
    """Ends the request with the stored answer."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class Once:
    """One use of a key: `claim` before the work, `keep` the answer after it, both in the caller's transaction."""

    def __init__(self, request: Request, key: str | None) -> None:
        context = of_scope(request.scope)
        self._key = key
        self._scope = f"{context.method} {context.path}"
        self._body_hash = hashlib.sha256(context.body).hexdigest()
        self._uid = 0

    def claim(self, db: Connection, caller: Caller) -> None:
        """Take the key. Raises Replay with the stored answer, or IdempotencyConflict when the body differs."""
        if self._key is None:
            return
        self._uid = caller.uid
        now = clock.now()
        row = db.execute(
            """
            WITH claimed AS (
                INSERT INTO platform.idempotency_keys AS kept (uid, scope, key, body_hash, expires_at)
                VALUES (%(uid)s, %(scope)s, %(key)s, %(hash)s, %(expires)s)
                ON CONFLICT (uid, scope, key) DO UPDATE
                SET body_hash = excluded.body_hash, status = NULL, body = NULL, expires_at = excluded.expires_at
                WHERE kept.expires_at <= %(now)s
                RETURNING 1
            )
            SELECT (SELECT count(*) FROM claimed) = 1
            """,
            {
                "uid": self._uid,
                "scope": self._scope,
                "key": self._key,
                "hash": self._body_hash,
                "expires": now + KEPT,
                "now": now,
            },
        ).fetchone()
        if row is not None and row[0]:
            return
        earlier = db.execute(
            "SELECT body_hash, status, body FROM platform.idempotency_keys WHERE uid = %s AND scope = %s AND key = %s",
            (self._uid, self._scope, self._key),
        ).fetchone()
        if earlier is None or earlier[0] != self._body_hash:
            raise IdempotencyConflict
        raise Replay(earlier[1], earlier[2])

    def keep(self, db: Connection, given: A, status: int = 200) -> A:
        """Store the answer with the key and hand it on."""
        if self._key is not None:
            db.execute(
                "UPDATE platform.idempotency_keys SET status = %s, body = %s WHERE uid = %s AND scope = %s AND key = %s",
                (status, given.model_dump_json(), self._uid, self._scope, self._key),
            )
        return given


async def once(request: Request, key: IdempotencyKey = None) -> Once:
    """The dependency behind `OnceOnly`."""
    return Once(request, key)


OnceOnly = Annotated[Once, Depends(once)]


async def replayed(request: Request, replay: Exception) -> Response:
    """Answer a repeated key with what was answered the first time. Nothing is done, so no audit row is owed."""
    of_scope(request.scope).duty = None
    assert isinstance(replay, Replay)  # noqa: S101 - narrows the type Starlette promises by registration
    return Response(replay.body, replay.status, {"Idempotent-Replay": "true"}, media_type="application/json")
