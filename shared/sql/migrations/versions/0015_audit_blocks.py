"""Audit blocks: both logs partitioned by month, sealed into hash chains that only the role `sealer` may write.

Rows get `tx`, the transaction that wrote them: what is older than every running transaction can gain no more rows, so
the sealer takes exactly that (docs/audit.md). Domain roles may write the columns a row is made of, never `id` or `tx`.
"""

from alembic import op

revision = "0015"
down_revision = "0014"

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

OPERATOR_COLUMNS = "operator_id, action_type, target_type, target_id, action_details, ip_address, user_agent, created_at"
ADMIN_COLUMNS = (
    "admin_uid, operation, resource_type, resource_id, details, ip_address, user_agent, result, error_message, created_at"
)

# NOLOGIN: a function of domain admin puts the role on for the one transaction that writes a block.
ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'sealer') THEN CREATE ROLE sealer NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
    GRANT sealer TO admin WITH INHERIT FALSE, SET TRUE;
EXCEPTION WHEN unique_violation OR internal_error THEN NULL; -- another database of the server granted it meanwhile
END $$
"""

LOGS = """
ALTER TABLE admin.operator_audit_logs RENAME TO operator_audit_logs_plain;
ALTER TABLE admin.admin_operation_logs RENAME TO admin_operation_logs_plain;
ALTER SEQUENCE admin.operator_audit_logs_id_seq RENAME TO operator_audit_logs_plain_id_seq;
ALTER SEQUENCE admin.admin_operation_logs_id_seq RENAME TO admin_operation_logs_plain_id_seq;

CREATE TABLE admin.operator_audit_logs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    operator_id BIGINT NOT NULL,
    action_type VARCHAR(50) NOT NULL,
    target_type VARCHAR(50),
    target_id BIGINT,
    action_details JSONB,
    ip_address VARCHAR(50),
    user_agent TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    tx XID8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT operator_audit_logs_key PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE TABLE admin.admin_operation_logs (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    admin_uid BIGINT NOT NULL,
    operation VARCHAR(100) NOT NULL,
    resource_type VARCHAR(50) NOT NULL,
    resource_id BIGINT,
    details JSONB,
    ip_address VARCHAR(45),
    user_agent TEXT,
    result VARCHAR(20) NOT NULL CHECK (result IN ('success', 'failed', 'error')),
    error_message TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    tx XID8 NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT admin_operation_logs_key PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);

CREATE TABLE admin.operator_audit_logs_default PARTITION OF admin.operator_audit_logs DEFAULT;
CREATE TABLE admin.admin_operation_logs_default PARTITION OF admin.admin_operation_logs DEFAULT;

INSERT INTO admin.operator_audit_logs
    (id, operator_id, action_type, target_type, target_id, action_details, ip_address, user_agent, created_at)
OVERRIDING SYSTEM VALUE SELECT * FROM admin.operator_audit_logs_plain;
INSERT INTO admin.admin_operation_logs
    (id, admin_uid, operation, resource_type, resource_id, details, ip_address, user_agent, result, error_message, created_at)
OVERRIDING SYSTEM VALUE SELECT * FROM admin.admin_operation_logs_plain;
SELECT setval(pg_get_serial_sequence('admin.operator_audit_logs', 'id'), last_value, is_called)
FROM admin.operator_audit_logs_plain_id_seq;
SELECT setval(pg_get_serial_sequence('admin.admin_operation_logs', 'id'), last_value, is_called)
FROM admin.admin_operation_logs_plain_id_seq;
DROP TABLE admin.operator_audit_logs_plain, admin.admin_operation_logs_plain;

CREATE INDEX idx_audit_logs_operator ON admin.operator_audit_logs (operator_id);
CREATE INDEX idx_audit_logs_action ON admin.operator_audit_logs (action_type);
CREATE INDEX idx_audit_logs_created ON admin.operator_audit_logs (created_at DESC);
CREATE INDEX idx_audit_logs_order ON admin.operator_audit_logs (tx, id);
CREATE INDEX idx_admin_logs_admin_time ON admin.admin_operation_logs (admin_uid, created_at);
CREATE INDEX idx_admin_logs_created ON admin.admin_operation_logs (created_at DESC, id DESC);
CREATE INDEX idx_admin_logs_order ON admin.admin_operation_logs (tx, id);
"""

# Statement triggers guard the table they are on, so every partition has its own; row triggers are inherited, so that
# a partition made by hand is guarded too.
GUARDS = """
CREATE FUNCTION admin.guard_audit_table(guarded REGCLASS) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change()', guarded);
END $$;
REVOKE ALL ON FUNCTION admin.guard_audit_table FROM PUBLIC;

