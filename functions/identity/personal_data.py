"""What identity holds of a person. It is erased last: until every other domain has, the account's row says who it was.

The number of the account stays, for books and contracts name it; everything that says who that was goes.
"""

from typing import Any

from functions.identity.personal_items import ITEMS, OBJECTS
from shared import crypto
from shared.personal_data import Kept, PersonalData, Rows

_PROOF_OF_CONSENT = Kept(
    "《个人信息保护法》第十四条、第五十五条：证明曾取得同意；《民法典》第一百八十八条诉讼时效三年", "3 年"
)
_RECORD_OF_HANDLING = Kept("《个人信息保护法》第五十六条：个人信息处理情况记录至少保存三年", "3 年")
_SECURITY = Kept("《网络安全法》第二十一条、《个人信息保护法》第五十一条：操作与安全日志", "3 年")
_DECISION = Kept("审核决定（不含身份信息）供审计追溯", "3 年")


def _masked_phone(row: dict[str, Any]) -> dict[str, Any]:
    phone = row["phone_number"]
    return row | {"phone_number": crypto.mask_phone(phone) if phone else None}


def _real_name(row: dict[str, Any]) -> dict[str, Any]:
    """The name in clear: it is the person's own. The number stays masked, as in every answer and export (rules.md §17)."""
    sealed, uid = row["real_name"], row.pop("uid")
    context = {"table": "user_verifications", "uid": str(uid), "column": "real_name"}
    return row | {"real_name": crypto.decrypt(sealed, context) if sealed else None}


