"""One-time codes: asking for one, sending it, proving one (rules.md §3).

The code itself never travels: it is the keyed hash of the request's id, computed where it is sent. A queue that delivers
a request twice therefore sends the same code twice, not a second one that would void the first.
"""

import hmac
import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from pydantic import BaseModel

from functions.identity import keyed, letters
from functions.identity.errors import CodeInvalid, CodeTooFrequent, TargetInvalid
from functions.identity.models import Channel, target_of
from functions.identity.schemas.fields import Purpose
from functions.identity.store import codes as store
from shared import aws, clock, observe
from shared.i18n import Locale
from shared.ids import new_ulid
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

GAP_SECONDS = 60
ATTEMPTS = 5
_DAY_SECONDS = 86_400


class CodeRequest(BaseModel):
    """What travels through the queue `email` or `sms`. Times in epoch seconds."""

    send_id: str
    channel: Channel
    target: str
    purpose: Purpose
    locale: Locale
    requested_at: int
    expires_at: int


def request(db: Connection, channel: Channel, text: str, purpose: Purpose, locale: Locale) -> int:
    """Have a code sent; returns the seconds it will count. Known and unknown targets are treated alike.

    Raises TargetInvalid, or CodeTooFrequent within 60 s of the last or after the day's allowance (of Shanghai's day).
    """
    target = target_of(channel, text)
    if target is None:
        raise TargetInvalid
    seconds = int(tunable(db, "auth.code_ttl_seconds"))
    per_day = int(tunable(db, "auth.code_per_day"))
    now = clock.now()
    epoch = int(now.timestamp())
    hashed = _target_hash(target)
    if wait := store.take_turn(purpose, hashed, epoch, GAP_SECONDS):
        raise CodeTooFrequent(retry_after=wait)
    local = now.astimezone(clock.SHANGHAI)
    if not store.take_of_day(hashed, f"{local:%Y%m%d}", per_day, epoch + 2 * _DAY_SECONDS):
        rest = _DAY_SECONDS - (local.hour * 3600 + local.minute * 60 + local.second)
        raise CodeTooFrequent(retry_after=rest)
    wanted = CodeRequest(
        send_id=new_ulid(),
        channel=channel,
        target=target,
        purpose=purpose,
        locale=locale,
        requested_at=epoch,
        expires_at=epoch + seconds,
    )
    aws.client("sqs").send_message(QueueUrl=os.environ[f"QUEUE_{channel.upper()}"], MessageBody=wanted.model_dump_json())
    return seconds


def send(body: dict[str, Any], deliver: Callable[[str, letters.Letter], None]) -> None:
    """Make the code of a request, keep its hash, and have it delivered. Repeating a delivered request does nothing."""
    wanted = CodeRequest.model_validate(body)
    if wanted.expires_at <= clock.now().timestamp():
        observe.warn("code request came too late", purpose=wanted.purpose)
        return
    target_hash = _target_hash(wanted.target)
    code = f"{int(keyed.digest('code', json.dumps([wanted.send_id, wanted.purpose, wanted.target])), 16) % 1_000_000:06d}"
    new = store.keep(
        wanted.purpose,
        target_hash,
        send_id=wanted.send_id,
        code_hash=_code_hash(wanted.purpose, wanted.target, code),
        requested_at=wanted.requested_at,
        expires=wanted.expires_at,
    )
    if new:
        deliver(wanted.target, letters.code_letter(wanted.purpose, code, wanted.locale))
        store.mark_delivered(wanted.purpose, target_hash, wanted.send_id)


class Proof:
    """A code that was right. `use` it in the transaction of what it allows, so that a conflict there leaves it usable."""

    def __init__(self, purpose: Purpose, target: str, code_hash: str) -> None:
        self._purpose, self._target_hash, self._code_hash = purpose, _target_hash(target), code_hash

    def use(self) -> None:
        """Use it up. Raises CodeInvalid when another request was first."""
        if not store.use(self._purpose, self._target_hash, self._code_hash):
            raise CodeInvalid


def prove(purpose: Purpose, target: str, code: str) -> Proof:
    """Compare a code, counting the attempt first. Raises CodeInvalid: wrong, expired, used, or five attempts made."""
    expected = store.count_attempt(purpose, _target_hash(target), int(clock.now().timestamp()), ATTEMPTS)
    given = _code_hash(purpose, target, code)
    if expected is None or not hmac.compare_digest(expected, given):
        raise CodeInvalid
    return Proof(purpose, target, given)


def prove_any(purpose: Purpose, targets: Sequence[str], code: str) -> Proof:
    """The same for a person who may have been sent the code at one of several targets; each is looked at, and counts.

    Raises CodeInvalid.
    """
    proofs = []
    for target in targets:
        with suppress(CodeInvalid):
            proofs.append(prove(purpose, target, code))
    if not proofs:
        raise CodeInvalid
    return proofs[0]


def _target_hash(target: str) -> str:
    return keyed.digest("code target", target)


def _code_hash(purpose: str, target: str, code: str) -> str:
    return keyed.digest("code value", json.dumps([purpose, target, code]))
