"""Accounts as operators see them: the list, and one with all that belongs to it. One statement each."""

from typing import Any, LiteralString

from psycopg.rows import dict_row

from functions.identity.schemas.desk import AdminUser, AdminUserDetail, BanRecord
from shared.crypto import mask_account, mask_phone
from shared.sql.connection import Connection
from shared.sql.listing import Listing

_SOURCE: LiteralString = "identity.users u JOIN identity.authors a ON a.user_id = u.id"
_COLUMNS: LiteralString = """
    u.uid AS user_id, lower(u.username) AS username, a.name AS display_name, u.email, u.phone_number AS phone, u.status,
    u.is_active,
    ARRAY(SELECT r.role FROM identity.user_roles r WHERE r.uid = u.uid ORDER BY r.role)
        || ARRAY(SELECT s.role FROM admin.admins s WHERE s.user_id = u.uid AND s.is_active) AS roles,
    u.membership_level, u.membership_expires_at, u.last_login_at, u.created_at
"""
USERS: Listing[AdminUser] = Listing(
    columns=_COLUMNS,
    source=_SOURCE,
    key=("user_id", "u.uid"),
    sorts={"created_at": "u.created_at", "user_id": "u.uid", "username": "lower(u.username)"},
    default_sort="created_at",
    always="u.status <> 'deleted'",
    filters={
        "status": "u.status = %(status)s",
        "membership_level": "u.membership_level = %(membership_level)s",
        "role": """u.uid IN (SELECT r.uid FROM identity.user_roles r WHERE r.role = %(role)s
            UNION ALL SELECT s.user_id FROM admin.admins s WHERE s.role = %(role)s AND s.is_active)""",
        "search": "u.uid IN (SELECT found.uid FROM identity.accounts_matching(%(search)s::text) AS found (uid))",
    },
)
_PROFILE: LiteralString = """
    json_build_object('avatar_url', a.avatar, 'bio', a.description, 'dedication', a.dedication,
        'location', a.location, 'country', a.country, 'language', a.language, 'website', p.website, 'region', u.region,
        'locale', u.locale, 'timezone', u.timezone, 'currency', u.currency, 'is_virtual', coalesce(u.is_virtual, false),
        'email_verified', u.email_verified_at IS NOT NULL, 'phone_verified', u.phone_verified_at IS NOT NULL,
        'is_creator', p.is_creator, 'creator_since', p.creator_since, 'followers_count', p.followers_count,
        'following_count', p.following_count, 'contents_count', p.contents_count, 'likes_count', a.likes_count,
        'last_login_method', u.last_login_method, 'delete_at', u.delete_at, 'ban_reason', u.ban_reason,
        'ban_end_time', u.ban_end_time)
"""
_DETAIL: LiteralString = (
    "SELECT"
    + _COLUMNS
    + ","
    + _PROFILE
    + """ AS profile, (
        SELECT coalesce(json_agg(row_to_json(s) ORDER BY s.created_at DESC), '[]') FROM (
            SELECT n.subscription_id, n.creator_id, n.plan_id, l.name AS plan_name, n.status, n.amount, n.auto_renew,
                   n.cancel_at_period_end, n.current_period_start, n.current_period_end, n.cancelled_at, n.created_at
            FROM subscriptions.pub_subscriptions n LEFT JOIN subscriptions.pub_plans l ON l.plan_id = n.plan_id
            WHERE n.user_id = u.uid ORDER BY n.created_at DESC LIMIT 100) s
    ) AS subscriptions, (
        SELECT count(*) FROM payments.pub_orders o WHERE o.user_id = u.uid
    ) AS orders_total, (
        SELECT coalesce(json_agg(row_to_json(d) ORDER BY d.last_seen_at DESC), '[]') FROM (
            SELECT device_id, device_type, app_version, first_seen_at, last_seen_at FROM identity.user_devices
            WHERE uid = u.uid ORDER BY last_seen_at DESC LIMIT 100) d
    ) AS devices, (
        SELECT coalesce(json_agg(row_to_json(b) ORDER BY b.id DESC), '[]') FROM (
            SELECT id, uid, operator_id, ban_reason, ban_method, ban_duration_type, ban_duration_value, ban_start_time,
                   ban_end_time, is_notify, notify_message, status, unban_time, unban_operator_id, unban_reason
            FROM moderation.pub_bans WHERE uid = u.uid ORDER BY id DESC LIMIT 100) b
    ) AS ban_records, (
        SELECT json_build_object('identity_status', p.identity_status,
            'creator_status', coalesce(max(v.status) FILTER (WHERE v.kind = 'creator'), 'none'),
            'records', coalesce(json_agg(row_to_json(v)) FILTER (WHERE v.kind IS NOT NULL), '[]'))
        FROM (SELECT DISTINCT ON (kind) verification_id, kind, status, real_name_masked, id_type, id_number_masked, comment,
                     submitted_at, reviewed_at
              FROM identity.user_verifications WHERE uid = u.uid ORDER BY kind, verification_id DESC) v
    ) AS verification
    FROM identity.users u JOIN identity.authors a ON a.user_id = u.id JOIN identity.user_profiles p ON p.uid = u.uid
    WHERE u.uid = %s AND u.status <> 'deleted'
    """
)


def row_out(row: dict[str, Any]) -> AdminUser:
    """A row as the outside sees it."""
    return AdminUser.model_construct(**_masked(row))


def find_user(db: Connection, uid: int) -> AdminUser | None:
    """One account, as the list shows it."""
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute("SELECT" + _COLUMNS + "FROM " + _SOURCE + " WHERE u.uid = %s", (uid,)).fetchone()
    return row_out(row) if row else None


def find_detail(db: Connection, uid: int) -> AdminUserDetail | None:
    """One account with its profile, subscriptions, orders, devices, bans and verifications."""
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_DETAIL, (uid,)).fetchone()
    if row is None:
        return None
    row["ban_records"] = [BanRecord.model_validate(record) for record in row["ban_records"]]
    return AdminUserDetail.model_construct(**_masked(row))


def exists(db: Connection, uid: int) -> bool:
    """Whether there is such an account; one that was deleted still has its logs."""
    return db.execute("SELECT 1 FROM identity.users WHERE uid = %s", (uid,)).fetchone() is not None


def _masked(row: dict[str, Any]) -> dict[str, Any]:
    email, phone = row["email"], row["phone"]
    row.pop("total_", None)
    return row | {"email": mask_account(email) if email else None, "phone": mask_phone(phone) if phone else None}
