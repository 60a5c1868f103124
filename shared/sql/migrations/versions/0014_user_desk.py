"""User desk: security events, bans, search over accounts, running totals, batch updates, anomalies."""

from typing import Any

from alembic import op

revision = "0014"
down_revision = "0013"

DOMAINS = (
    "identity", "content", "media", "subscriptions", "payments", "finance", "wallets", "social", "messaging", "moderation",
    "support", "analytics", "recommendations", "learning", "ai_pool", "market_data", "trading", "admin", "cms", "platform",
)  # fmt: skip

SECURITY_EVENTS = """
CREATE TABLE admin.security_events (
    event_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Two rows with the same text are one event.
    once TEXT NOT NULL CONSTRAINT security_events_once UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('abnormal_login', 'permission_violation', 'api_abuse', 'signature_failure',
        'injection_attempt', 'brute_force', 'data_access')),
    severity TEXT NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    user_id BIGINT,
    admin_id BIGINT,
    ip VARCHAR(45),
    detail JSONB NOT NULL,
    status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved')),
    resolution TEXT CHECK (resolution IN ('false_positive', 'mitigated', 'accepted')),
    resolved_by BIGINT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CHECK ((status = 'resolved') = (resolution IS NOT NULL))
);
CREATE INDEX security_events_queue ON admin.security_events (status, created_at, event_id);
CREATE INDEX security_events_of_user ON admin.security_events (user_id, created_at) WHERE user_id IS NOT NULL;
CREATE INDEX security_events_by_time ON admin.security_events (created_at);
CREATE VIEW admin.pub_security_events AS
    SELECT event_id, kind, user_id, ip, detail, created_at FROM admin.security_events;
GRANT SELECT, UPDATE (status, resolution, resolved_by, updated_at) ON admin.security_events TO admin;
GRANT SELECT ON admin.pub_security_events TO identity;
GRANT UPDATE (role, is_active, removed_at, expires_at, permissions, permissions_expire_at) ON admin.admins TO identity;
"""

BANS = """
CREATE TABLE moderation.device_ban_records (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id VARCHAR(255) NOT NULL,
    operator_id BIGINT NOT NULL REFERENCES identity.users (uid),
    ban_reason TEXT NOT NULL,
    ban_duration_type VARCHAR(20) NOT NULL CHECK (ban_duration_type IN ('permanent', 'custom')),
    ban_duration_value INTEGER,
    ban_start_time TIMESTAMPTZ NOT NULL,
    ban_end_time TIMESTAMPTZ,
    status VARCHAR(20) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'expired', 'unbanned')),
    unban_time TIMESTAMPTZ,
    unban_operator_id BIGINT REFERENCES identity.users (uid),
    unban_reason TEXT,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CHECK ((ban_duration_type = 'permanent') = (ban_end_time IS NULL))
);
CREATE INDEX idx_device_ban_device_id ON moderation.device_ban_records (device_id);
CREATE INDEX idx_device_ban_status ON moderation.device_ban_records (status);
CREATE UNIQUE INDEX device_banned_once ON moderation.device_ban_records (device_id) WHERE status = 'active';

CREATE TABLE moderation.user_ban_records (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid BIGINT NOT NULL REFERENCES identity.users (uid),
    operator_id BIGINT NOT NULL REFERENCES identity.users (uid),
    ban_reason TEXT NOT NULL,
    ban_method VARCHAR(20) NOT NULL CHECK (ban_method IN ('account', 'device')),
    ban_duration_type VARCHAR(20) NOT NULL CHECK (ban_duration_type IN ('permanent', 'custom')),
    ban_duration_value INTEGER,
    ban_start_time TIMESTAMPTZ NOT NULL,
    ban_end_time TIMESTAMPTZ,
    is_notify BOOLEAN NOT NULL DEFAULT false,
    notify_message TEXT,
    status VARCHAR(20) NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'expired', 'unbanned')),
    unban_time TIMESTAMPTZ,
    unban_operator_id BIGINT REFERENCES identity.users (uid),
    unban_reason TEXT,
    device_ban_id BIGINT REFERENCES moderation.device_ban_records (id),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CHECK ((ban_duration_type = 'permanent') = (ban_end_time IS NULL)),
    CHECK ((ban_method = 'device') >= (device_ban_id IS NOT NULL))
);
CREATE INDEX idx_ban_records_uid ON moderation.user_ban_records (uid);
CREATE INDEX idx_ban_records_status ON moderation.user_ban_records (status);
CREATE INDEX idx_ban_records_operator ON moderation.user_ban_records (operator_id);

CREATE VIEW moderation.pub_bans AS
    SELECT id, uid, operator_id, ban_reason, ban_method, ban_duration_type, ban_duration_value, ban_start_time,
           ban_end_time, is_notify, notify_message, status, unban_time, unban_operator_id, unban_reason
    FROM moderation.user_ban_records;
GRANT SELECT, INSERT, UPDATE ON moderation.user_ban_records, moderation.device_ban_records TO moderation;
GRANT USAGE ON SCHEMA moderation TO identity;
GRANT SELECT ON moderation.pub_bans TO identity;
"""

