"""Attempts at an account: alone with it, counted, watched and written down, with the same work for a name nobody has.

Nothing here hashes a password, so that functions without that library can count a wrong one-time password too.

What is done for an attempt does not depend on whether the account exists: one statement locks the account or what is
remembered of the name, one stores what was guessed and from where; the attempt is written down; a lock leaves a security
event and a message in the queue `email`, which for nobody has no target.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError

from functions.identity import keyed
from functions.identity.errors import AccountLocked
from functions.identity.letters import Alarm, alarm_letter
from functions.identity.models import ADDRESSES_REMEMBERED, Account, AccountName, Client, Guesses, account_name
from functions.identity.service import mail
from functions.identity.store import accounts, credentials, logins
from shared import clock, observe
from shared.errors import Refusal
from shared.i18n import DEFAULT_LOCALE
from shared.sql import security
from shared.sql.connection import Connection
from shared.sql.tunables import tunable

MANY_ADDRESSES = 3
"""Distinct addresses within an hour that no one person comes from (rules.md §3)."""


@dataclass(slots=True)
class Attempt:
    """One attempt at one name. `account` is None for a name nobody has."""

    db: Connection
    name_hash: str
    account: Account | None
    guesses: Guesses
    client: Client
    at: datetime
    flags: list[str] = field(default_factory=list)
    new_password_hash: str | None = None
    is_remembered: bool = False

    @property
    def locked(self) -> AccountLocked | None:
        """The refusal of a name that wrong passwords have locked."""
        until = self.guesses.locked_until
        if until is None or until <= self.at:
            return None
        return AccountLocked(retry_after=int((until - self.at).total_seconds()) + 1)

    def count_failure(self) -> None:
        """Count a wrong password or one-time password; the fifth in 15 minutes locks the name (rules.md §3)."""
        limit = int(tunable(self.db, "auth.max_failures"))
        lock = timedelta(minutes=int(tunable(self.db, "auth.lock_minutes")))
        was_locked = self.guesses.is_locked(self.at)
        self.guesses = self.guesses.after_failure(self.at, limit=limit, lock=lock)
        self.remember()
        if self.guesses.is_locked(self.at):
            self.flags.append("lock_out")
            if not was_locked:
                self._raise_alarm("brute_force", "lock_out", level=self.guesses.lock_level)

    def watch_addresses(self) -> None:
        """Look where the last hour's attempts came from, and which device this one has. Nothing is stored yet."""
        known = self.guesses.addresses_since(self.at - ADDRESSES_REMEMBERED)
        self.guesses = self.guesses.after_attempt_from(self.client.ip, self.at)
        if len(known | {self.client.ip: 0}) >= MANY_ADDRESSES:
            self.flags.append("impossible_frequency")
            if self.client.ip not in known:
                self._raise_alarm("abnormal_login", "impossible_frequency", addresses=len(known) + 1)
        if self.account and self.client.device_id and self.account.has_devices and not self.account.knows_device:
            self.flags.append("new_device")

    def note_success(self, method: str) -> None:
        """Signed in: failures are forgotten; when, how, with what and from where is remembered."""
        if self.account:
            accounts.note_login(
                self.db,
                self.account.uid,
                method,
                self.client,
                self.at,
                password_hash=self.new_password_hash,
                recent_addresses=self.guesses.recent_addresses,
            )
            self.is_remembered = True

    def remember(self) -> None:
        """Store what is remembered of the name, unless that was done already."""
        if self.is_remembered:
            return
        if self.account:
            credentials.keep_guesses(self.db, self.account.uid, self.guesses)
        else:
            credentials.keep_guesses_at_nobody(self.db, self.name_hash, self.guesses, self.at)
        self.is_remembered = True

    def raise_new_address(self) -> None:
        """An operator signed in from an address never seen for the account."""
        self._raise_alarm("abnormal_login", "new_address")

    def write_down(self, method: str, refusal: Refusal | None) -> None:
        """One line of the login log; and what is remembered of the name is stored, if it was not yet."""
        self.remember()
        reason = refusal.error if refusal else None
        if self.account:
            logins.log(self.account.uid, method, self.client, reason=reason, flags=self.flags)
        else:
            logins.log_nobody(self.name_hash, method, self.client, reason=reason or "", flags=self.flags)

    def _raise_alarm(self, kind: Literal["brute_force", "abnormal_login"], alarm: Alarm, **detail: object) -> None:
        """A security event in this transaction, and a letter to the owner unless they do not want any."""
        uid = self.account.uid if self.account else None
        observe.warn(kind, uid=uid, why=alarm, ip=self.client.ip)
        observe.count(kind)
        severity: security.Severity = "high" if kind == "brute_force" else "medium"
        named = detail | {"why": alarm} | ({} if self.account else {"name_hash": self.name_hash})
        is_staff = alarm == "new_address"
        security.record(
            self.db,
            kind,
            severity=severity,
            user_id=uid,
            admin_id=uid if is_staff else None,
            ip=self.client.ip,
            detail=named,
        )
        tell_owner(self.account, alarm, self.client.ip, self.at)


def tell_owner(account: Account | None, alarm: Alarm, ip: str, at: datetime) -> None:
    """Write to the owner when they want to be told. A queue that does not answer costs the letter, not the sign-in."""
    target = account.email if account and account.login_alerts else None
    try:
        mail.post(target, alarm_letter(alarm, at, ip, account.locale if account else DEFAULT_LOCALE))
    except (BotoCoreError, ClientError):
        observe.error("alarm was not posted", alarm=alarm)


@contextmanager
def alone_with(db: Connection, name: str | int, client: Client) -> Iterator[Attempt]:
    """An attempt at a name, or at the account of a uid, in a transaction of its own: the next one waits for it."""
    now = clock.now()
    kind: AccountName | Literal["uid"]
    kind, text = ("uid", str(name)) if isinstance(name, int) else account_name(name)
    name_hash = keyed.digest("login name", f"{kind}:{text}")
    with db.transaction():
        account, guesses = credentials.lock_account(db, kind, text, name_hash=name_hash, client=client, at=now)
        yield Attempt(db, name_hash, account, guesses, client, now)
