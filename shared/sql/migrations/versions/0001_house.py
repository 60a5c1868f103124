"""The house: a schema and a role per domain, the outbox, remembered events, idempotency keys, audit and settings."""

from alembic import op

revision = "0001"
down_revision = None

DOMAINS = (
    "identity",
    "content",
    "media",
    "subscriptions",
    "payments",
    "finance",
    "wallets",
    "social",
    "messaging",
    "moderation",
    "support",
    "analytics",
    "recommendations",
    "learning",
    "ai_pool",
    "market_data",
    "trading",
    "admin",
    "cms",
    "platform",
)

# A role is shared by every database of a server and outlives a downgrade of one of them. On Aurora it signs in by IAM.
ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{name}') THEN CREATE ROLE {name} LOGIN; END IF;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'rds_iam') THEN GRANT rds_iam TO {name}; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""

TABLES = """
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE TABLE platform.outbox_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    topic TEXT NOT NULL,
    payload JSONB NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    sent_at TIMESTAMPTZ
);
CREATE INDEX outbox_unsent ON platform.outbox_events (id) WHERE sent_at IS NULL;

CREATE TABLE platform.processed_events (
    consumer TEXT NOT NULL,
    event_id TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (consumer, event_id)
);

CREATE TABLE platform.idempotency_keys (
    uid BIGINT NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    status INT,
    body TEXT,
    expires_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (uid, scope, key)
);

CREATE TABLE admin.system_settings (
    key TEXT PRIMARY KEY,
    value JSONB NOT NULL,
    updated_by BIGINT,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE VIEW admin.pub_settings AS SELECT key, value FROM admin.system_settings;

CREATE TABLE admin.admin_roles (
    role TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    permissions JSONB NOT NULL,
    builtin BOOLEAN NOT NULL DEFAULT false
);

CREATE TABLE admin.operator_audit_logs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    operator_id BIGINT NOT NULL,
    action_type VARCHAR(50) NOT NULL,
    target_type VARCHAR(50),
    target_id BIGINT,
    action_details JSONB,
    ip_address VARCHAR(50),
    user_agent TEXT,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_audit_logs_operator ON admin.operator_audit_logs (operator_id);
CREATE INDEX idx_audit_logs_action ON admin.operator_audit_logs (action_type);
CREATE INDEX idx_audit_logs_created ON admin.operator_audit_logs (created_at DESC);

CREATE TABLE admin.admin_operation_logs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    admin_uid BIGINT NOT NULL,
    operation VARCHAR(100) NOT NULL,
    resource_type VARCHAR(50) NOT NULL,
    resource_id BIGINT,
    details JSONB,
    ip_address VARCHAR(45),
    user_agent TEXT,
    result VARCHAR(20) NOT NULL CHECK (result IN ('success', 'failed', 'error')),
    error_message TEXT,
    created_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX idx_admin_logs_admin_time ON admin.admin_operation_logs (admin_uid, created_at);

CREATE FUNCTION platform.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON admin.operator_audit_logs
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON admin.admin_operation_logs
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
"""

GRANTS = """
GRANT USAGE ON SCHEMA {name} TO {name};
GRANT USAGE ON SCHEMA platform, admin, commerce TO {name};
GRANT SELECT, INSERT, UPDATE (sent_at) ON platform.outbox_events TO {name};
GRANT SELECT, INSERT ON platform.processed_events TO {name};
GRANT SELECT, INSERT, UPDATE ON platform.idempotency_keys TO {name};
GRANT SELECT ON admin.pub_settings TO {name};
GRANT INSERT ON admin.operator_audit_logs, admin.admin_operation_logs TO {name};
"""


def upgrade() -> None:
    """Build it."""
    op.execute("CREATE SCHEMA commerce")
    for name in DOMAINS:
        op.execute(ROLE.format(name=name))
        op.execute(f"CREATE SCHEMA {name}")
    op.execute(TABLES)
    for name in DOMAINS:
        op.execute(GRANTS.format(name=name))
    op.execute("GRANT SELECT ON admin.operator_audit_logs, admin.admin_operation_logs, admin.admin_roles TO admin")
    op.execute("GRANT DELETE ON platform.idempotency_keys, platform.outbox_events, platform.processed_events TO platform")


def downgrade() -> None:
    """Take it away; roles stay, other databases of the server may use them."""
    for name in reversed(DOMAINS):
        op.execute(f"DROP SCHEMA {name} CASCADE")
    op.execute("DROP SCHEMA commerce CASCADE")
