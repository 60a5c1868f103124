"""The tables of identity: accounts, public profiles, credentials, roles, verifications, devices, consents, operators."""

import json

from alembic import op

revision = "0002"
down_revision = "0001"

ACCOUNTS = """
CREATE TABLE identity.users (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    uid BIGINT GENERATED ALWAYS AS IDENTITY (START WITH 100000) UNIQUE NOT NULL,
    username TEXT NOT NULL CHECK (length(username) <= 32),
    email VARCHAR(320),
    email_verified_at TIMESTAMPTZ,
    email_verified_via VARCHAR,
    phone_number VARCHAR(16) CONSTRAINT users_phone UNIQUE,
    phone_verified_at TIMESTAMPTZ,
    hashed_password VARCHAR(1024),
    is_active BOOLEAN NOT NULL DEFAULT true,
    is_superuser BOOLEAN NOT NULL DEFAULT false,
    is_verified BOOLEAN NOT NULL DEFAULT false,
    is_virtual BOOLEAN,
    status VARCHAR NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'inactive', 'banned', 'pending_deletion', 'deleted')),
    ban_reason TEXT,
    ban_end_time TIMESTAMPTZ,
    region VARCHAR,
    preferred_languages TEXT[] NOT NULL DEFAULT '{}',
    google_id VARCHAR UNIQUE,
    apple_id VARCHAR UNIQUE,
    google_linked_at TIMESTAMPTZ,
    apple_linked_at TIMESTAMPTZ,
    avatar_url VARCHAR,
    locale TEXT NOT NULL DEFAULT 'zh-CN',
    timezone TEXT NOT NULL DEFAULT 'Asia/Shanghai',
    currency TEXT NOT NULL DEFAULT 'CNY',
    membership_level VARCHAR(20) NOT NULL DEFAULT 'free'
        CHECK (membership_level IN ('free', 'basic', 'premium', 'professional')),
    membership_expires_at TIMESTAMPTZ,
    wallet_address VARCHAR(255),
    last_login_at TIMESTAMPTZ,
    last_login_method VARCHAR,
    delete_at TIMESTAMPTZ,
    deleted_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX users_email ON identity.users (lower(email) text_pattern_ops);
CREATE UNIQUE INDEX users_username ON identity.users (lower(username));
CREATE INDEX users_status_created ON identity.users (status, created_at);
CREATE INDEX users_wallet_address ON identity.users (wallet_address);

CREATE TABLE identity.authors (
    id UUID PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id UUID NOT NULL UNIQUE REFERENCES identity.users (id) ON DELETE CASCADE,
    username VARCHAR(255) NOT NULL CONSTRAINT authors_username UNIQUE,
    username_raw TEXT NOT NULL,
    name VARCHAR(255) NOT NULL,
    avatar VARCHAR(255),
    original_avatar VARCHAR(255),
    dedication VARCHAR(255),
    description VARCHAR(300),
    location VARCHAR(255),
    country VARCHAR(255),
    language VARCHAR(255),
    education VARCHAR(255),
    email VARCHAR(255),
    phone_number VARCHAR(255),
    birthday DATE,
    gender VARCHAR,
    region VARCHAR NOT NULL DEFAULT '',
    likes_count INT NOT NULL DEFAULT 0,
    citations_count INT NOT NULL DEFAULT 0,
    posts_count INT NOT NULL DEFAULT 0,
    pins TEXT[] NOT NULL DEFAULT '{}',
    invitation_id VARCHAR,
    invitation_id_owned VARCHAR(50) NOT NULL UNIQUE,
    group_size INT NOT NULL DEFAULT 0,
    group_grade INT NOT NULL DEFAULT 0,
    direct_invited_count INT NOT NULL DEFAULT 0,
    vip_code VARCHAR(20),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX authors_username_raw ON identity.authors (lower(username_raw));

CREATE TABLE identity.user_profiles (
    uid BIGINT PRIMARY KEY REFERENCES identity.users (uid),
    preferences JSONB NOT NULL DEFAULT '{}',
    privacy JSONB NOT NULL DEFAULT '{}',
    website VARCHAR(500),
    is_creator BOOLEAN NOT NULL DEFAULT false,
    creator_since TIMESTAMPTZ,
    identity_status VARCHAR NOT NULL DEFAULT 'none'
        CHECK (identity_status IN ('none', 'pending', 'approved', 'rejected')),
    followers_count INT NOT NULL DEFAULT 0,
    following_count INT NOT NULL DEFAULT 0,
    contents_count INT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE identity.user_auth (
    uid BIGINT PRIMARY KEY REFERENCES identity.users (uid),
    password_hash TEXT NOT NULL,
    password_changed_at TIMESTAMPTZ NOT NULL,
    failed_count INT NOT NULL DEFAULT 0,
    failures_since TIMESTAMPTZ,
    locked_until TIMESTAMPTZ,
    totp_secret TEXT,
    totp_confirmed_at TIMESTAMPTZ,
    totp_last_step BIGINT NOT NULL DEFAULT 0,
    recovery_code_hashes TEXT[] NOT NULL DEFAULT '{}',
    token_epoch INT NOT NULL DEFAULT 1,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE identity.user_roles (
    uid BIGINT NOT NULL REFERENCES identity.users (uid),
    role TEXT NOT NULL,
    granted_by BIGINT,
    granted_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (uid, role)
);

CREATE TABLE identity.user_devices (
    device_id VARCHAR(128) NOT NULL,
    uid BIGINT NOT NULL REFERENCES identity.users (uid),
    device_type VARCHAR(20),
    app_version VARCHAR(50),
    push_token TEXT,
    first_seen_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (device_id, uid)
);
CREATE INDEX user_devices_uid ON identity.user_devices (uid);

-- Devices that may not register or sign in, whoever uses them.
CREATE TABLE identity.device_bans (
    device_id VARCHAR(128) PRIMARY KEY,
    ban_end_time TIMESTAMPTZ
);

CREATE TABLE identity.user_consents (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid BIGINT NOT NULL REFERENCES identity.users (uid),
    kind TEXT NOT NULL,
    granted BOOLEAN NOT NULL,
    version TEXT NOT NULL,
    ip VARCHAR(45),
    at TIMESTAMPTZ NOT NULL
);
CREATE INDEX user_consents_uid ON identity.user_consents (uid, kind, at);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON identity.user_consents
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
"""