DATA = PersonalData(
    domain="identity",
    rows=(
        Rows(
            "identity.user_verifications",
            person=("uid",),
            deciders=("reviewer_id",),
            what=("实名与创作者认证", "Verifications"),
            export="""
            SELECT uid, verification_id, kind, status, real_name, id_type, id_number_masked, media_ids, payload, comment,
                   submitted_at, reviewed_at
            FROM identity.user_verifications WHERE uid = %(uid)s ORDER BY verification_id
            """,
            reveal=_real_name,
            erase=(
                """
                UPDATE identity.user_verifications SET real_name = '', real_name_masked = NULL, id_number = '',
                    id_number_masked = NULL, id_number_hash = 'erased ' || verification_id, media_ids = '{}', payload = NULL,
                    comment = NULL, updated_at = %(at)s
                WHERE uid = %(uid)s
                """,
            ),
            kept=_DECISION,
        ),
        Rows(
            "identity.user_oauth",
            person=("uid",),
            what=("关联的第三方账号", "Accounts elsewhere that open yours"),
            export="""
            SELECT provider, provider_user_id, union_id, linked_at FROM identity.user_oauth WHERE uid = %(uid)s ORDER BY id
            """,
            erase=("DELETE FROM identity.user_oauth WHERE uid = %(uid)s",),
        ),
        Rows(
            "identity.api_keys",
            person=("user_id",),
            what=("API 密钥（不含密钥本身）", "API keys, but for the keys themselves"),
            export="""
            SELECT key_id, name, prefix, scopes, created_at, expires_at, revoked_at FROM identity.api_keys
            WHERE user_id = %(uid)s ORDER BY key_id
            """,
            erase=("DELETE FROM identity.api_keys WHERE user_id = %(uid)s",),
        ),
        Rows(
            "identity.user_devices",
            person=("uid",),
            what=("登录过的设备", "Devices you signed in on"),
            export="""
            SELECT device_id, device_type, app_version, first_seen_at, last_seen_at FROM identity.user_devices
            WHERE uid = %(uid)s ORDER BY first_seen_at, device_id
            """,
            erase=("DELETE FROM identity.user_devices WHERE uid = %(uid)s",),
        ),
        Rows(
            "identity.device_bans",
            person=(),
            what=("被封禁的设备", "Devices that are banned"),
            not_exported="names a device, and no person",
            kept=Kept("防止被封禁设备再次注册", "至封禁结束"),
        ),
        Rows(
            "identity.user_roles",
            person=("uid",),
            deciders=("granted_by",),
            what=("账号角色", "Roles of your account"),
            export="SELECT role, granted_at FROM identity.user_roles WHERE uid = %(uid)s ORDER BY role",
            erase=("DELETE FROM identity.user_roles WHERE uid = %(uid)s",),
        ),
        Rows(
            "identity.staff_addresses",
            person=("uid",),
            what=("运营人员登录地址", "Addresses you signed in from as an operator"),
            export="""
            SELECT ip, first_seen_at, last_seen_at FROM identity.staff_addresses WHERE uid = %(uid)s ORDER BY first_seen_at
            """,
            erase=("DELETE FROM identity.staff_addresses WHERE uid = %(uid)s",),
        ),
        Rows(
            "identity.unknown_logins",
            person=(),
            what=("对不存在账号的登录尝试", "Guesses at names nobody has"),
            not_exported="keyed by the hash of a name that nobody has",
            kept=Kept("防止撞库；只有散列值", "一天后自动删除"),
        ),
        Rows(
            "identity.counted_follows",
            person=("follower_id", "followee_id"),
            what=("关注计数", "How follows were counted"),
            not_exported="what counters contain of a pair; the follows themselves are exported",
            kept=Kept("只含两个编号，取消关注经计数后自动删除", "计数完成后"),
        ),
        Rows(
            "identity.user_consents",
            person=("uid",),
            what=("同意记录", "What you consented to"),
            export="""
            SELECT kind, granted, version, ip, at FROM identity.user_consents WHERE uid = %(uid)s ORDER BY id
            """,
            kept=_PROOF_OF_CONSENT,
        ),
        Rows(
            "identity.account_changes",
            person=("uid",),
            what=("停用、恢复与注销记录", "When you left and came back"),
            export="SELECT change, reason, at FROM identity.account_changes WHERE uid = %(uid)s ORDER BY id",
            erase=("UPDATE identity.account_changes SET reason = NULL WHERE uid = %(uid)s AND reason IS NOT NULL",),
            kept=_RECORD_OF_HANDLING,
        ),
        Rows(
            "identity.deletion_requests",
            person=("uid",),
            what=("注销申请", "Your requests to be deleted"),
            export="""
            SELECT request_id, status, held_because, delete_at, created_at, ended_at FROM identity.deletion_requests
            WHERE uid = %(uid)s ORDER BY created_at
            """,
            kept=_RECORD_OF_HANDLING,
        ),
        Rows(
            "identity.account_merges",
            person=("into_uid", "from_uid"),
            what=("账号合并", "Accounts you merged"),
            export="""
            SELECT merge_id, into_uid, from_uid, status, proof, merged_at, undo_until, undone_at, created_at
            FROM identity.account_merges WHERE %(uid)s IN (into_uid, from_uid) ORDER BY merge_id
            """,
            kept=_RECORD_OF_HANDLING,
        ),
        Rows(
            "identity.merge_journal",
            person=(),
            what=("账号合并时转移的内容", "What was moved when you merged accounts"),
            export="""
            SELECT j.merge_id, j.kind, j.detail, j.at FROM identity.merge_journal j
            JOIN identity.account_merges m USING (merge_id) WHERE %(uid)s IN (m.into_uid, m.from_uid) ORDER BY j.entry_id
            """,
            erase=("SELECT identity.erase_merge_journal(%(uid)s)",),
        ),
        Rows(
            "identity.export_requests",
            person=("uid",),
            what=("数据导出申请", "Your requests for a copy"),
            export="""
            SELECT request_id, format, status, created_at, ended_at FROM identity.export_requests
            WHERE uid = %(uid)s ORDER BY created_at
            """,
            kept=_RECORD_OF_HANDLING,
        ),
        Rows(
            "identity.user_search",
            person=("uid",),
            what=("用户名与昵称的检索索引", "The index over names"),
            not_exported="made from the names in users and authors",
            erased_by="the trigger identity.index_names, when the names themselves go",
        ),
        Rows(
            "identity.user_anomalies",
            person=("user_id",),
            what=("账号异常记录", "What looked unusual about your account"),
            export="""
            SELECT kind, rule, severity, score, window_start, window_end, detected_at FROM identity.user_anomalies
            WHERE user_id = %(uid)s ORDER BY anomaly_id
            """,
            kept=_SECURITY,
        ),
        Rows(
            "identity.bulk_updates",
            person=(),
            deciders=("operator_id",),
            what=("批量修改任务", "Changes to many accounts at once"),
            not_exported="what an operator changed; an account's part of it shows in the account",
            kept=_SECURITY,
        ),
        Rows(
            "moderation.user_ban_records",
            person=("uid",),
            deciders=("operator_id", "unban_operator_id"),
            what=("封禁记录", "Bans of your account"),
            export="""
            SELECT id, ban_reason, ban_method, ban_duration_type, ban_start_time, ban_end_time, status, unban_time, unban_reason
            FROM moderation.pub_bans WHERE uid = %(uid)s ORDER BY id
            """,
            kept=_SECURITY,
        ),
        Rows(
            "moderation.device_ban_records",
            person=(),
            deciders=("operator_id", "unban_operator_id"),
            what=("设备封禁记录", "Bans of devices"),
            not_exported="names a device, and no person",
            kept=_SECURITY,
        ),
        Rows(
            "identity.user_profiles",
            person=("uid",),
            what=("偏好、隐私设置与计数", "Preferences, privacy and counters"),
            export="""
            SELECT preferences, privacy, website, is_creator, creator_since, identity_status, followers_count, following_count,
                   contents_count, created_at, updated_at
            FROM identity.user_profiles WHERE uid = %(uid)s
            """,
            erase=(
                """
                UPDATE identity.user_profiles SET preferences = '{}', privacy = '{}', website = NULL, is_creator = false,
                    creator_since = NULL, identity_status = 'none', updated_at = %(at)s
                WHERE uid = %(uid)s
                """,
            ),
        ),
        Rows(
            "identity.user_auth",
            person=("uid",),
            what=("安全设置", "Security of your account"),
            export="""
            SELECT password_changed_at, totp_confirmed_at, login_alerts, single_session, created_at FROM identity.user_auth
            WHERE uid = %(uid)s
            """,
            erase=(
                """
                UPDATE identity.user_auth SET password_hash = NULL, totp_secret = NULL, totp_pending = NULL,
                    totp_confirmed_at = NULL, recovery_code_hashes = '{}', failed_count = 0, failures_since = NULL,
                    locked_until = NULL, recent_addresses = '{}', token_epoch = token_epoch + 1, updated_at = %(at)s
                WHERE uid = %(uid)s
                """,
            ),
        ),
        Rows(
            "identity.authors",
            person=("user_id",),
            what=("公开资料", "Your public profile"),
            export="""
            SELECT a.username, a.name, a.avatar, a.original_avatar, a.dedication, a.description, a.location, a.country,
                   a.language, a.education, a.email, a.birthday, a.gender, a.region, a.likes_count, a.posts_count, a.pins,
                   a.invitation_id, a.invitation_id_owned, a.group_size, a.group_grade, a.direct_invited_count, a.vip_code,
                   a.created_at
            FROM identity.authors a JOIN identity.users u ON u.id = a.user_id WHERE u.uid = %(uid)s
            """,
            erase=(
                # The newcomers a person brought keep their place; the code that names the person does not.
                """
                UPDATE identity.authors a SET invitation_id = %(alias)s::text
                FROM identity.authors own JOIN identity.users u ON u.id = own.user_id
                WHERE u.uid = %(uid)s AND a.invitation_id = own.invitation_id_owned
                """,
                """
                UPDATE identity.authors a SET username = %(alias)s::text, username_raw = %(alias)s::text, name = %(alias)s::text, avatar = NULL,
                    original_avatar = NULL, dedication = NULL, description = NULL, location = NULL, country = NULL,
                    language = NULL, education = NULL, email = NULL, phone_number = NULL, birthday = NULL, gender = NULL,
                    region = '', pins = '{}', invitation_id_owned = %(alias)s::text, vip_code = NULL, updated_at = %(at)s
                FROM identity.users u WHERE u.id = a.user_id AND u.uid = %(uid)s
                """,
            ),
        ),
        Rows(
            "identity.users",
            person=("uid", "id"),
            what=("账号", "Your account"),
            export="""
            SELECT uid, id, username, email, email_verified_at, phone_number, phone_verified_at, status, region,
                   preferred_languages, google_linked_at, apple_linked_at, avatar_url, locale, timezone, currency,
                   membership_level, membership_expires_at, wallet_address, last_login_at, last_login_method, ban_reason,
                   ban_end_time, delete_at, created_at, updated_at
            FROM identity.users WHERE uid = %(uid)s
            """,
            reveal=_masked_phone,
            erase=(
                """
                UPDATE identity.users SET username = %(alias)s::text, email = NULL, email_verified_at = NULL,
                    email_verified_via = NULL, phone_number = NULL, phone_verified_at = NULL, hashed_password = NULL,
                    is_active = false, is_verified = false, ban_reason = NULL, ban_end_time = NULL, region = NULL,
                    preferred_languages = '{}', google_id = NULL, apple_id = NULL, google_linked_at = NULL,
                    apple_linked_at = NULL, avatar_url = NULL, wallet_address = NULL, last_login_at = NULL,
                    last_login_method = NULL, updated_at = %(at)s
                WHERE uid = %(uid)s
                """,
            ),
        ),
    ),
    items=ITEMS,
    objects=OBJECTS,
)
