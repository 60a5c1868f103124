"""Someone else's id answers 404, or the 403 the contract names: for every finished route with an id in its path."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jose import jwt

from shared import clock
from shared.dynamo.jobs import open_job
from shared.ids import new_order_no
from tests.boundaries.door import Door
from tests.contract.contract import Row, rows
from tests.fixtures.api import SignIn, open_session
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House
from tests.subscriptions import build

COMPLETE = (Path(__file__).parents[1] / "contract" / "complete.txt").read_text().split()
OWNER, STRANGER, BUYER = 100001, 100002, 100003
PUBLIC_TARGETS = {
    "IDN-030": "anybody may be followed",
    "IDN-031": "anybody may be followed",
}
"""Rows whose id names something that is nobody's secret."""

BODIES: dict[str, Any] = {
    "IDN-046": {"choices": {}},
    "CNT-002": {"title": "Mine now", "base_version": 1},
    "CNT-023": {"publish_at": "2099-01-01T00:00:00Z"},
    "CNT-032": {"access_level": "free"},
    "MED-003": {},
    "SUB-004": {"name": "Mine now"},
    "SUB-014": {"plan_id": "{plan_id}"},
    "SUB-010": {"channel": "alipay"},
    "SUB-010-means": {"means": "balance"},
    "SUB-010-consent": {"amount": 3000},
    "PAY-009": {"reason": "I want it"},
}
"""What a row is sent, where an empty object would not get past validation."""
QUERIES: dict[str, Any] = {"SUB-036": {"plan_id": "{plan_id}"}}
"""The same for the query of a row that must have one."""

NOT_NAMED = {
    "IDN-046": {(404, "merge_not_found")},
    "IDN-047": {(404, "merge_not_found")},
    "SUB-034": {(404, "subscription_not_found")},
    "SUB-035": {(404, "subscription_not_found")},
    "SUB-036": {(404, "subscription_not_found")},
}
"""Rows whose contract names no error for somebody else's id, and what they answer."""

WALKED = [
    row
    for row in map(rows().__getitem__, COMPLETE)
    if "{" in row.path and row.auth in {"user", "creator"} and row.id not in PUBLIC_TARGETS
]