READS = """
CREATE VIEW subscriptions.pub_subscriptions AS
    SELECT subscription_id, user_id, creator_id, plan_id, status, amount, auto_renew, cancel_at_period_end,
           current_period_start, current_period_end, cancelled_at, created_at
    FROM subscriptions.user_subscriptions;
GRANT USAGE ON SCHEMA subscriptions TO identity;
GRANT SELECT ON subscriptions.pub_subscriptions, subscriptions.pub_plans TO identity;

CREATE INDEX transactions_failed ON payments.payment_transactions (finished_at) WHERE status = 'failed' AND kind <> 'refund';
CREATE VIEW payments.pub_failed_payments AS
    SELECT t.payment_no, t.order_no, o.user_id, t.channel, t.amount, t.finished_at AS failed_at
    FROM payments.payment_transactions t JOIN payments.payment_orders o ON o.order_no = t.order_no
    WHERE t.status = 'failed' AND t.kind <> 'refund';
GRANT USAGE ON SCHEMA payments TO identity;
GRANT SELECT ON payments.pub_orders, payments.pub_failed_payments TO identity;
"""

# Search by any part of a name, whatever its script: every run of one, two and three characters is a word of the index.
# A text of three characters or more is looked for by its runs of three, and what they find is compared with the text.
SEARCH = """
CREATE FUNCTION identity.folded(p_text text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT lower(normalize(p_text, NFKC))
$$;
CREATE FUNCTION identity.runs(p_folded text, p_shortest int, p_longest int) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT substr(p_folded, place, size)), '{}')
    FROM generate_series(p_shortest, p_longest) size, generate_series(1, length(p_folded) - size + 1) place
$$;
CREATE FUNCTION identity.beginning_with(p_text text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT replace(replace(replace(p_text, '\\', '\\\\'), '%', '\\%'), '_', '\\_') || '%'
$$;

CREATE TABLE identity.user_search (
    uid BIGINT PRIMARY KEY REFERENCES identity.users (uid) ON DELETE CASCADE,
    names TEXT NOT NULL,
    runs TEXT[] NOT NULL
);
INSERT INTO identity.user_search (uid, names, runs)
SELECT u.uid, n.names, identity.runs(n.names, 1, 3)
FROM identity.users u JOIN identity.authors a ON a.user_id = u.id,
    LATERAL (SELECT identity.folded(u.username || E'\\n' || a.name) AS names) n;
CREATE INDEX user_search_runs ON identity.user_search USING gin (runs);
CREATE INDEX users_phone_beginning ON identity.users (phone_number text_pattern_ops);

CREATE FUNCTION identity.index_names() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE changed bigint;
BEGIN
    -- Locked first: of two who change the two names at once, the second sees what the first wrote.
    IF TG_TABLE_NAME = 'users' THEN
        changed := NEW.uid;
    ELSE
        SELECT uid INTO changed FROM identity.users WHERE id = NEW.user_id FOR NO KEY UPDATE;
    END IF;
    INSERT INTO identity.user_search AS known (uid, names, runs)
    SELECT u.uid, n.names, identity.runs(n.names, 1, 3)
    FROM identity.users u JOIN identity.authors a ON a.user_id = u.id,
        LATERAL (SELECT identity.folded(u.username || E'\\n' || a.name) AS names) n
    WHERE u.uid = changed
    ON CONFLICT (uid) DO UPDATE SET names = excluded.names, runs = excluded.runs;
    RETURN NULL;
END $$;
CREATE TRIGGER index_names AFTER INSERT OR UPDATE OF name ON identity.authors
    FOR EACH ROW EXECUTE FUNCTION identity.index_names();
CREATE TRIGGER index_names AFTER UPDATE OF username ON identity.users
    FOR EACH ROW WHEN (OLD.username IS DISTINCT FROM NEW.username) EXECUTE FUNCTION identity.index_names();

-- Laid open into the query that asks, so that each branch uses its own index.
CREATE FUNCTION identity.accounts_matching(p_text text) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT s.uid FROM identity.user_search s
    WHERE s.runs @> identity.runs(identity.folded(p_text), least(3, length(identity.folded(p_text))),
                                  least(3, length(identity.folded(p_text))))
      AND position(identity.folded(p_text) IN s.names) > 0
    UNION ALL
    SELECT u.uid FROM identity.users u WHERE lower(u.email) LIKE identity.beginning_with(lower(p_text))
    UNION ALL
    SELECT u.uid FROM identity.users u
    WHERE p_text ~ '^[+][0-9]{3,15}$' AND u.phone_number LIKE identity.beginning_with(p_text)
    UNION ALL
    SELECT u.uid FROM identity.users u
    WHERE p_text ~ '^[0-9]{3,15}$' AND u.phone_number LIKE identity.beginning_with('+86' || p_text)
    UNION ALL
    SELECT u.uid FROM identity.users u WHERE u.uid = CASE WHEN p_text ~ '^[0-9]{1,18}$' THEN p_text::bigint END
$$;

CREATE INDEX users_created ON identity.users (created_at, uid);
CREATE INDEX users_membership ON identity.users (membership_level, created_at, uid);
CREATE INDEX user_roles_role ON identity.user_roles (role, uid);
GRANT SELECT ON identity.user_search TO identity;
"""

