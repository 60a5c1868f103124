"""For developers: API keys, and the message catalogue with its locales."""

from alembic import op

from shared.sql.migrations.catalogue import insert_missing

revision = "0016"
down_revision = "0015"

API_KEYS = """
CREATE TABLE identity.api_keys (
    key_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES identity.users (uid),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    prefix TEXT NOT NULL,
    jti TEXT NOT NULL UNIQUE,
    key_hash TEXT NOT NULL UNIQUE,
    scopes TEXT[] NOT NULL CHECK (scopes <@ ARRAY['read', 'write', 'ai', 'trade'] AND cardinality(scopes) > 0),
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL CHECK (expires_at > created_at),
    revoked_at TIMESTAMPTZ
);
COMMENT ON COLUMN identity.api_keys.key_hash IS 'SHA-256 of the whole key, which is shown once and kept nowhere';
CREATE INDEX api_keys_of_user ON identity.api_keys (user_id, key_id) WHERE revoked_at IS NULL;
GRANT SELECT, INSERT, DELETE, UPDATE (revoked_at) ON identity.api_keys TO identity;
"""

MESSAGES = """
CREATE TABLE platform.i18n_locales (
    locale TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    timezone TEXT NOT NULL,
    date_format TEXT NOT NULL,
    time_format TEXT NOT NULL,
    number_format TEXT NOT NULL,
    currency CHAR(3) NOT NULL,
    currency_format TEXT NOT NULL,
    week_starts_on SMALLINT NOT NULL CHECK (week_starts_on BETWEEN 0 AND 6),
    version INT NOT NULL DEFAULT 0,
    updated_at TIMESTAMPTZ NOT NULL
);
COMMENT ON COLUMN platform.i18n_locales.week_starts_on IS '0 Sunday, 1 Monday';

CREATE TABLE platform.i18n_messages (
    locale TEXT NOT NULL REFERENCES platform.i18n_locales (locale),
    namespace TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    version INT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (locale, namespace, key)
);
CREATE INDEX i18n_messages_by_name ON platform.i18n_messages (namespace, key);

INSERT INTO platform.i18n_locales
    (locale, name, timezone, date_format, time_format, number_format, currency, currency_format, week_starts_on, updated_at)
VALUES ('zh-CN', '简体中文', 'Asia/Shanghai', 'yyyy-MM-dd', 'HH\\:mm', '#,##0.##', 'CNY', '¥#,##0.00', 1, now()),
       ('en', 'English', 'UTC', 'MMM d, y', 'h\\:mm a', '#,##0.##', 'CNY', 'CN¥#,##0.00', 0, now());

GRANT SELECT, UPDATE (version, updated_at) ON platform.i18n_locales TO platform;
GRANT SELECT, INSERT, UPDATE, DELETE ON platform.i18n_messages TO platform;
"""


def upgrade() -> None:
    """Build them, with the sentences of the house."""
    op.execute(API_KEYS)
    op.execute(MESSAGES)
    insert_missing(op.get_bind())


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP TABLE platform.i18n_messages, platform.i18n_locales, identity.api_keys")
