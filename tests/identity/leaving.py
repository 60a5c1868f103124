"""A person with something in every domain, on a house that runs all of them: for the tests of leaving."""

import io
import json
import os
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from zipfile import ZipFile

import pytest
from moto.ses.models import ses_backends

from functions.identity import keyed
from shared import aws, clock, crypto
from shared.dynamo.jobs import open_job
from shared.dynamo.sessions import JwksItem
from shared.sql.connection import connect
from tests.fixtures.api import JWKS, Reply, open_session
from tests.fixtures.people import make_user
from tests.fixtures.sandbox import Sandbox
from tests.fixtures.signing import hand_over_signing_key
from tests.identity.conftest import PASSWORD, forget_keys
from tests.journey.house import LittleHouse
from tests.journey.mortality import Mortality

PERSON, READER, OTHER = 100001, 100002, 100003
NAME, EMAIL, PHONE = "Zaphod Beeblebrox", "zaphod@example.com", "+8613812345678"
CARD = "11010519491231002X"
TRACES = ("zaphod", "beeblebrox", "13812345678", CARD.lower(), "203.0.113.77", "heart of gold")
"""What gives the person away, in lower case."""


class World:
    """A house, a person in it, and a clock that can be moved."""

    def __init__(
        self,
        dsn: Callable[..., str],
        monkeypatch: pytest.MonkeyPatch,
        clock_file: Path,
        mortality: Mortality | None = None,
    ) -> None:
        self.dsn, self._clock_file = dsn, clock_file
        clock_file.write_text(json.dumps({"offset_seconds": 0}))
        monkeypatch.setenv("CLOCK_FILE", str(clock_file))
        monkeypatch.setenv("MAIL_FROM", "no-reply@house.test")
        self.house = LittleHouse(dsn, cast("Sandbox", None), monkeypatch, mortality)
        aws.client("sesv2").create_email_identity(EmailIdentity="no-reply@house.test")
        forget_keys()
        keyed.ensure_key()
        hand_over_signing_key()
        published = json.loads(JwksItem.get("JWKS", "JWKS").jwks)
        JwksItem("JWKS", "JWKS", jwks=json.dumps({"keys": [*published["keys"], *JWKS["keys"]]})).save()

    def sql(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Look, or arrange, as the owner."""
        return self.house.sql(statement, parameters)

    def move(self, **by: float) -> None:
        """Move the product's clock on."""
        offset = json.loads(self._clock_file.read_text())["offset_seconds"] + timedelta(**by).total_seconds()
        self._clock_file.write_text(json.dumps({"offset_seconds": offset}))

    def register(self, email: str = EMAIL) -> str:
        """Open an account through the front door; returns an access token."""
        body = {"email": email, "password": PASSWORD, "agree_terms": True, "username": email.partition("@")[0]}
        reply = self.house.request("POST", "/auth/register", body | {"display_name": NAME, "device_id": "heart of gold"})
        return str(reply.data["access_token"])

    def uid_of(self, email: str = EMAIL) -> int:
        """Whose address it is."""
        return int(self.sql("SELECT uid FROM identity.users WHERE email = %s", (email,))[0][0])

    def log_in(self, email: str = EMAIL, **fields: Any) -> Reply:
        """Sign in with the password."""
        return self.house.request("POST", "/auth/login", {"account": email, "password": PASSWORD} | fields)

    def code(self, purpose: str, email: str = EMAIL) -> str:
        """Ask for a code and read it in the letter."""
        self.move(seconds=61)
        asked = {"channel": "email", "target": email, "purpose": purpose}
        assert self.house.request("POST", "/auth/verification-codes", asked).status == 200
        self.house.deliver()
        found = re.search(r"\d{6}", ses_backends["123456789012"]["us-east-1"].sent_messages[-1].body)
        assert found
        return found[0]

    def delete(self, token: str, email: str = EMAIL) -> Reply:
        """Ask to be deleted, with the code that takes."""
        return self.house.request("DELETE", "/users/delete", token=token, query={"code": self.code("delete_account", email)})

    def sweep(self) -> None:
        """The day's run of what finds lost deletions and exports."""
        self.house._invoke("identity", "erase_due_accounts", {})
        self.house.deliver()

    def settle(self) -> None:
        """Carry everything on until all workflows have ended; what a crash left unpublished, the sweeper publishes."""
        for _ in range(60):
            moved = self.house._carry_facts()
            moved = self.house._carry_messages() or moved
            moved = self.house.machines.run() or moved
            running = [one for one in self.house.machines.executions.values() if one.status == "RUNNING"]
            unsent = self.sql("SELECT count(*) FROM platform.outbox_events WHERE sent_at IS NULL") != [(0,)]
            if not moved and not running and not unsent:
                return
            if unsent:
                self.move(seconds=11)
                self.house._invoke("platform", "sweep_outbox", {})
        raise AssertionError("the workflows do not end")

    def status(self, uid: int) -> str:
        """The state of an account."""
        return str(self.sql("SELECT status FROM identity.users WHERE uid = %s", (uid,))[0][0])

    def request(self) -> tuple[str, str | None]:
        """State of the last deletion, and what holds it."""
        return cast(
            "tuple[str, str | None]",
            self.sql(
                "SELECT status, held_because FROM identity.deletion_requests ORDER BY created_at DESC, request_id DESC LIMIT 1"
            )[0],
        )

    # -- a full life

    def live(self, uid: int) -> None:
        """Give a person something in every domain, most of it with their name on it."""
        now = clock.now()
        for other, name in ((READER, "reader"), (OTHER, "other")):
            make_user(self.sql, other, name)
        self._identity(uid, now)
        self._media(uid, now)
        self._content(uid, now)
        self._trade(uid, now)
        self._items(uid)

    def _identity(self, uid: int, now: Any) -> None:
        self.sql(
            """
            UPDATE identity.authors a SET description = 'I am Zaphod', location = 'Beeblebrox Street', birthday = '1980-01-01',
                avatar = 'https://house.test/zaphod.webp' FROM identity.users u WHERE u.id = a.user_id AND u.uid = %s
            """,
            (uid,),
        )
        self.sql(
            "UPDATE identity.users SET phone_number = %s, wallet_address = 'zaphod-wallet', ban_reason = 'Beeblebrox was rude' "
            "WHERE uid = %s",
            (PHONE, uid),
        )
        self.sql(
            """
            UPDATE identity.user_profiles SET website = 'https://zaphod.example', preferences = '{"nick": "Zaphod"}',
                identity_status = 'approved', is_creator = true WHERE uid = %s
            """,
            (uid,),
        )
        sealed = {
            column: crypto.encrypt(plain, {"table": "user_verifications", "column": column, "uid": str(uid)})
            for column, plain in (("real_name", NAME), ("id_number", CARD))
        }
        self.sql(
            """
            INSERT INTO identity.user_verifications (uid, kind, status, real_name, real_name_masked, id_type, id_number,
                id_number_masked, id_number_hash, comment, submitted_at, reviewed_at)
            VALUES (%s, 'identity', 'approved', %s, 'Z***', 'id_card', %s, '110***********002X', 'hash', 'hello Zaphod', %s, %s)
            """,
            (uid, sealed["real_name"], sealed["id_number"], now, now),
        )
        self.sql(
            """
            INSERT INTO identity.user_oauth (uid, provider, provider_user_id, union_id, linked_at)
            VALUES (%s, 'wechat', 'zaphod-openid', 'zaphod-union', %s)
            """,
            (uid, now),
        )
        self.sql(
            "INSERT INTO identity.account_changes (uid, change, reason, at) VALUES (%s, 'deactivated', 'Zaphod is tired', %s)",
            (uid, now),
        )

    def _media(self, uid: int, now: Any) -> None:
        self.sql(
            "INSERT INTO media.media_categories (owner_id, name, created_at, updated_at) VALUES (%s, 'zaphod pics', %s, %s)",
            (uid, now, now),
        )
        for media_id, name in ((1, "zaphod.png"), (2, "cover.png")):
            key, rendition = f"u/{uid}/{media_id}/v1/{name}", f"r/{media_id}/zaphod{media_id}.webp"
            self.sql(
                """
                INSERT INTO media.media_files (media_id, owner_id, kind, filename, content_type, size, s3_key, status,
                    category_id, folder, tags, visibility, metadata, created_at, updated_at)
                OVERRIDING SYSTEM VALUE
                VALUES (%s, %s, 'image', 'zaphod.png', 'image/png', 9, %s, 'ready', 1, 'Beeblebrox', '{zaphod}', 'public',
                    '{"width": 1}', %s, %s)
                """,
                (media_id, uid, key, now, now),
            )
            self.sql("INSERT INTO media.media_versions VALUES (%s, 1, %s, 9, NULL, %s, %s)", (media_id, key, uid, now))
            self.sql(
                "INSERT INTO media.media_variants VALUES (%s, 'w', %s, 'webp', 1, 1, NULL, 9, NULL, %s)",
                (media_id, rendition.replace("zaphod2", "cover"), now),
            )
            body = b"a picture" if media_id == 2 else b"a picture of Zaphod"
            aws.client("s3").put_object(Bucket=os.environ["BUCKET_MEDIA_PRIVATE"], Key=key, Body=body)
            aws.client("s3").put_object(
                Bucket=os.environ["BUCKET_MEDIA_PUBLIC"], Key=rendition.replace("zaphod2", "cover"), Body=body
            )
        self.sql("INSERT INTO media.media_usage VALUES (%s, 18, %s)", (uid, now))

    def _content(self, uid: int, now: Any) -> None:
        for content_id, status, title, published in ((1, "published", "A work", 1), (2, "draft", "Zaphod's diary", None)):
            self.sql(
                """
                INSERT INTO content.contents (content_id, author_id, kind, title, summary, body, body_format, cover_media_id,
                    status, access_level, preview_percent, is_original, version, published_version, published_at,
                    rejected_reason, created_at, updated_at)
                OVERRIDING SYSTEM VALUE
                VALUES (%s, %s, 'article', %s, NULL, %s, 'markdown', %s, %s, 'free', 10, true, 2, %s, %s, 'Zaphod!', %s, %s)
                """,
                (content_id, uid, title if content_id == 2 else "Zaphod edits this", "Beeblebrox writes",
                 2 if content_id == 1 else 1, status, published, now if published else None, now, now),
            )  # fmt: skip
            for version, words in ((1, title), (2, "Zaphod edits this")):
                self.sql(
                    """
                    INSERT INTO content.content_versions (content_id, version, title, body, body_format, media_ids, word_count,
                        change_note, editor_id, created_at)
                    VALUES (%s, %s, %s, %s, 'markdown', '{}', 1, 'as Zaphod said', %s, %s)
                    """,
                    (content_id, version, words, words, uid, now),
                )
        self.sql("INSERT INTO content.content_media VALUES (2, 1, 'body', 0)")
        self.sql("INSERT INTO content.content_collaborators VALUES (1, %s, 'viewer', %s, %s)", (uid, now, now))

    def _trade(self, uid: int, now: Any) -> None:
        self.sql(
            """
            INSERT INTO subscriptions.subscription_plans (plan_id, creator_id, name, description, tier, amount, interval,
                trial_days, benefits, permissions, content_scope, content_ids, status, created_at, updated_at)
            OVERRIDING SYSTEM VALUE
            VALUES (1, %s, 'Zaphod Monthly', 'all of Beeblebrox', 1, 3000, 'month', 0, '["Zaphod himself"]', '{}', 'all', '{}',
                'active', %s, %s), (2, %s, 'Theirs', NULL, 1, 3000, 'month', 0, '[]', '{}', 'all', '{}', 'active', %s, %s)
            """,
            (uid, now, now, OTHER, now, now),
        )
        self.sql(
            """
            INSERT INTO subscriptions.user_subscriptions (user_id, creator_id, plan_id, tier, amount, status, auto_renew,
                current_period_start, current_period_end, cancel_reason, version, created_at, updated_at)
            VALUES (%s, %s, 2, 1, 3000, 'active', true, %s, %s, 'Zaphod is bored', 1, %s, %s)
            """,
            (uid, OTHER, now, now + timedelta(days=90), now, now),
        )
        self.sql(
            "SELECT commerce.open_order('subscriptions', 'subscription', 1, %s, %s, 'Theirs', 3000, 0, 'CNY', '[]', 'o1', %s, %s)",
            (uid, OTHER, now, now + timedelta(minutes=30)),
        )
        self.sql(
            "SELECT * FROM finance.post_entry('seed', 'capture', 'order', 'o0', %s, 'CNY', %s, %s)",
            (now, [f"creator:{uid}:withdrawn", "channel:alipay"], [500, -500]),
        )
        self.sql(
            """
            INSERT INTO platform.idempotency_keys VALUES (%s, 'POST /x', 'k', 'h', 200, '{"name": "Zaphod"}', %s)
            """,
            (uid, now + timedelta(days=1)),
        )

    def _items(self, uid: int) -> None:
        open_session(uid)
        open_job(uid, "test", {"for": "Zaphod"}, "job1")
        put = aws.client("dynamodb").put_item
        for group, item in (
            ("events", {"pk": f"U#{uid}", "sk": "L#2026", "ip": "203.0.113.77", "user_agent": "Zaphod's phone"}),
            ("social", {"pk": f"U#{uid}", "sk": f"F#{OTHER}", "gsi1pk": f"F#{OTHER}", "gsi1sk": "1", "at": "1"}),
            ("social", {"pk": f"U#{uid}", "sk": f"FT#1#{OTHER}"}),
            ("social", {"pk": f"U#{READER}", "sk": f"F#{uid}", "gsi1pk": f"F#{uid}", "gsi1sk": "1", "at": "1"}),
            ("social", {"pk": f"U#{READER}", "sk": f"FT#1#{uid}"}),
            ("ops", {"pk": f"KU#{uid}", "sk": "zaphod-key"}),
        ):
            put(TableName=os.environ[f"TABLE_{group.upper()}"], Item={name: {"S": text} for name, text in item.items()})

    # -- looking for traces

    def traces(self, *, but: frozenset[str] = frozenset()) -> list[tuple[str, str]]:
        """Where anything still gives the person away: tables (those held left out), items, objects."""
        return [*self._in_tables(but), *self._in_items(), *self._in_objects()]

    def _in_tables(self, but: frozenset[str]) -> list[tuple[str, str]]:
        with connect(self.dsn("postgres")) as db:
            tables = db.execute(
                """
                SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
                """
            ).fetchall()
            found = []
            for (table,) in tables:
                if table not in but:
                    for (row,) in db.execute(f"SELECT t::text FROM {table} t").fetchall():
                        found += [(table, row) for trace in TRACES if trace in row.lower()]
        return found

    def _in_items(self) -> list[tuple[str, str]]:
        found = []
        for group in ("identity", "social", "events", "ops", "entitlements", "inbox", "market"):
            for item in aws.client("dynamodb").scan(TableName=os.environ[f"TABLE_{group.upper()}"])["Items"]:
                text = json.dumps(item)
                found += [(group, text) for trace in TRACES if trace in text.lower()]
        return found

    def _in_objects(self) -> list[tuple[str, str]]:
        found = []
        for name in ("MEDIA_PRIVATE", "MEDIA_PUBLIC", "EXPORTS", "AUDIT"):
            for key, body in objects(name).items():
                text = f"{key} {body.decode(errors='replace')}"
                found += [(name, text) for trace in TRACES if trace in text.lower()]
        return found

    def exported(self, job: dict[str, Any]) -> ZipFile:
        """The ZIP behind a finished job's address."""
        key = job["result"]["url"].split("?")[0].split("personal/")[1]
        return ZipFile(io.BytesIO(objects("EXPORTS")[f"personal/{key}"]))


def objects(name: str) -> dict[str, bytes]:
    """All that lies in a bucket."""
    s3, here = aws.client("s3"), os.environ[f"BUCKET_{name}"]
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=here).get("Contents", [])]
    return {key: s3.get_object(Bucket=here, Key=key)["Body"].read() for key in keys}