# How many accounts there are, of which state and level, by the day they were opened (Asia/Shanghai). A change writes one
# small row and locks none that another change needs; a task folds the rows into one per day. The totals are the sum of
# both, exact in any snapshot, since folding moves rows in one statement.
COUNTS = """
CREATE TABLE identity.user_counts (
    day DATE PRIMARY KEY,
    opened BIGINT NOT NULL, total BIGINT NOT NULL, active BIGINT NOT NULL, inactive BIGINT NOT NULL,
    banned BIGINT NOT NULL, pending_deletion BIGINT NOT NULL, verified BIGINT NOT NULL, creators BIGINT NOT NULL,
    free BIGINT NOT NULL, basic BIGINT NOT NULL, premium BIGINT NOT NULL, professional BIGINT NOT NULL
);
CREATE TABLE identity.user_count_changes (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day DATE NOT NULL,
    opened INT NOT NULL, total INT NOT NULL, active INT NOT NULL, inactive INT NOT NULL,
    banned INT NOT NULL, pending_deletion INT NOT NULL, verified INT NOT NULL, creators INT NOT NULL,
    free INT NOT NULL, basic INT NOT NULL, premium INT NOT NULL, professional INT NOT NULL
);

CREATE FUNCTION identity.count_account(p_account identity.users, p_sign int, p_verified int, p_creators int) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO identity.user_count_changes (day, opened, total, active, inactive, banned, pending_deletion, verified,
        creators, free, basic, premium, professional)
    SELECT (p_account.created_at AT TIME ZONE 'Asia/Shanghai')::date, p_sign, p_sign * there,
           p_sign * (p_account.status = 'active')::int, p_sign * (p_account.status = 'inactive')::int,
           p_sign * (p_account.status = 'banned')::int, p_sign * (p_account.status = 'pending_deletion')::int,
           p_sign * there * p_verified, p_sign * there * p_creators,
           p_sign * there * (p_account.membership_level = 'free')::int,
           p_sign * there * (p_account.membership_level = 'basic')::int,
           p_sign * there * (p_account.membership_level = 'premium')::int,
           p_sign * there * (p_account.membership_level = 'professional')::int
    FROM (SELECT (p_account.status <> 'deleted')::int AS there) one
$$;
REVOKE ALL ON FUNCTION identity.count_account(identity.users, int, int, int) FROM PUBLIC;

CREATE FUNCTION identity.count_accounts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE verified int := 0; creators int := 0;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT (identity_status = 'approved')::int, is_creator::int INTO verified, creators
        FROM identity.user_profiles WHERE uid = NEW.uid;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM identity.count_account(OLD, -1, coalesce(verified, 0), coalesce(creators, 0));
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM identity.count_account(NEW, 1, coalesce(verified, 0), coalesce(creators, 0));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER count_opened AFTER INSERT OR DELETE ON identity.users
    FOR EACH ROW EXECUTE FUNCTION identity.count_accounts();
CREATE TRIGGER count_changed AFTER UPDATE OF status, membership_level, created_at ON identity.users FOR EACH ROW
    WHEN ((OLD.status, OLD.membership_level, OLD.created_at) IS DISTINCT FROM
          (NEW.status, NEW.membership_level, NEW.created_at))
    EXECUTE FUNCTION identity.count_accounts();

CREATE FUNCTION identity.count_profiles() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE verified int := 0; creators int := 0; owner bigint := coalesce(NEW.uid, OLD.uid); opened_at timestamptz;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        verified := verified - (OLD.identity_status = 'approved')::int;
        creators := creators - OLD.is_creator::int;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        verified := verified + (NEW.identity_status = 'approved')::int;
        creators := creators + NEW.is_creator::int;
    END IF;
    -- Locked, so that an account deleted meanwhile is either counted out with this, or not counted in by it.
    SELECT created_at INTO opened_at FROM identity.users WHERE uid = owner AND status <> 'deleted' FOR SHARE;
    IF opened_at IS NOT NULL AND (verified, creators) <> (0, 0) THEN
        INSERT INTO identity.user_count_changes (day, opened, total, active, inactive, banned, pending_deletion, verified,
            creators, free, basic, premium, professional)
        VALUES ((opened_at AT TIME ZONE 'Asia/Shanghai')::date, 0, 0, 0, 0, 0, 0, verified, creators, 0, 0, 0, 0);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER count_opened AFTER INSERT ON identity.user_profiles FOR EACH ROW
    WHEN (NEW.is_creator OR NEW.identity_status = 'approved') EXECUTE FUNCTION identity.count_profiles();
CREATE TRIGGER count_removed AFTER DELETE ON identity.user_profiles FOR EACH ROW
    WHEN (OLD.is_creator OR OLD.identity_status = 'approved') EXECUTE FUNCTION identity.count_profiles();
CREATE TRIGGER count_changed AFTER UPDATE OF is_creator, identity_status ON identity.user_profiles FOR EACH ROW
    WHEN ((OLD.is_creator, OLD.identity_status = 'approved') IS DISTINCT FROM
          (NEW.is_creator, NEW.identity_status = 'approved'))
    EXECUTE FUNCTION identity.count_profiles();

DO $$
DECLARE account record;
BEGIN
    FOR account IN SELECT u, coalesce((p.identity_status = 'approved')::int, 0) AS verified,
                          coalesce(p.is_creator::int, 0) AS creators
                   FROM identity.users u LEFT JOIN identity.user_profiles p ON p.uid = u.uid LOOP
        PERFORM identity.count_account(account.u, 1, account.verified, account.creators);
    END LOOP;
END $$;
GRANT SELECT, INSERT, UPDATE ON identity.user_counts TO identity;
GRANT SELECT, UPDATE, DELETE ON identity.user_count_changes TO identity;
"""