class Belongings:
    """One thing of each kind, by the name of the path parameter that names it."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._made: dict[str, Any] = {}
        self.found: dict[str, Callable[[], Any]] = {
            "content_id": self.content,
            "version": lambda: 1,
            "media_id": self.file,
            "plan_id": lambda: build.plan(house.sql, OWNER),
            "subscription_id": self.subscription,
            "order_no": self.order,
            "withdrawal_id": self.withdrawal,
            "invoice_id": self.invoice,
            "statement_id": self.statement,
            "rule_id": self.pricing_rule,
            "coupon_id": self.coupon,
            "job_id": lambda: open_job(OWNER, "test", {}).job_id,
            "key_id": self.api_key,
            "merge_id": self.merge,
            "gift_id": self.gift,
            "agreement_id": self.agreement,
            "session_id": lambda: str(jwt.get_unverified_claims(open_session(OWNER))["sid"]),
        }

    def content(self) -> int:
        sold = {"title": "A work", "kind": "article", "body": "First.\n\nSecond."}
        token = open_session(OWNER, roles=("creator",))
        return int(Door(self._house).call("POST", "/contents/create", token=token, json_body=sold).data["content_id"])

    def file(self) -> int:
        media_id = build.file(self._house.sql, OWNER)
        self._house.sql(
            """
            INSERT INTO media.media_versions (media_id, version, s3_key, size, uploaded_by, created_at)
            SELECT media_id, version, s3_key, size, owner_id, now() FROM media.media_files WHERE media_id = %s
            """,
            (media_id,),
        )
        return media_id

    def subscription(self) -> int:
        plan_id = build.plan(self._house.sql, BUYER)
        now = clock.now()
        [(subscription_id,)] = self._house.sql(
            """
            INSERT INTO subscriptions.user_subscriptions (user_id, creator_id, plan_id, tier, amount, status, auto_renew,
                current_period_start, current_period_end, version, created_at, updated_at)
            VALUES (%s, %s, %s, 1, 3000, 'active', true, %s, %s, 1, %s, %s) RETURNING subscription_id
            """,
            (OWNER, BUYER, plan_id, now, now + timedelta(days=30), now, now),
        )
        return int(subscription_id)

    def agreement(self) -> int:
        [(agreement_id,)] = self._house.sql(
            """
            INSERT INTO subscriptions.payment_agreements (user_id, subscription_id, channel, external_no, status, single_amount,
                period_months, offered_at, created_at, updated_at)
            VALUES (%s, %s, 'alipay', 'strangers', 'signing', 3000, 1, now(), now(), now()) RETURNING agreement_id
            """,
            (OWNER, self._one("subscription_id")),
        )
        return int(agreement_id)

    def order(self) -> str:
        order_no, now = new_order_no(), clock.now()
        self._house.sql(
            "SELECT commerce.open_order('subscriptions', 'subscription', 1, %s, %s, 't', 3000, 0, 'CNY', '[]', %s, %s, %s)",
            (OWNER, BUYER, order_no, now, now + timedelta(minutes=30)),
        )
        return order_no

    def withdrawal(self) -> int:
        [(withdrawal_id,)] = self._house.sql(
            """
            INSERT INTO finance.withdrawal_requests (request_no, creator_id, amount, method, account, account_masked, status,
                created_at, updated_at)
            VALUES ('w', %s, 20000, 'alipay', 'sealed', 'w***', 'pending', now(), now()) RETURNING withdrawal_id
            """,
            (OWNER,),
        )
        return int(withdrawal_id)

    def invoice(self) -> int:
        [(invoice_id,)] = self._house.sql(
            """
            INSERT INTO finance.invoices (kind, user_id, order_nos, amount, tax_rate_bp, tax_amount, title_type, title, seller,
                provider, serial, status, next_try_at, created_at, updated_at)
            VALUES ('blue', %s, '{o}', 100, 600, 6, 'personal', 't', '{}', 'platform', 's', 'issuing', now(), now(), now())
            RETURNING invoice_id
            """,
            (OWNER,),
        )
        return int(invoice_id)

    def statement(self) -> int:
        [(statement_id,)] = self._house.sql(
            """
            INSERT INTO finance.statements (creator_id, month, opening_balance, closing_balance, line_count, figures_sha256,
                created_at)
            VALUES (%s, '2026-01-01', 0, 0, 0, repeat('0', 64), now()) RETURNING statement_id
            """,
            (OWNER,),
        )
        return int(statement_id)

    def api_key(self) -> int:
        [(key_id,)] = self._house.sql(
            """
            INSERT INTO identity.api_keys (user_id, name, prefix, jti, key_hash, scopes, created_at, expires_at)
            VALUES (%s, 'ci', 'ey', 'jti', 'hash', '{read}', now(), now() + interval '1 day') RETURNING key_id
            """,
            (OWNER,),
        )
        return int(key_id)

    def pricing_rule(self) -> int:
        [(rule_id,)] = self._house.sql(
            """
            INSERT INTO subscriptions.pricing_rules (owner_id, target_type, target_id, kind, config, priority, created_at, updated_at)
            VALUES (%s, 'plan', %s, 'bulk', '{"min_quantity": 2, "amount_off": 1}', 0, now(), now()) RETURNING rule_id
            """,
            (OWNER, self._one("plan_id")),
        )
        return int(rule_id)

    def coupon(self) -> int:
        [(coupon_id,)] = self._house.sql(
            """
            INSERT INTO subscriptions.coupons (code, owner_id, name, kind, value, min_amount, target_type, target_ids,
                total_quantity, per_user_limit, starts_at, ends_at, status, created_at, updated_at)
            VALUES ('OWNERS', %s, 'c', 'amount', 1, 0, 'all', '{}', 1, 1, now(), now() + interval '1 day', 'active', now(), now())
            RETURNING coupon_id
            """,
            (OWNER,),
        )
        return int(coupon_id)

    def gift(self) -> int:
        [(gift_id,)] = self._house.sql(
            """
            INSERT INTO subscriptions.gifts (buyer_id, creator_id, plan_id, tier, amount, periods, months, order_no, code_hash,
                code_sealed, status, created_at, updated_at)
            VALUES (%s, %s, %s, 1, 3000, 1, 1, 'G1', repeat('0', 64), 'sealed', 'pending', now(), now()) RETURNING gift_id
            """,
            (OWNER, BUYER, build.plan(self._house.sql, BUYER)),
        )
        return int(gift_id)

    def merge(self) -> int:
        [(merge_id,)] = self._house.sql(
            """
            INSERT INTO identity.account_merges (into_uid, from_uid, status, proof, from_epoch, expires_at, created_at, updated_at)
            VALUES (%s, %s, 'open', 'code', 1, now(), now(), now()) RETURNING merge_id
            """,
            (OWNER, BUYER),
        )
        return int(merge_id)

    def path(self, row: Row) -> str:
        """The row's path with an id of the owner's in every place."""
        return re.sub(r"\{(\w+)\}", lambda match: str(self._one(match[1])), row.path.removeprefix("/api/v1"))

    def filled(self, values: dict[str, Any]) -> dict[str, Any]:
        """What a row is sent, with the owner's ids in place of `{name}`."""
        named = {key: re.fullmatch(r"\{(\w+)\}", value) for key, value in values.items() if isinstance(value, str)}
        return values | {key: self._one(match[1]) for key, match in named.items() if match}

    def _one(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self.found[name]()
        return self._made[name]


@pytest.fixture
def belongings(house: House, cloud: None) -> Belongings:
    for uid, name in ((OWNER, "owner"), (STRANGER, "stranger"), (BUYER, "buyer")):
        make_user(house.sql, uid, name)
    return Belongings(house)


@pytest.mark.parametrize("row", WALKED, ids=lambda row: row.id)
def test_a_stranger_is_told_it_is_not_there(row: Row, belongings: Belongings, house: House, sign_in: SignIn) -> None:
    door, path = Door(house), belongings.path(row)
    told = {"json_body": belongings.filled(BODIES.get(row.id, {}))} if row.method in {"POST", "PUT"} else {}
    told["query"] = belongings.filled(QUERIES.get(row.id, {}))
    refused = door.call(row.method, path, token=sign_in(STRANGER, roles=("creator",)), **told)
    permitted = NOT_NAMED.get(row.id, set()) | {
        (status, error)
        for status, error in row.errors
        if (status == 404 and error.endswith("not_found")) or (status == 403 and error.startswith(("not_", "access_")))
    }
    assert refused.error in permitted
    own = door.call(row.method, path, token=sign_in(OWNER, roles=("creator",)), **told)
    assert own.status < 300 or own.error not in permitted, own.text


def test_a_nobody_is_told_to_sign_in(belongings: Belongings, house: House, sign_in: SignIn) -> None:
    sign_in(STRANGER)
    for row in WALKED:
        assert Door(house).call(row.method, belongings.path(row)).error == (401, "unauthenticated"), row.id
