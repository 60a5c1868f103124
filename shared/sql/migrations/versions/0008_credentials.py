"""Credentials: locks that grow, guesses at names nobody has, settings of the account's security, staff's addresses."""

from alembic import op

revision = "0008"
down_revision = "0007"

CREDENTIALS = """
ALTER TABLE identity.user_auth
    ADD COLUMN lock_level INT NOT NULL DEFAULT 0,
    ADD COLUMN recent_addresses JSONB NOT NULL DEFAULT '{}',
    ADD COLUMN totp_pending TEXT,
    ADD COLUMN login_alerts BOOLEAN NOT NULL DEFAULT true,
    ADD COLUMN single_session BOOLEAN NOT NULL DEFAULT false;

-- Wrong passwords under names nobody has: kept as those of accounts are, so that lock-out tells nobody from somebody.
CREATE TABLE identity.unknown_logins (
    name_hash TEXT PRIMARY KEY,
    failed_count INT NOT NULL DEFAULT 0,
    failures_since TIMESTAMPTZ,
    locked_until TIMESTAMPTZ,
    lock_level INT NOT NULL DEFAULT 0,
    recent_addresses JSONB NOT NULL DEFAULT '{}',
    kept_until TIMESTAMPTZ NOT NULL
);
CREATE INDEX unknown_logins_kept ON identity.unknown_logins (kept_until);

-- From where an operator has signed in; a new address raises a security event.
CREATE TABLE identity.staff_addresses (
    uid BIGINT NOT NULL REFERENCES identity.users (uid),
    ip VARCHAR(45) NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (uid, ip)
);
INSERT INTO identity.staff_addresses (uid, ip, first_seen_at, last_seen_at)
SELECT user_id, last_login_ip, updated_at, updated_at FROM admin.admins WHERE last_login_ip IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON identity.unknown_logins TO identity;
GRANT SELECT, INSERT, UPDATE ON identity.staff_addresses TO identity;
"""


def upgrade() -> None:
    """Build them."""
    op.execute(CREDENTIALS)


def downgrade() -> None:
    """Take them away."""
    op.execute(
        """
        DROP TABLE identity.staff_addresses, identity.unknown_logins;
        ALTER TABLE identity.user_auth
            DROP COLUMN lock_level, DROP COLUMN recent_addresses, DROP COLUMN totp_pending,
            DROP COLUMN login_alerts, DROP COLUMN single_session;
        """
    )