WORK = """
-- Many accounts changed by one operator: walked by uid, in chunks. The place reached commits with the chunk.
CREATE TABLE identity.bulk_updates (
    job_id TEXT PRIMARY KEY,
    operator_id BIGINT NOT NULL,
    ip VARCHAR(45) NOT NULL,
    user_agent TEXT NOT NULL,
    ids BIGINT[],
    filter JSONB,
    change JSONB NOT NULL,
    spares_staff BOOLEAN NOT NULL,
    matched BIGINT NOT NULL,
    up_to BIGINT NOT NULL,
    reached BIGINT NOT NULL DEFAULT 0,
    updated BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0,
    finished_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CHECK ((ids IS NULL) <> (filter IS NULL))
);
CREATE INDEX bulk_updates_open ON identity.bulk_updates (updated_at) WHERE finished_at IS NULL;

CREATE TABLE identity.user_anomalies (
    anomaly_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES identity.users (uid),
    kind TEXT NOT NULL CHECK (kind IN ('login', 'operation', 'payment', 'content')),
    rule TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    score DOUBLE PRECISION NOT NULL,
    evidence JSONB NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    window_end TIMESTAMPTZ NOT NULL CHECK (window_end > window_start),
    detected_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT anomaly_once UNIQUE (user_id, rule, window_start)
);
CREATE INDEX anomalies_by_time ON identity.user_anomalies (detected_at, anomaly_id);
CREATE INDEX anomalies_by_kind ON identity.user_anomalies (kind, detected_at, anomaly_id);
CREATE TABLE identity.anomaly_marks (
    rule TEXT PRIMARY KEY,
    seen_until TIMESTAMPTZ NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON identity.bulk_updates, identity.anomaly_marks TO identity;
GRANT SELECT, INSERT ON identity.user_anomalies TO identity;
"""

