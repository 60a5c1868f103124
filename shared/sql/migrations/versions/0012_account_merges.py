"""Merging two accounts of one person: what was proved, decided and moved, and what each domain moved with it."""

from typing import Any

from alembic import op

revision = "0012"
down_revision = "0011"

IDENTITY = """
CREATE TABLE identity.account_merges (
    merge_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    into_uid BIGINT NOT NULL REFERENCES identity.users (uid),
    from_uid BIGINT NOT NULL REFERENCES identity.users (uid) CHECK (from_uid <> into_uid),
    status TEXT NOT NULL CHECK (status IN ('open', 'merged', 'undone')),
    proof TEXT NOT NULL CHECK (proof IN ('password', 'code')),
    -- A password changed after the proof makes the proof void.
    from_epoch INT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    merged_at TIMESTAMPTZ CHECK ((status = 'open') = (merged_at IS NULL)),
    undo_until TIMESTAMPTZ CHECK ((merged_at IS NULL) = (undo_until IS NULL)),
    undone_at TIMESTAMPTZ CHECK ((status = 'undone') = (undone_at IS NOT NULL)),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX merged_once ON identity.account_merges (from_uid) WHERE status = 'merged';
CREATE INDEX merges_into ON identity.account_merges (into_uid) WHERE status = 'merged';

-- Exactly what a merge moved, step by step: what undoing reads. Only erasing a person deletes from it.
CREATE TABLE identity.merge_journal (
    entry_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    merge_id BIGINT NOT NULL REFERENCES identity.account_merges (merge_id),
    kind TEXT NOT NULL CHECK (kind IN ('field', 'links', 'devices', 'roles', 'verifications', 'follow')),
    detail JSONB NOT NULL,
    at TIMESTAMPTZ NOT NULL
);
CREATE INDEX merge_journal_of ON identity.merge_journal (merge_id, kind, entry_id);
CREATE UNIQUE INDEX follow_moved_once ON identity.merge_journal
    (merge_id, (detail ->> 'follower'), (detail ->> 'followee')) WHERE kind = 'follow';
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON identity.merge_journal
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER append_only_but_erasable BEFORE DELETE ON identity.merge_journal FOR EACH STATEMENT
    WHEN (current_setting('house.erasing', true) IS DISTINCT FROM 'merge_journal')
    EXECUTE FUNCTION platform.refuse_change();
CREATE FUNCTION identity.erase_merge_journal(p_uid bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET house.erasing = 'merge_journal' AS $$
    DELETE FROM identity.merge_journal j USING identity.account_merges m
    WHERE m.merge_id = j.merge_id AND p_uid IN (m.into_uid, m.from_uid);
$$;

-- An account that was merged away stays switched off whatever an operator or a batch says; undoing comes first.
CREATE FUNCTION identity.keep_merged_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM identity.account_merges WHERE from_uid = NEW.uid AND status = 'merged') THEN
        NEW.is_active := OLD.is_active;
        NEW.status := OLD.status;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_merged_off BEFORE UPDATE OF is_active ON identity.users
    FOR EACH ROW WHEN (NEW.is_active AND NOT OLD.is_active) EXECUTE FUNCTION identity.keep_merged_off();

-- An account and all that were merged into it, directly or by way of others.
CREATE FUNCTION identity.all_of_person(p_uid bigint) RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH RECURSIVE mine (uid) AS (
        SELECT p_uid
        UNION SELECT m.from_uid FROM identity.account_merges m JOIN mine ON m.into_uid = mine.uid WHERE m.status = 'merged'
    )
    SELECT array_agg(uid) FROM mine
$$;
"""

READS = """
-- Why an account may not be merged away now: each view says that much and no more.
CREATE VIEW payments.pub_unfinished AS
    SELECT user_id, 'open_order' AS what FROM payments.payment_orders WHERE status = 'pending'
    UNION ALL
    SELECT user_id, 'open_refund' FROM payments.payment_refunds WHERE status IN ('pending', 'processing');
CREATE INDEX refunds_unfinished_of ON payments.payment_refunds (user_id) WHERE status IN ('pending', 'processing');
CREATE VIEW content.pub_publishing_authors AS
    SELECT author_id FROM content.contents WHERE status IN ('published', 'scheduled', 'pending_review');
CREATE VIEW subscriptions.pub_live AS
    SELECT user_id, creator_id FROM subscriptions.user_subscriptions
    WHERE status IN ('pending', 'trialing', 'active', 'past_due');
CREATE INDEX live_towards_creator ON subscriptions.user_subscriptions (creator_id)
    WHERE status IN ('pending', 'trialing', 'active', 'past_due');
CREATE VIEW subscriptions.pub_sellers AS
    SELECT creator_id FROM subscriptions.subscription_plans WHERE status = 'active';
"""

