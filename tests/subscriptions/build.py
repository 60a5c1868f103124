"""What subscription tests arrange: people, plans, works, and facts as the queue brings them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from events.base import Fact
from events.payments import DebitFailed, OrderClosed, OrderPaid, RefundSucceeded
from events.subscriptions import DebitRequested
from shared import clock
from shared.ids import new_ulid

Sql = Callable[..., list[tuple[Any, ...]]]
NOON = datetime(2026, 3, 10, 4, 0, tzinfo=UTC)
_numbers = count(1)


def person(sql: Sql) -> int:
    """A user with a public profile."""
    name = f"person{next(_numbers)}"
    [(user_id, uid)] = sql("INSERT INTO identity.users (username) VALUES (%s) RETURNING id, uid", (name,))
    sql(
        "INSERT INTO identity.authors (user_id, username, username_raw, name, invitation_id_owned) VALUES (%s, %s, %s, %s, %s)",
        (user_id, name, name, name.title(), name),
    )
    sql("INSERT INTO identity.user_profiles (uid) VALUES (%s)", (uid,))
    return int(uid)


def plan(sql: Sql, creator_id: int, **fields: Any) -> int:
    """A plan on sale: 30 yuan a month unless said otherwise."""
    values = {
        "creator_id": creator_id,
        "name": f"plan {next(_numbers)}",
        "tier": 1,
        "amount": 3000,
        "interval": "month",
        "trial_days": 0,
        "benefits": "[]",
        "permissions": [],
        "content_scope": "all",
        "content_ids": [],
        "max_subscribers": None,
        "status": "active",
    } | fields
    [(plan_id,)] = sql(
        """
        INSERT INTO subscriptions.subscription_plans (creator_id, name, tier, amount, interval, trial_days, benefits,
            permissions, content_scope, content_ids, max_subscribers, status, created_at, updated_at)
        VALUES (%(creator_id)s, %(name)s, %(tier)s, %(amount)s, %(interval)s, %(trial_days)s, %(benefits)s,
            %(permissions)s, %(content_scope)s, %(content_ids)s::bigint[], %(max_subscribers)s, %(status)s, now(), now())
        RETURNING plan_id
        """,
        values,
    )
    return int(plan_id)


def membership_plan(sql: Sql, level: str = "basic", days: int = 30, **fields: Any) -> int:
    """A membership on sale: 30 yuan unless said otherwise."""
    values = {"name": f"membership {next(_numbers)}", "amount": 3000, "permissions": "[]", "is_active": True} | fields
    [(plan_id,)] = sql(
        """
        INSERT INTO subscriptions.membership_plans (level, name, duration_days, amount, usdt_amount, ai_daily_quota, permissions,
            is_active, created_at, updated_at)
        VALUES (%(level)s, %(name)s, %(days)s, %(amount)s, 4.2, 50, %(permissions)s, %(is_active)s, now(), now()) RETURNING id
        """,
        values | {"level": level, "days": days},
    )
    return int(plan_id)


def work(sql: Sql, author_id: int, level: str = "subscribers", **fields: Any) -> int:
    """A published article."""
    values = {
        "author_id": author_id,
        "level": level,
        "status": "published",
        "plan_ids": [],
        "price": 990 if level == "paid" else None,
        "granted": [],
    } | fields
    [(content_id,)] = sql(
        """
        INSERT INTO content.contents (author_id, kind, title, body_format, status, access_level, plan_ids, price,
            preview_percent, granted_user_ids, is_original, published_version, published_at, created_at, updated_at)
        VALUES (%(author_id)s, 'article', 'A work', 'markdown', %(status)s, %(level)s, %(plan_ids)s::bigint[], %(price)s,
            10, %(granted)s::bigint[], true, 1, now(), now(), now()) RETURNING content_id
        """,
        values,
    )
    return int(content_id)


def file(sql: Sql, owner_id: int, content_id: int | None = None, visibility: str = "private") -> int:
    """A ready file, part of a work if one is given."""
    [(media_id,)] = sql(
        """
        INSERT INTO media.media_files (owner_id, kind, filename, content_type, size, s3_key, status, visibility, created_at,
            updated_at)
        VALUES (%s, 'audio', 'a.mp3', 'audio/mpeg', 1, %s, 'ready', %s, now(), now()) RETURNING media_id
        """,
        (owner_id, new_ulid(), visibility),
    )
    if content_id is not None:
        sql(
            """
            INSERT INTO content.content_versions (content_id, version, title, body_format, media_ids, word_count, editor_id,
                created_at)
            VALUES (%s, 1, 'A work', 'markdown', %s, 1, %s, now())
            """,
            (content_id, [media_id], owner_id),
        )
        sql("INSERT INTO content.content_media VALUES (%s, %s, 'main', 0)", (content_id, media_id))
    return int(media_id)


def paid(order_no: str, target_id: int, buyer_id: int, **fields: Any) -> OrderPaid:
    """The fact that an order was paid."""
    now = clock.now()
    return OrderPaid(
        **{
            "event_id": new_ulid(),
            "occurred_at": now,
            "order_no": order_no,
            "kind": "subscription",
            "target_id": target_id,
            "buyer_id": buyer_id,
            "seller_id": 1,
            "title": "t",
            "amount": 3000,
            "currency": "CNY",
            "channel": "alipay",
            "payment_no": new_ulid(),
            "gateway_no": new_ulid(),
            "paid_at": now,
        }
        | fields
    )


def closed(order_no: str, target_id: int, buyer_id: int, kind: str = "subscription") -> OrderClosed:
    """The fact that an order expired unpaid."""
    now = clock.now()
    return OrderClosed(
        event_id=new_ulid(),
        occurred_at=now,
        order_no=order_no,
        kind=kind,
        target_id=target_id,
        buyer_id=buyer_id,
        reason="expired",
        closed_at=now,
    )


def refunded(order_no: str, target_id: int, buyer_id: int, **fields: Any) -> RefundSucceeded:
    """The fact that an order was refunded, in full unless said otherwise."""
    now = clock.now()
    return RefundSucceeded(
        **{
            "event_id": new_ulid(),
            "occurred_at": now,
            "refund_id": next(_numbers),
            "order_no": order_no,
            "kind": "subscription",
            "target_id": target_id,
            "buyer_id": buyer_id,
            "seller_id": 1,
            "amount": 3000,
            "refunded_total": 3000,
            "order_amount": 3000,
            "full": True,
            "currency": "CNY",
            "channel": "alipay",
            "refunded_at": now,
        }
        | fields
    )


def debit_failed(asked: DebitRequested, reason: str) -> DebitFailed:
    """The fact that a debit took nothing; only a lack of money is worth another try."""
    now = clock.now()
    return DebitFailed.model_validate(
        {
            "event_id": new_ulid(),
            "occurred_at": now,
            "order_no": asked.order_no,
            "kind": "renewal",
            "target_id": asked.subscription_id,
            "buyer_id": asked.user_id,
            "try_no": asked.try_no,
            "reason": reason,
            "hard": reason != "insufficient",
            "failed_at": now,
        }
    )


def messages(*facts: Fact | dict[str, Any]) -> dict[str, Any]:
    """Facts as their queue hands them over."""
    return {
        "Records": [
            {
                "messageId": new_ulid(),
                "body": json.dumps({"detail": fact if isinstance(fact, dict) else json.loads(fact.model_dump_json())}),
            }
            for fact in facts
        ]
    }


def days(number: int) -> timedelta:
    """So many days."""
    return timedelta(days=number)
