"""The lists of payments: own orders, all orders, refund requests."""

from datetime import date, datetime, time, timedelta
from typing import Any

from functions.payments.balance_schemas import MovementOut
from functions.payments.case_schemas import CaseOut
from functions.payments.risk_schemas import RiskEventOut
from functions.payments.schemas import AdminOrderOut, OrderOut, PriceLine, RefundOut, TransactionOut, UserBrief
from shared.clock import SHANGHAI
from shared.sql.listing import Listing

_ORDER_SORTS = {"created_at": "o.created_at", "payable_amount": "o.payable_amount"}

OWN_ORDERS: Listing[OrderOut] = Listing(
    columns="""o.order_no, o.user_id, o.kind, o.target_id, o.title, o.amount, o.discount_amount, o.payable_amount,
        o.currency, o.price_lines, o.status, o.channel, o.refunded_amount, o.paid_at, o.expires_at, o.created_at""",
    source="payments.payment_orders o",
    key=("order_no", "o.order_no"),
    sorts=_ORDER_SORTS,
    default_sort="created_at",
    filters={
        # Also what was ordered under an account that was merged into this one: it stays under the number it was made with.
        "user_id": "o.user_id = ANY(identity.all_of_person(%(user_id)s))",
        "status": "o.status = %(status)s",
        "kind": "o.kind = %(kind)s",
    },
)

ALL_ORDERS: Listing[AdminOrderOut] = Listing(
    columns="""o.order_no, o.user_id, o.kind, o.target_id, o.title, o.amount, o.discount_amount, o.payable_amount,
        o.currency, o.price_lines, o.status, o.channel, o.refunded_amount, o.paid_at, o.expires_at, o.created_at,
        (SELECT to_jsonb(b) FROM (
             SELECT p.uid AS user_id, p.username, p.display_name, p.avatar_url
             FROM identity.pub_profiles p WHERE p.uid = o.user_id) b) AS user,
        (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.created_at, t.payment_no), '[]') FROM (
             SELECT payment_no, order_no, channel, kind, amount, status, gateway_no, created_at, finished_at
             FROM payments.payment_transactions WHERE order_no = o.order_no) t) AS transactions""",
    source="payments.payment_orders o",
    key=("order_no", "o.order_no"),
    sorts=_ORDER_SORTS,
    default_sort="created_at",
    filters={
        "order_no": "o.order_no = %(order_no)s",
        "user_id": "o.user_id = %(user_id)s",
        "channel": "o.channel = %(channel)s",
        "status": "o.status = %(status)s",
        "kind": "o.kind = %(kind)s",
        "from": "o.created_at >= %(from)s",
        "until": "o.created_at < %(until)s",
    },
)

REFUNDS: Listing[RefundOut] = Listing(
    columns="r.refund_id, r.order_no, r.amount, r.status, r.reason, r.created_at",
    source="payments.payment_refunds r",
    key=("refund_id", "r.refund_id"),
    sorts={"created_at": "r.created_at", "amount": "r.amount"},
    default_sort="created_at",
    filters={"status": "r.status = %(status)s", "order_no": "r.order_no = %(order_no)s"},
)

RISK_EVENTS: Listing[RiskEventOut] = Listing(
    columns="e.event_id, e.order_no, e.user_id, e.rule_key, e.score, e.status, e.created_at",
    source="payments.payment_risk_events e",
    key=("event_id", "e.event_id"),
    sorts={"created_at": "e.created_at"},
    default_sort="created_at",
    filters={"status": "e.status = %(status)s", "user_id": "e.user_id = %(user_id)s"},
)

CASES: Listing[CaseOut] = Listing(
    columns="""c.case_id, c.kind, c.reference, c.channel, c.order_no, c.gateway_no, c.amount, c.currency, c.owner,
        c.assigned_to, c.status, c.resolution, c.resolved_by, c.proposed_action, c.proposed_amount, c.proposed_by,
        c.opened_at, c.resolved_at""",
    source="payments.payment_cases c",
    key=("case_id", "c.case_id"),
    sorts={"opened_at": "c.opened_at"},
    default_sort="opened_at",
    filters={
        "status": "c.status = %(status)s",
        "kind": "c.kind = %(kind)s",
        "channel": "c.channel = %(channel)s",
        "order_no": "c.order_no = %(order_no)s",
        "assigned_to": "c.assigned_to = %(assigned_to)s",
    },
)

MOVEMENTS: Listing[MovementOut] = Listing(
    columns="m.movement_id, m.amount, m.kind, m.order_no, m.created_at",
    source="finance.pub_balance_movements m",
    key=("movement_id", "m.movement_id"),
    sorts={"created_at": "m.created_at"},
    default_sort="created_at",
    filters={"user_id": "m.account = 'buyer:' || %(user_id)s::bigint || ':balance'"},
)


def days(date_from: date | None, date_to: date | None) -> dict[str, object]:
    """The filters `from` and `until` of whole days in Shanghai (rules.md §1), the last one included."""
    return {
        "from": _midnight(date_from) if date_from else None,
        "until": _midnight(date_to) + timedelta(days=1) if date_to else None,
    }


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


def order_row(row: dict[str, Any]) -> OrderOut:
    """One of the own orders."""
    return OrderOut.model_construct(**_order_fields(row))


def admin_order_row(row: dict[str, Any]) -> AdminOrderOut:
    """One of all orders, with its buyer and its transactions."""
    return AdminOrderOut.model_construct(
        **_order_fields(row),
        user=UserBrief.model_construct(**row["user"]) if row["user"] else None,
        transactions=[TransactionOut.model_validate(item) for item in row["transactions"]],
    )


def refund_row(row: dict[str, Any]) -> RefundOut:
    """One of the refund requests."""
    return RefundOut.model_construct(**{name: row[name] for name in RefundOut.model_fields})


def risk_event_row(row: dict[str, Any]) -> RiskEventOut:
    """One payment a rule caught."""
    return RiskEventOut.model_construct(**{name: row[name] for name in RiskEventOut.model_fields})


def case_row(row: dict[str, Any]) -> CaseOut:
    """One case."""
    return CaseOut.model_construct(**{name: row[name] for name in CaseOut.model_fields})


def movement_row(row: dict[str, Any]) -> MovementOut:
    """One movement of a balance."""
    return MovementOut.model_construct(**{name: row[name] for name in MovementOut.model_fields})


def _order_fields(row: dict[str, Any]) -> dict[str, Any]:
    fields = {name: row[name] for name in OrderOut.model_fields}
    return fields | {"price_lines": [PriceLine.model_construct(**line) for line in row["price_lines"]]}