# Money of an account that was merged away. What becomes available to it afterwards follows (service/merging.py).
FINANCE = """
CREATE TABLE finance.account_merges (
    merge_id BIGINT PRIMARY KEY,
    from_uid BIGINT NOT NULL,
    into_uid BIGINT NOT NULL CHECK (into_uid <> from_uid),
    heard_at TIMESTAMPTZ NOT NULL,
    parted_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX merges_in_force ON finance.account_merges (from_uid) WHERE parted_at IS NULL;
CREATE INDEX merges_in_force_into ON finance.account_merges (into_uid) WHERE parted_at IS NULL;

-- Whoever moves what is available of a creator by way of a merge does so alone.
CREATE FUNCTION finance.lock_merging(p_uid bigint) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_advisory_xact_lock(hashtextextended('finance.merging', p_uid))
$$;

-- Undoing a merge, in the transaction of identity: what moved comes back by an entry that is its mirror, or nothing does.
-- Not covered any more, it raises the ledger's own constraint. Heard before the merge itself, it makes that one void.
CREATE FUNCTION finance.part_accounts(p_merge_id bigint, p_from bigint, p_into bigint, p_at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_amount bigint;
    v_parted timestamptz;
BEGIN
    PERFORM finance.lock_merging(p_from);
    SELECT parted_at INTO v_parted FROM finance.account_merges WHERE merge_id = p_merge_id FOR UPDATE;
    IF v_parted IS NOT NULL THEN
        RETURN 0;
    END IF;
    INSERT INTO finance.account_merges AS known (merge_id, from_uid, into_uid, heard_at, parted_at)
    VALUES (p_merge_id, p_from, p_into, p_at, p_at) ON CONFLICT (merge_id) DO UPDATE SET parted_at = p_at;
    SELECT coalesce(sum(p.amount), 0) INTO v_amount
    FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
    JOIN finance.ledger_accounts a USING (account_id)
    WHERE e.kind = 'merge' AND e.ref_type = 'merge' AND e.ref_id = p_merge_id::text
      AND a.name = format('creator:%s:available', p_into) AND a.currency = 'CNY';
    IF v_amount <> 0 THEN
        PERFORM finance.post_entry(
            format('merge:%s:parted', p_merge_id), 'merge', 'merge', p_merge_id::text, p_at, 'CNY',
            ARRAY[format('creator:%s:available', p_into), format('creator:%s:available', p_from)],
            ARRAY[-v_amount, v_amount]);
    END IF;
    RETURN v_amount;
END $$;
CREATE INDEX ledger_entries_of_merges ON finance.ledger_entries (ref_id) WHERE kind = 'merge';
"""

SUBSCRIPTIONS = """
CREATE TABLE subscriptions.account_merges (
    merge_id BIGINT PRIMARY KEY,
    from_uid BIGINT NOT NULL,
    into_uid BIGINT NOT NULL CHECK (into_uid <> from_uid),
    heard_at TIMESTAMPTZ NOT NULL,
    parted_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX merges_in_force ON subscriptions.account_merges (from_uid) WHERE parted_at IS NULL;

CREATE TABLE subscriptions.merged_rights (
    merge_id BIGINT NOT NULL REFERENCES subscriptions.account_merges (merge_id),
    kind TEXT NOT NULL CHECK (kind IN ('subscription', 'purchase')),
    id BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (merge_id, kind, id)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON subscriptions.merged_rights
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
"""

GRANTS = """
REVOKE ALL ON FUNCTION identity.erase_merge_journal(bigint), identity.all_of_person(bigint), finance.lock_merging(bigint),
    finance.part_accounts(bigint, bigint, bigint, timestamptz) FROM PUBLIC;
GRANT SELECT, INSERT ON identity.account_merges TO identity;
GRANT UPDATE (status, merged_at, undo_until, undone_at, updated_at) ON identity.account_merges TO identity;
GRANT SELECT, INSERT ON identity.merge_journal TO identity;
GRANT EXECUTE ON FUNCTION identity.erase_merge_journal(bigint) TO identity;
GRANT EXECUTE ON FUNCTION identity.all_of_person(bigint) TO identity, payments;
GRANT USAGE ON SCHEMA payments, content, subscriptions TO identity;
GRANT SELECT ON payments.pub_unfinished, content.pub_publishing_authors, subscriptions.pub_live,
    subscriptions.pub_sellers TO identity;
GRANT EXECUTE ON FUNCTION finance.part_accounts(bigint, bigint, bigint, timestamptz) TO identity;
GRANT EXECUTE ON FUNCTION finance.lock_merging(bigint) TO finance;
GRANT SELECT, INSERT ON finance.account_merges TO finance;
GRANT SELECT, INSERT ON subscriptions.account_merges, subscriptions.merged_rights TO subscriptions;
GRANT UPDATE (parted_at) ON subscriptions.account_merges TO subscriptions;
"""


def upgrade() -> None:
    """Build it. Past Alembic's text(), which would take a `:` for a parameter."""
    connection: Any = op.get_bind().connection.dbapi_connection
    for part in (IDENTITY, READS, FINANCE, SUBSCRIPTIONS, GRANTS):
        connection.execute(part)


def downgrade() -> None:
    """Take it away."""
    op.execute(
        """
        REVOKE USAGE ON SCHEMA payments, content, subscriptions FROM identity;
        DROP TABLE subscriptions.merged_rights, subscriptions.account_merges;
        DROP INDEX finance.ledger_entries_of_merges;
        DROP FUNCTION finance.part_accounts(bigint, bigint, bigint, timestamptz), finance.lock_merging(bigint);
        DROP TABLE finance.account_merges;
        DROP VIEW subscriptions.pub_sellers, subscriptions.pub_live, content.pub_publishing_authors, payments.pub_unfinished;
        DROP INDEX subscriptions.live_towards_creator, payments.refunds_unfinished_of;
        DROP FUNCTION identity.all_of_person(bigint);
        DROP TRIGGER keep_merged_off ON identity.users;
        DROP FUNCTION identity.keep_merged_off(), identity.erase_merge_journal(bigint);
        DROP TABLE identity.merge_journal, identity.account_merges;
        """
    )
