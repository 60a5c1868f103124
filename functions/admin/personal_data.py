"""What admin holds of a person: who was an operator, what operators did, what the guards of the house saw."""

from shared.personal_data import Items, Kept, PersonalData, Rows

_AUDIT = Kept("《网络安全法》第二十一条、《个人信息保护法》第五十一条：操作与安全日志；只增不改，哈希链封存", "3 年")

DATA = PersonalData(
    domain="admin",
    rows=(
        Rows(
            "admin.admins",
            person=("user_id",),
            deciders=("created_by",),
            what=("运营人员身份", "Your office as an operator"),
            export="""
            SELECT id, role, permissions, department, is_active, created_at, updated_at FROM admin.admins
            WHERE user_id = %(uid)s
            """,
            erase=(
                """
                UPDATE admin.admins SET is_active = false, staff_password_hash = NULL, last_login_ip = NULL, updated_at = %(at)s
                WHERE user_id = %(uid)s
                """,
            ),
            kept=_AUDIT,
        ),
        Rows(
            "admin.security_events",
            person=("user_id", "admin_id"),
            deciders=("resolved_by",),
            what=("与账号有关的安全事件", "Security events of your account"),
            export="""
            SELECT event_id, kind, severity, ip, status, created_at FROM admin.security_events
            WHERE user_id = %(uid)s OR admin_id = %(uid)s ORDER BY event_id
            """,
            kept=_AUDIT,
        ),
        Rows(
            "admin.operator_audit_logs",
            person=(),
            deciders=("operator_id",),
            what=("运营操作日志", "What operators did"),
            not_exported="the house's own record of its operators; what was done to an account shows in the account",
            kept=_AUDIT,
        ),
        Rows(
            "admin.admin_operation_logs",
            person=(),
            deciders=("admin_uid",),
            what=("管理操作日志", "What administrators did"),
            not_exported="the house's own record of its operators; what was done to an account shows in the account",
            kept=_AUDIT,
        ),
        Rows(
            "admin.system_settings",
            person=(),
            deciders=("updated_by",),
            what=("系统设置", "Settings of the house"),
            not_exported="settings of the house; who changed them last is part of the audit",
            kept=_AUDIT,
        ),
    ),
    items=(
        Items(
            "identity",
            "EDGE",
            what=("请求入口的设置", "Settings that every request reads"),
            kept=Kept("系统设置，不含个人信息", "永久"),
            not_exported="settings of the house",
        ),
    ),
)
