"""Account life: requests to delete an account or to copy its data, and who has done their part of them."""

from typing import Any

from alembic import op

revision = "0011"
down_revision = "0010"

DOMAINS = (
    "identity", "content", "media", "subscriptions", "payments", "finance", "wallets", "social", "messaging", "moderation",
    "support", "analytics", "recommendations", "learning", "ai_pool", "market_data", "trading", "admin", "cms", "platform",
)  # fmt: skip

REQUESTS = """
CREATE TABLE identity.deletion_requests (
    request_id TEXT PRIMARY KEY,
    uid BIGINT NOT NULL REFERENCES identity.users (uid),
    -- held: due, but something must be settled first; erasing: every domain is asked, and there is no way back.
    status TEXT NOT NULL CHECK (status IN ('waiting', 'held', 'erasing', 'erased', 'cancelled')),
    held_because TEXT CHECK ((status = 'held') <= (held_because IS NOT NULL)),
    delete_at TIMESTAMPTZ NOT NULL,
    times_asked INT NOT NULL DEFAULT 0,
    asked_at TIMESTAMPTZ CHECK ((status IN ('erasing', 'erased')) = (asked_at IS NOT NULL)),
    ended_at TIMESTAMPTZ CHECK ((status IN ('erased', 'cancelled')) = (ended_at IS NOT NULL)),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX deletion_one_open ON identity.deletion_requests (uid) WHERE status IN ('waiting', 'held', 'erasing');
CREATE INDEX deletions_due ON identity.deletion_requests (delete_at) WHERE status IN ('waiting', 'held', 'erasing');

CREATE TABLE identity.export_requests (
    request_id TEXT PRIMARY KEY,
    uid BIGINT NOT NULL REFERENCES identity.users (uid),
    format TEXT NOT NULL CHECK (format IN ('json', 'zip')),
    status TEXT NOT NULL CHECK (status IN ('open', 'done', 'failed')),
    times_asked INT NOT NULL DEFAULT 1,
    asked_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ CHECK ((status = 'open') = (ended_at IS NULL)),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX exports_of_account ON identity.export_requests (uid, created_at);
CREATE INDEX exports_open ON identity.export_requests (asked_at) WHERE status = 'open';

-- When an account was left and taken up again, and why its owner said so.
CREATE TABLE identity.account_changes (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid BIGINT NOT NULL REFERENCES identity.users (uid),
    change TEXT NOT NULL CHECK (change IN ('deactivated', 'reactivated', 'deletion_requested', 'deletion_cancelled', 'erased')),
    reason TEXT,
    at TIMESTAMPTZ NOT NULL
);
CREATE INDEX account_changes_of ON identity.account_changes (uid, at);

-- A domain's part of an export or an erasure is done: written in the transaction that did it.
CREATE TABLE platform.personal_data_acks (
    request_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('export', 'erase')),
    counts JSONB NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (request_id, domain, kind)
);
"""

READS = """
-- What the house still owes a creator, or a creator the house.
CREATE INDEX ledger_accounts_of_creator ON finance.ledger_accounts ((split_part(name, ':', 2)::bigint))
    WHERE kind = 'owner';
CREATE VIEW finance.pub_balances AS
    SELECT split_part(name, ':', 2)::bigint AS creator_id, currency,
           coalesce(sum(balance) FILTER (WHERE name LIKE '%:pending'), 0)::bigint AS pending,
           coalesce(sum(balance) FILTER (WHERE name LIKE '%:available'), 0)::bigint AS available,
           coalesce(sum(balance) FILTER (WHERE name LIKE '%:frozen'), 0)::bigint AS frozen
    FROM finance.ledger_accounts WHERE kind = 'owner' GROUP BY split_part(name, ':', 2)::bigint, currency;
CREATE VIEW finance.pub_open_withdrawals AS
    SELECT withdrawal_id, creator_id FROM finance.withdrawal_requests
    WHERE status IN ('pending', 'approved', 'processing');
-- Accounts that are hidden until their owner comes back, or for good.
CREATE INDEX users_left ON identity.users (uid) WHERE status IN ('inactive', 'pending_deletion');
CREATE VIEW identity.pub_left AS SELECT uid FROM identity.users WHERE status IN ('inactive', 'pending_deletion');
GRANT SELECT ON identity.pub_left TO content;
GRANT USAGE ON SCHEMA finance TO identity;
GRANT SELECT ON finance.pub_balances, finance.pub_open_withdrawals TO identity;
"""

# Versions are append-only; erasing is the one exception, and only this function makes it.
ERASING = """
DROP TRIGGER append_only ON content.content_versions;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON content.content_versions FOR EACH STATEMENT
    WHEN (current_setting('house.erasing', true) IS DISTINCT FROM 'content_versions')
    EXECUTE FUNCTION platform.refuse_change();
CREATE FUNCTION content.erase_versions(p_author bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET house.erasing = 'content_versions' AS $$
    DELETE FROM content.content_versions v USING content.contents c
    WHERE c.content_id = v.content_id AND c.author_id = p_author
      AND (c.status <> 'published' OR v.version <> c.published_version);
    UPDATE content.content_versions v SET change_note = NULL FROM content.contents c
    WHERE c.content_id = v.content_id AND c.author_id = p_author AND v.change_note IS NOT NULL;
$$;
REVOKE ALL ON FUNCTION content.erase_versions(bigint) FROM PUBLIC;
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON identity.deletion_requests, identity.export_requests TO identity;
GRANT SELECT, INSERT, UPDATE (reason) ON identity.account_changes TO identity;
GRANT DELETE ON identity.user_devices, identity.staff_addresses TO identity;
GRANT EXECUTE ON FUNCTION content.erase_versions(bigint) TO content;
GRANT DELETE ON content.content_collaborators TO content;
GRANT UPDATE (filename, s3_key, folder, tags, access, category_id) ON media.media_files TO media;
GRANT DELETE ON media.media_versions, media.media_variants, media.media_categories, media.media_usage TO media;
"""


def upgrade() -> None:
    """Build it. Past Alembic's text(), which would take a `:` for a parameter."""
    connection: Any = op.get_bind().connection.dbapi_connection
    for part in (REQUESTS, READS, ERASING, GRANTS):
        connection.execute(part)
    for name in DOMAINS:
        op.execute(f"GRANT SELECT, INSERT ON platform.personal_data_acks TO {name}")


def downgrade() -> None:
    """Take it away."""
    op.execute(
        """
        REVOKE DELETE ON media.media_versions, media.media_variants, media.media_categories, media.media_usage FROM media;
        REVOKE UPDATE (filename, s3_key, folder, tags, access, category_id) ON media.media_files FROM media;
        REVOKE DELETE ON content.content_collaborators FROM content;
        REVOKE DELETE ON identity.user_devices, identity.staff_addresses FROM identity;
        DROP FUNCTION content.erase_versions(bigint);
        DROP TRIGGER append_only ON content.content_versions;
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON content.content_versions
            FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
        DROP VIEW finance.pub_open_withdrawals, finance.pub_balances, identity.pub_left;
        DROP INDEX identity.users_left;
        DROP INDEX finance.ledger_accounts_of_creator;
        REVOKE USAGE ON SCHEMA finance FROM identity;
        DROP TABLE platform.personal_data_acks, identity.account_changes, identity.export_requests,
            identity.deletion_requests;
        """
    )