UNDO = """
DROP TABLE identity.anomaly_marks, identity.user_anomalies, identity.bulk_updates;
DROP TRIGGER count_changed ON identity.user_profiles;
DROP TRIGGER count_removed ON identity.user_profiles;
DROP TRIGGER count_opened ON identity.user_profiles;
DROP TRIGGER count_changed ON identity.users;
DROP TRIGGER count_opened ON identity.users;
DROP FUNCTION identity.count_profiles(), identity.count_accounts(),
    identity.count_account(identity.users, int, int, int);
DROP TABLE identity.user_count_changes, identity.user_counts;
DROP INDEX identity.user_roles_role, identity.users_membership, identity.users_created, identity.users_phone_beginning;
DROP FUNCTION identity.accounts_matching(text);
DROP TRIGGER index_names ON identity.users;
DROP TRIGGER index_names ON identity.authors;
DROP FUNCTION identity.index_names();
DROP TABLE identity.user_search;
DROP FUNCTION identity.beginning_with(text), identity.runs(text, int, int), identity.folded(text);
DROP VIEW payments.pub_failed_payments;
DROP INDEX payments.transactions_failed;
REVOKE SELECT ON payments.pub_orders FROM identity;
REVOKE USAGE ON SCHEMA payments FROM identity;
DROP VIEW subscriptions.pub_subscriptions;
REVOKE SELECT ON subscriptions.pub_plans FROM identity;
REVOKE USAGE ON SCHEMA subscriptions FROM identity;
DROP VIEW moderation.pub_bans;
REVOKE USAGE ON SCHEMA moderation FROM identity;
DROP TABLE moderation.user_ban_records, moderation.device_ban_records;
REVOKE UPDATE (role, is_active, removed_at, expires_at, permissions, permissions_expire_at) ON admin.admins FROM identity;
DROP VIEW admin.pub_security_events;
DROP TABLE admin.security_events;
"""


def _run(statement: str) -> Any:
    # Past Alembic's text(), which takes a `:` for a parameter, and past psycopg's own `%`.
    return op.get_bind().exec_driver_sql(statement.replace("%", "%%"))


def upgrade() -> None:
    """Build them."""
    _run(SECURITY_EVENTS)
    # ON CONFLICT reads the column it judges by.
    _run(f"GRANT INSERT, SELECT (once) ON admin.security_events TO {', '.join(DOMAINS)}")
    for part in (BANS, READS, SEARCH, COUNTS, WORK):
        _run(part)


def downgrade() -> None:
    """Take them away."""
    _run(UNDO)