VERIFICATIONS = """
CREATE TABLE identity.user_verifications (
    verification_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid BIGINT NOT NULL REFERENCES identity.users (uid),
    kind TEXT NOT NULL CHECK (kind IN ('identity', 'creator')),
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'rejected')),
    real_name TEXT,
    real_name_masked TEXT,
    id_type TEXT CHECK (id_type IN ('id_card', 'passport')),
    id_number TEXT,
    id_number_masked TEXT,
    id_number_hash TEXT,
    media_ids BIGINT[] NOT NULL DEFAULT '{}',
    payload JSONB,
    reviewer_id BIGINT,
    comment TEXT,
    submitted_at TIMESTAMPTZ NOT NULL,
    reviewed_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CHECK (kind = 'creator' OR (real_name IS NOT NULL AND id_number IS NOT NULL AND id_number_hash IS NOT NULL)),
    CHECK ((status = 'pending') = (reviewed_at IS NULL))
);
CREATE UNIQUE INDEX verifications_one_open ON identity.user_verifications (uid, kind) WHERE status = 'pending';
CREATE UNIQUE INDEX verifications_one_approved ON identity.user_verifications (uid, kind) WHERE status = 'approved';
CREATE UNIQUE INDEX verifications_one_person ON identity.user_verifications (id_number_hash)
    WHERE kind = 'identity' AND status = 'approved';
CREATE INDEX verifications_latest ON identity.user_verifications (uid, kind, verification_id DESC);
CREATE INDEX verifications_queue ON identity.user_verifications (status, submitted_at, verification_id);
"""

STAFF = """
CREATE TABLE admin.admins (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id BIGINT NOT NULL CONSTRAINT admins_user UNIQUE REFERENCES identity.users (uid),
    role TEXT NOT NULL DEFAULT 'admin' REFERENCES admin.admin_roles (role),
    permissions JSONB NOT NULL DEFAULT '[]',
    department VARCHAR(100),
    created_by BIGINT REFERENCES admin.admins (id),
    is_active BOOLEAN NOT NULL DEFAULT true,
    staff_password_hash TEXT,
    last_login_ip VARCHAR(45),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, UPDATE (last_login_ip, updated_at) ON admin.admins TO identity;
GRANT SELECT ON admin.admin_roles TO identity;
GRANT SELECT, INSERT, UPDATE, DELETE ON admin.admins TO admin;
"""

READS = """
CREATE VIEW identity.pub_profiles AS
SELECT u.uid, u.username, a.name AS display_name, a.avatar AS avatar_url, p.is_creator,
       p.identity_status = 'approved' AS identity_verified, u.status
FROM identity.users u
JOIN identity.authors a ON a.user_id = u.id
JOIN identity.user_profiles p ON p.uid = u.uid;

CREATE VIEW identity.pub_payout_identity AS
SELECT p.uid, p.identity_status = 'approved' AS identity_approved, v.real_name_masked
FROM identity.user_profiles p
LEFT JOIN identity.user_verifications v ON v.uid = p.uid AND v.kind = 'identity' AND v.status = 'approved';

GRANT USAGE ON SCHEMA identity TO content, media, subscriptions, payments, finance;
GRANT SELECT ON identity.pub_profiles TO content, media, subscriptions, payments, finance;
GRANT SELECT ON identity.pub_payout_identity TO finance;

GRANT SELECT, INSERT, UPDATE ON
    identity.users, identity.authors, identity.user_profiles, identity.user_auth, identity.user_devices,
    identity.user_verifications TO identity;
GRANT SELECT, INSERT, DELETE ON identity.user_roles TO identity;
GRANT SELECT ON identity.device_bans TO identity;
GRANT SELECT, INSERT ON identity.user_consents TO identity;
"""

