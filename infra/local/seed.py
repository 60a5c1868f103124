"""Demo people for the laptop: `python -m infra.local.seed`, run by `make run` once the API answers.

Accounts are written straight into PostgreSQL as its owner, through identity's own queries, so that they are what the API
would have made. TOTP secrets and id numbers are encrypted by the emulator's KMS key `alias/sharestack-local-pii`, the key
the functions decrypt with. Seeding again changes nothing but the encryption of TOTP secrets, since the emulator may have
been reset and its KMS key be another one.
"""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.identity.models import Client, NewAccount
from functions.identity.schemas.verifications import CreatorIn, IdentityIn, ReviewIn
from functions.identity.service import verifications
from functions.identity.service.second_factor import totp_context
from functions.identity.store import accounts, second_factor, staff
from infra.local.files import write_whole
from infra.local.settings import Local
from shared import clock, crypto, passwords
from shared.sql import outbox
from shared.sql.connection import Connection, connect

PASSWORD = "Demo-2026"  # noqa: S105 - of a laptop's demo people, printed by `make run`
RESOURCES = {"KEY_PII": "alias/sharestack-local-pii", "TABLE_IDENTITY": "sharestack-local-identity"}


@dataclass(frozen=True)
class Demo:
    """Somebody who is there from the start; `role` is a staff role, `creator` or `reader`."""

    name: str
    role: str
    display_name: str

    @property
    def email(self) -> str:
        """The address they sign in with."""
        return f"{self.name}@sharestack.local"

    @property
    def totp_secret(self) -> str | None:
        """An operator's second factor: always the same on every laptop, so that an authenticator app may keep it."""
        if self.role in {"creator", "reader"}:
            return None
        return base64.b32encode(hashlib.sha1(f"sharestack demo {self.name}".encode()).digest()).decode()  # noqa: S324


PEOPLE = (
    Demo("root", "super_admin", "Root"),
    Demo("ops", "user_manager", "Olivia Ops"),
    Demo("finance", "finance_manager", "Fang Finance"),
    Demo("finance2", "finance_manager", "Felix Finance"),
    Demo("creator", "creator", "陈创作"),
    Demo("reader", "reader", "李读者"),
)


def seed(dsn: str) -> dict[str, Any]:
    """Make everyone who is not there yet; returns the logins and ids. One transaction: everyone or no one."""
    with connect(dsn) as db, db.transaction():
        ids = {person.name: _account(db, person) for person in PEOPLE}
        _certify(db, ids["creator"], reviewer=ids["ops"])
        outbox.store(db)
    return {
        "logins": [
            {
                "email": person.email,
                "password": PASSWORD,
                "totp_secret": person.totp_secret,
                "role": person.role,
                "uid": ids[person.name],
            }
            for person in PEOPLE
        ],
        "ids": ids,
    }


def _account(db: Connection, person: Demo) -> int:
    uid = accounts.find_uid(db, person.email) or accounts.insert_account(db, _new(person))
    if person.totp_secret:
        second_factor.enrol_totp(db, uid, crypto.encrypt(person.totp_secret, totp_context(uid)), clock.now())
        staff.appoint(db, uid, person.role)
    return uid


def _new(person: Demo) -> NewAccount:
    return NewAccount(
        email=person.email,
        phone=None,
        verified=True,
        username=f"demo_{person.name}",
        display_name=person.display_name,
        password_hash=passwords.hashed(PASSWORD),
        invitation_code=f"DEMO-{person.name.upper()}",
        invited_by=None,
        locale="zh-CN",
        client=Client("127.0.0.1", "seed"),
        at=clock.now(),
    )


def _certify(db: Connection, uid: int, reviewer: int) -> None:
    """Real name, then certification, each approved by an operator, as in life."""
    person = accounts.find_person(db, uid)
    if person is None or person.profile["is_creator"]:
        return
    named = verifications.submit_identity(db, uid, IdentityIn(real_name="陈创作", id_number="11010519491231002X"))
    verifications.review(db, named.verification_id, reviewer, ReviewIn(action="approve"), "zh-CN")
    wanted = CreatorIn(field="写作", introduction="演示用的创作者。")
    application = verifications.apply_as_creator(db, uid, wanted)
    verifications.review(db, application.verification_id, reviewer, ReviewIn(action="approve"), "zh-CN")


def main(environment: Mapping[str, str]) -> None:
    """Seed the laptop's database and write STATE_DIR/seed.json. Reads DATABASE_URL, the owner's."""
    for name, value in RESOURCES.items():
        os.environ.setdefault(name, value)
    seeded = seed(environment["DATABASE_URL"])
    write_whole(Local.from_environment().seed, json.dumps(seeded, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main(os.environ)
