"""Administration: the permission catalogue as data, roles that operators may change, grants that end."""

from typing import Any

from alembic import op

revision = "0013"
down_revision = "0012"

# rules.md §2: category, its name in Chinese and English, its points.
CATALOGUE = (
    ("admin", "管理员账号", "operator accounts", "read write"),
    ("role", "角色与权限", "roles and permissions", "read write"),
    ("user", "用户", "users", "read write manage ban"),
    ("verification", "实名与创作者认证", "verifications", "read review"),
    ("audit", "审计日志", "audit logs", "read"),
    ("settings", "系统设置", "settings", "read write"),
    ("content", "内容", "content", "read write moderate feature"),
    ("comment", "评论", "comments", "moderate"),
    ("media", "媒体文件", "media", "read manage"),
    ("moderation", "审核", "moderation", "read review config"),
    ("report", "举报", "reports of users", "read process"),
    ("post", "帖子", "posts", "read write"),
    ("meme", "表情币", "memes", "read review"),
    ("support", "客服", "support", "read write manage"),
    ("notification", "通知", "notifications", "write push"),
    ("cms", "运营内容", "announcements, help and templates", "read write"),
    ("i18n", "多语言文案", "translations", "write"),
    ("learning", "学习", "learning", "write"),
    ("search", "搜索", "search", "read"),
    ("recommendation", "推荐", "recommendations", "read write"),
    ("subscription", "订阅", "subscriptions", "read write"),
    ("promotion", "促销", "promotions", "read write"),
    ("payment", "支付", "payments", "read write config"),
    ("finance", "财务", "finance", "read write approve"),
    ("wallet", "钱包", "wallets", "read manage approve"),
    ("claude", "AI 账号池", "the AI pool", "read write config"),
    ("data", "行情数据", "market data", "read write config"),
    ("strategy", "策略", "strategies", "read write audit"),
    ("trading", "交易", "trading", "read write stop"),
    ("analytics", "分析", "analytics", "read write export"),
    ("monitoring", "监控", "monitoring", "read write"),
    ("log", "日志", "application logs", "read manage"),
    ("system", "系统", "the system", "read manage"),
    ("backup", "备份", "backups", "read write restore"),
    ("security", "安全", "security", "read manage"),
    ("integration", "第三方集成", "integrations", "read write"),
    ("automation", "自动化", "automation", "read write"),
    ("plugin", "插件", "plugins", "read review"),
)
POINTS = {
    "read": ("查看{}", "Read {}"),
    "write": ("编辑{}", "Change {}"),
    "manage": ("管理{}", "Manage {}"),
    "ban": ("封禁{}", "Ban {}"),
    "review": ("审批{}", "Review {}"),
    "moderate": ("管控{}", "Moderate {}"),
    "feature": ("推荐展示{}", "Feature {}"),
    "config": ("配置{}", "Configure {}"),
    "process": ("处理{}", "Process {}"),
    "push": ("推送{}", "Push {}"),
    "approve": ("批准{}", "Approve {}"),
    "audit": ("审计{}", "Audit {}"),
    "stop": ("停止{}", "Stop {}"),
    "export": ("导出{}", "Export {}"),
    "restore": ("恢复{}", "Restore {}"),
}

TABLES = """
CREATE TABLE admin.permissions (
    permission TEXT PRIMARY KEY CHECK (permission ~ '^[a-z0-9_]+:[a-z_]+$'),
    category TEXT NOT NULL,
    position INT NOT NULL,
    description_zh TEXT NOT NULL,
    description_en TEXT NOT NULL
);

ALTER TABLE admin.admin_roles ADD CHECK (role ~ '^[a-z_]{1,50}$');

-- A removed operator keeps the row, and with it the id that audit records name; the role it held may then be deleted.
ALTER TABLE admin.admins
    ADD COLUMN expires_at TIMESTAMPTZ,
    ADD COLUMN permissions_expire_at TIMESTAMPTZ,
    ADD COLUMN expiry_told_at TIMESTAMPTZ,
    ADD COLUMN removed_at TIMESTAMPTZ,
    ALTER COLUMN role DROP NOT NULL,
    ADD CONSTRAINT admins_role_or_removed CHECK ((role IS NULL) = (removed_at IS NOT NULL)),
    ADD CONSTRAINT admins_removed_inactive CHECK (removed_at IS NULL OR NOT is_active);
CREATE INDEX admins_role ON admin.admins (role);
CREATE INDEX admins_expiring ON admin.admins (least(expires_at, permissions_expire_at))
    WHERE expires_at IS NOT NULL OR permissions_expire_at IS NOT NULL;

CREATE VIEW identity.pub_staff_people AS
SELECT u.uid, u.email, u.status FROM identity.users u;

GRANT USAGE ON SCHEMA identity TO admin;
GRANT SELECT ON identity.pub_staff_people TO admin;
GRANT SELECT ON admin.permissions TO admin;
GRANT SELECT, INSERT, UPDATE, DELETE ON admin.system_settings TO admin;
GRANT INSERT, UPDATE, DELETE ON admin.admin_roles TO admin;
REVOKE DELETE ON admin.admins FROM admin;
"""

UNDO = """
GRANT DELETE ON admin.admins TO admin;
REVOKE INSERT, UPDATE, DELETE ON admin.admin_roles FROM admin;
REVOKE ALL ON admin.system_settings FROM admin;
REVOKE USAGE ON SCHEMA identity FROM admin;
DROP VIEW identity.pub_staff_people;
DROP INDEX admin.admins_expiring, admin.admins_role;
UPDATE admin.admins SET created_by = NULL
WHERE created_by IN (SELECT id FROM admin.admins WHERE removed_at IS NOT NULL);
DELETE FROM admin.admins WHERE removed_at IS NOT NULL;
ALTER TABLE admin.admins
    DROP CONSTRAINT admins_removed_inactive,
    DROP CONSTRAINT admins_role_or_removed,
    ALTER COLUMN role SET NOT NULL,
    DROP COLUMN removed_at,
    DROP COLUMN expiry_told_at,
    DROP COLUMN permissions_expire_at,
    DROP COLUMN expires_at;
ALTER TABLE admin.admin_roles DROP CONSTRAINT admin_roles_role_check;
DROP TABLE admin.permissions;
"""


def _run(statement: str, *parameters: Any) -> None:
    # A colon would be read as a bind parameter by SQLAlchemy's text().
    op.get_bind().exec_driver_sql(statement, *parameters)


def upgrade() -> None:
    """Build it."""
    _run(TABLES)
    points = [(category, point, zh, en) for category, zh, en, names in CATALOGUE for point in names.split()]
    for position, (category, point, zh, en) in enumerate(points):
        sentence_zh, sentence_en = (text.format(name) for text, name in zip(POINTS[point], (zh, en), strict=True))
        _run(
            "INSERT INTO admin.permissions VALUES (%s, %s, %s, %s, %s)",
            (f"{category}:{point}", category, position, sentence_zh, sentence_en),
        )


def downgrade() -> None:
    """Take it away."""
    _run(UNDO)