CATALOGUE = {
    "admin": "read write", "role": "read write", "user": "read write manage ban", "verification": "read review",
    "audit": "read", "settings": "read write", "content": "read write moderate feature", "comment": "moderate",
    "media": "read manage", "moderation": "read review config", "report": "read process", "post": "read write",
    "meme": "read review", "support": "read write manage", "notification": "write push", "cms": "read write",
    "i18n": "write", "learning": "write", "search": "read", "recommendation": "read write",
    "subscription": "read write", "promotion": "read write", "payment": "read write config",
    "finance": "read write approve", "wallet": "read manage approve", "claude": "read write config",
    "data": "read write config", "strategy": "read write audit", "trading": "read write stop",
    "analytics": "read write export", "monitoring": "read write", "log": "read manage", "system": "read manage",
    "backup": "read write restore", "security": "read manage", "integration": "read write",
    "automation": "read write", "plugin": "read review",
}  # fmt: skip
SUPER_ADMIN_ONLY = frozenset(
    {"admin:write", "role:write", "wallet:manage", "wallet:approve", "finance:approve", "payment:config"}
    | {"backup:restore", "security:manage", "integration:write"}
)
# rules.md §2: role, what it is for, its permissions.
ROLES = (
    ("super_admin", "Everything", "*"),
    (
        "admin",
        "Everything but what only a super admin decides",
        " ".join(
            point
            for point in (f"{domain}:{name}" for domain, names in CATALOGUE.items() for name in names.split())
            if point not in SUPER_ADMIN_ONLY
        ),
    ),
    (
        "user_manager",
        "Accounts, verification, reports, notices",
        (
            "user:read user:write user:manage user:ban verification:read verification:review report:read report:process "
            "notification:write notification:push subscription:read subscription:write audit:read"
        ),
    ),
    ("ai_manager", "The AI account pool", "claude:read claude:write claude:config monitoring:read analytics:read"),
    (
        "finance_manager",
        "Payments, wallets, settlements and payouts",
        (
            "payment:read payment:write wallet:manage payment:config wallet:read wallet:approve finance:read finance:write "
            "finance:approve subscription:read subscription:write promotion:read promotion:write analytics:read analytics:export"
        ),
    ),
    (
        "data_manager",
        "Market data and reports",
        "data:read data:write data:config analytics:read analytics:write analytics:export monitoring:read",
    ),
    (
        "strategy_manager",
        "Strategies and trading risk",
        "strategy:read strategy:write strategy:audit trading:read trading:write trading:stop monitoring:read",
    ),
    (
        "content_manager",
        "Content, comments, moderation, learning",
        (
            "content:read content:write content:moderate content:feature comment:moderate moderation:read moderation:review "
            "moderation:config report:read report:process media:read media:manage post:read post:write meme:read meme:review "
            "cms:read cms:write i18n:write learning:write search:read recommendation:read recommendation:write promotion:read "
            "promotion:write notification:write plugin:read plugin:review user:read"
        ),
    ),
    ("support", "Help for users", "support:read support:write user:read report:read cms:read monitoring:read"),
    ("observer", "Reads everything, changes nothing", "*:read"),
)


def upgrade() -> None:
    """Build them."""
    op.execute(ACCOUNTS)
    op.execute(VERIFICATIONS)
    for role, description, permissions in ROLES:
        values = f"'{role}', '{description}', '{json.dumps(permissions.split())}', true"
        # A colon would be read as a bind parameter by SQLAlchemy's text().
        op.get_bind().exec_driver_sql(
            f"INSERT INTO admin.admin_roles (role, description, permissions, builtin) VALUES ({values})"
        )
    op.execute(STAFF)
    op.execute(READS)


def downgrade() -> None:
    """Take them away."""
    op.execute(
        """
        REVOKE USAGE ON SCHEMA identity FROM content, media, subscriptions, payments, finance;
        DROP VIEW identity.pub_payout_identity, identity.pub_profiles;
        DROP TABLE admin.admins;
        DELETE FROM admin.admin_roles;
        DROP TABLE identity.user_verifications, identity.user_consents, identity.device_bans, identity.user_devices,
            identity.user_roles, identity.user_auth, identity.user_profiles, identity.authors, identity.users;
        """
    )