SELECT admin.guard_audit_table(one) FROM unnest(ARRAY[
    'admin.operator_audit_logs', 'admin.operator_audit_logs_default',
    'admin.admin_operation_logs', 'admin.admin_operation_logs_default']::regclass[]) AS one;
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON admin.operator_audit_logs
    FOR EACH ROW EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON admin.admin_operation_logs
    FOR EACH ROW EXECUTE FUNCTION platform.refuse_change();
"""

# Months as UTC has them. A late run finds rows in the default partition and gives them their months: the default is
# taken off, its rows are inserted again, it is dropped; nothing is deleted from a table that is guarded.
MONTHS = """
CREATE FUNCTION admin.make_audit_partitions(p_at TIMESTAMPTZ, p_ahead INT) RETURNS INT
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' SET TimeZone = 'UTC' AS $$
DECLARE
    log TEXT;
    wanted DATE[];
    month DATE;
    late BOOLEAN;
    made INT := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('admin.make_audit_partitions', 0));
    FOREACH log IN ARRAY ARRAY['operator_audit_logs', 'admin_operation_logs'] LOOP
        EXECUTE format('SELECT array_agg(m ORDER BY m) FROM (
                SELECT date_trunc(''month'', $1 + make_interval(months => ahead))::date AS m FROM generate_series(0, $2) ahead
                UNION SELECT DISTINCT date_trunc(''month'', created_at)::date FROM admin.%I) AS months
            WHERE to_regclass(''admin.%s_'' || to_char(m, ''YYYY_MM'')) IS NULL', log || '_default', log)
            INTO wanted USING p_at, p_ahead;
        CONTINUE WHEN wanted IS NULL;
        EXECUTE format('SELECT EXISTS (SELECT FROM admin.%I)', log || '_default') INTO late;
        IF late THEN
            EXECUTE format('ALTER TABLE admin.%I DETACH PARTITION admin.%I', log, log || '_default');
            EXECUTE format('ALTER TABLE admin.%I RENAME TO %I', log || '_default', log || '_late');
        END IF;
        FOREACH month IN ARRAY wanted LOOP
            EXECUTE format('CREATE TABLE admin.%I PARTITION OF admin.%I FOR VALUES FROM (%L) TO (%L)',
                log || to_char(month, '_YYYY_MM'), log,
                month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
            PERFORM admin.guard_audit_table(format('admin.%I', log || to_char(month, '_YYYY_MM'))::regclass);
            made := made + 1;
        END LOOP;
        IF late THEN
            EXECUTE format('CREATE TABLE admin.%I PARTITION OF admin.%I DEFAULT', log || '_default', log);
            PERFORM admin.guard_audit_table(format('admin.%I', log || '_default')::regclass);
            EXECUTE format('INSERT INTO admin.%I OVERRIDING SYSTEM VALUE SELECT * FROM admin.%I', log, log || '_late');
            EXECUTE format('DROP TABLE admin.%I', log || '_late');
        END IF;
    END LOOP;
    RETURN made;
END $$;
REVOKE ALL ON FUNCTION admin.make_audit_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION admin.make_audit_partitions TO admin;
SELECT admin.make_audit_partitions(now(), 3);
"""

SEALS = """
CREATE FUNCTION platform.hash_link(state BYTEA, seed BYTEA, canonical BYTEA) RETURNS BYTEA
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN sha256(coalesce(state, seed) || canonical);
CREATE AGGREGATE platform.hash_chain(seed BYTEA, canonical BYTEA) (SFUNC = platform.hash_link, STYPE = BYTEA);

CREATE TABLE admin.audit_blocks (
    log TEXT NOT NULL,
    block_no BIGINT NOT NULL CHECK (block_no > 0),
    first_seq BIGINT NOT NULL,
    row_count BIGINT NOT NULL CHECK (row_count > 0),
    first_id BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    last_tx XID8 NOT NULL,
    first_at TIMESTAMPTZ NOT NULL,
    last_at TIMESTAMPTZ NOT NULL,
    sealed_at TIMESTAMPTZ NOT NULL,
    prev_hash BYTEA NOT NULL CHECK (octet_length(prev_hash) = 32),
    hash BYTEA NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (log, block_no)
);
CREATE UNIQUE INDEX audit_blocks_by_seq ON admin.audit_blocks (log, first_seq);
CREATE INDEX audit_blocks_by_day ON admin.audit_blocks (log, sealed_at);

CREATE TABLE admin.operator_audit_seals (
    seq BIGINT PRIMARY KEY,
    block_no BIGINT NOT NULL,
    id BIGINT NOT NULL CONSTRAINT operator_audit_seals_once UNIQUE,
    hash BYTEA NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE TABLE admin.admin_operation_seals (
    seq BIGINT PRIMARY KEY,
    block_no BIGINT NOT NULL,
    id BIGINT NOT NULL CONSTRAINT admin_operation_seals_once UNIQUE,
    hash BYTEA NOT NULL CHECK (octet_length(hash) = 32)
);
SELECT admin.guard_audit_table(one) FROM unnest(ARRAY[
    'admin.audit_blocks', 'admin.operator_audit_seals', 'admin.admin_operation_seals']::regclass[]) AS one;

GRANT USAGE ON SCHEMA admin, platform TO sealer;
GRANT SELECT ON admin.operator_audit_logs, admin.admin_operation_logs TO sealer, admin;
GRANT SELECT, INSERT ON admin.audit_blocks, admin.operator_audit_seals, admin.admin_operation_seals TO sealer;
GRANT SELECT ON admin.audit_blocks, admin.operator_audit_seals, admin.admin_operation_seals TO admin;
"""

BACK = """
DROP FUNCTION admin.make_audit_partitions;
ALTER TABLE admin.operator_audit_logs RENAME TO operator_audit_logs_months;
ALTER TABLE admin.admin_operation_logs RENAME TO admin_operation_logs_months;
ALTER SEQUENCE admin.operator_audit_logs_id_seq RENAME TO operator_audit_logs_months_id_seq;
ALTER SEQUENCE admin.admin_operation_logs_id_seq RENAME TO admin_operation_logs_months_id_seq;

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
INSERT INTO admin.operator_audit_logs OVERRIDING SYSTEM VALUE
SELECT id, operator_id, action_type, target_type, target_id, action_details, ip_address, user_agent, created_at
FROM admin.operator_audit_logs_months;
INSERT INTO admin.admin_operation_logs OVERRIDING SYSTEM VALUE
SELECT id, admin_uid, operation, resource_type, resource_id, details, ip_address, user_agent, result, error_message, created_at
FROM admin.admin_operation_logs_months;
SELECT setval(pg_get_serial_sequence('admin.operator_audit_logs', 'id'), last_value, is_called)
FROM admin.operator_audit_logs_months_id_seq;
SELECT setval(pg_get_serial_sequence('admin.admin_operation_logs', 'id'), last_value, is_called)
FROM admin.admin_operation_logs_months_id_seq;
DROP TABLE admin.operator_audit_logs_months, admin.admin_operation_logs_months;

CREATE INDEX idx_audit_logs_operator ON admin.operator_audit_logs (operator_id);
CREATE INDEX idx_audit_logs_action ON admin.operator_audit_logs (action_type);
CREATE INDEX idx_audit_logs_created ON admin.operator_audit_logs (created_at DESC);
CREATE INDEX idx_admin_logs_admin_time ON admin.admin_operation_logs (admin_uid, created_at);
SELECT admin.guard_audit_table(one) FROM unnest(ARRAY[
    'admin.operator_audit_logs', 'admin.admin_operation_logs']::regclass[]) AS one;
GRANT SELECT ON admin.operator_audit_logs, admin.admin_operation_logs TO admin;

DROP TABLE admin.audit_blocks, admin.operator_audit_seals, admin.admin_operation_seals;
DROP FUNCTION admin.guard_audit_table;
DROP AGGREGATE platform.hash_chain(BYTEA, BYTEA);
DROP FUNCTION platform.hash_link;
REVOKE USAGE ON SCHEMA admin, platform FROM sealer;
"""


def upgrade() -> None:
    """Build it."""
    op.execute(ROLE)
    op.execute(LOGS)
    op.execute(GUARDS)
    op.execute(MONTHS)
    op.execute(SEALS)
    for name in DOMAINS:
        op.execute(f"GRANT INSERT ({OPERATOR_COLUMNS}) ON admin.operator_audit_logs TO {name}")
        op.execute(f"GRANT INSERT ({ADMIN_COLUMNS}) ON admin.admin_operation_logs TO {name}")


def downgrade() -> None:
    """Take it away; the role stays, other databases of the server may use it."""
    op.execute(BACK)
    for name in DOMAINS:
        op.execute(f"GRANT INSERT ON admin.operator_audit_logs, admin.admin_operation_logs TO {name}")
