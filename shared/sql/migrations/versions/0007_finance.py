"""The tables of finance: the ledger and the functions that alone may write it; earnings, settlements, withdrawals."""

from alembic import op

revision = "0007"
down_revision = "0006"

# Owner accounts (what the platform owes a creator) carry a running balance; platform accounts are summed, since a
# balance that every sale moves would be one hot row. No foreign keys from postings: the check of each one would lock
# the platform's account rows, and `post_entry` is the only writer.
LEDGER = """
CREATE TABLE finance.ledger_accounts (
    account_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL CONSTRAINT ledger_accounts_named
        CHECK (name ~ '^(creator:[1-9][0-9]*:(pending|available|frozen|withdrawn)|(platform|channel):[a-z_]+)$'),
    currency TEXT NOT NULL CONSTRAINT ledger_accounts_currency CHECK (currency IN ('CNY', 'USDT')),
    kind TEXT NOT NULL CHECK (kind IN ('owner', 'platform')),
    may_go_negative BOOLEAN NOT NULL,
    balance BIGINT,
    created_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT ledger_accounts_one UNIQUE (name, currency),
    CHECK ((kind = 'owner') = (balance IS NOT NULL)),
    CONSTRAINT ledger_accounts_covered CHECK (kind = 'platform' OR may_go_negative OR balance >= 0)
) WITH (fillfactor = 70);

CREATE TABLE finance.ledger_entries (
    entry_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reference TEXT NOT NULL CONSTRAINT ledger_entries_reference UNIQUE CHECK (length(reference) BETWEEN 1 AND 200),
    kind TEXT NOT NULL,
    ref_type TEXT NOT NULL,
    ref_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL
);

CREATE TABLE finance.ledger_postings (
    posting_id BIGINT GENERATED ALWAYS AS IDENTITY,
    entry_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount <> 0),
    balance_after BIGINT,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (entry_id, account_id)
);
CREATE INDEX ledger_postings_account ON finance.ledger_postings (account_id, at);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance.ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance.ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OF account_id, name, currency, kind, may_go_negative OR DELETE OR TRUNCATE
    ON finance.ledger_accounts FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();

CREATE FUNCTION finance.refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(amount) FROM finance.ledger_postings WHERE entry_id = NEW.entry_id) IS DISTINCT FROM 0 THEN
        RAISE EXCEPTION 'the postings of entry % do not sum to zero', NEW.entry_id USING ERRCODE = 'LG001';
    END IF;
    RETURN NULL;
END $$;
-- On entries for one that has no postings, on postings for one added later.
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON finance.ledger_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION finance.refuse_unbalanced();
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON finance.ledger_postings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION finance.refuse_unbalanced();
"""

# One call per posting: idempotent by reference, locks in id order, makes accounts on first use. Sequential scans are
# off because a session that first posts into empty tables would keep their plans.
POST_ENTRY = """
CREATE FUNCTION finance.open_accounts(p_names text[], p_currency text, p_at timestamptz) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO finance.ledger_accounts (name, currency, kind, may_go_negative, balance, created_at)
    SELECT n, p_currency, CASE WHEN n LIKE 'creator:%' THEN 'owner' ELSE 'platform' END,
           n LIKE 'creator:%:pending', CASE WHEN n LIKE 'creator:%' THEN 0 END, p_at
    FROM (SELECT DISTINCT unnest(p_names) AS n) AS wanted
    WHERE NOT EXISTS (SELECT FROM finance.ledger_accounts a WHERE a.name = n AND a.currency = p_currency)
    ORDER BY n
    ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION finance.posted_lines(p_entry_id bigint) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(a.name || ' ' || p.amount, ',' ORDER BY a.name)
    FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id) WHERE p.entry_id = p_entry_id
$$;

CREATE FUNCTION finance.post_entry(
    p_reference text, p_kind text, p_ref_type text, p_ref_id text, p_at timestamptz, p_currency text,
    p_accounts text[], p_amounts bigint[]
) RETURNS TABLE (entry_id bigint, account text, amount bigint, balance_after bigint, repeated boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    v_entry_id bigint;
    v_known finance.ledger_entries;
    v_sum numeric;
    v_lines int;
BEGIN
    SELECT sum(l.amount), count(DISTINCT l.name) FILTER (WHERE l.amount <> 0) INTO v_sum, v_lines
    FROM unnest(p_accounts, p_amounts) AS l(name, amount);
    IF v_sum IS DISTINCT FROM 0 OR v_lines < 2 OR v_lines <> cardinality(p_accounts)
        OR v_lines <> cardinality(p_amounts) THEN
        RAISE EXCEPTION 'entry % needs two accounts or more, each once, and amounts that sum to zero', p_reference
            USING ERRCODE = 'LG001';
    END IF;

    INSERT INTO finance.ledger_entries (reference, kind, ref_type, ref_id, currency, at)
    VALUES (p_reference, p_kind, p_ref_type, p_ref_id, p_currency, p_at)
    ON CONFLICT (reference) DO NOTHING RETURNING entry_id INTO v_entry_id;

    IF v_entry_id IS NULL THEN
        SELECT * INTO STRICT v_known FROM finance.ledger_entries e WHERE e.reference = p_reference;
        IF (v_known.kind, v_known.ref_type, v_known.ref_id, v_known.currency)
            IS DISTINCT FROM (p_kind, p_ref_type, p_ref_id, p_currency)
            OR finance.posted_lines(v_known.entry_id) IS DISTINCT FROM (
                SELECT string_agg(l.name || ' ' || l.amount, ',' ORDER BY l.name)
                FROM unnest(p_accounts, p_amounts) AS l(name, amount)
            ) THEN
            RAISE EXCEPTION 'reference % was posted with other content', p_reference USING ERRCODE = 'LG002';
        END IF;
        RETURN QUERY SELECT p.entry_id, a.name, p.amount, p.balance_after, true
            FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id)
            WHERE p.entry_id = v_known.entry_id ORDER BY a.account_id;
        RETURN;
    END IF;

    IF (SELECT count(*) FROM finance.ledger_accounts a WHERE a.name = ANY (p_accounts) AND a.currency = p_currency)
        <> v_lines THEN
        PERFORM finance.open_accounts(p_accounts, p_currency, p_at);
    END IF;

    RETURN QUERY
    WITH touched AS MATERIALIZED (
        SELECT a.account_id, a.name, l.amount FROM unnest(p_accounts, p_amounts) AS l(name, amount)
        JOIN finance.ledger_accounts a ON a.name = l.name AND a.currency = p_currency
    ),
    locked AS MATERIALIZED (
        SELECT a.account_id, a.balance FROM finance.ledger_accounts a
        WHERE a.account_id = ANY (SELECT t.account_id FROM touched t) AND a.kind = 'owner'
        ORDER BY a.account_id FOR NO KEY UPDATE
    ),
    moved AS (
        UPDATE finance.ledger_accounts a SET balance = k.balance + t.amount
        FROM locked k JOIN touched t USING (account_id) WHERE a.account_id = k.account_id
        RETURNING a.account_id, a.balance
    ),
    written AS (
        INSERT INTO finance.ledger_postings (entry_id, account_id, amount, balance_after, at)
        SELECT v_entry_id, t.account_id, t.amount, m.balance, p_at
        FROM touched t LEFT JOIN moved m USING (account_id) ORDER BY t.account_id
        RETURNING account_id, amount, balance_after
    )
    SELECT v_entry_id, t.name, w.amount, w.balance_after, false
    FROM written w JOIN touched t USING (account_id) ORDER BY w.account_id;
END $$;
"""

# A hundred entries in four statements. The balance after each line is the locked one plus a running sum, in the order given.
POST_BATCH = """
CREATE FUNCTION finance.post_batch(p_entries jsonb) RETURNS TABLE (reference text, entry_id bigint, repeated boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    v_wrong text;
BEGIN
    SELECT 1;
END $$;
"""


def upgrade() -> None:
    """Build them."""
    for part in (LEDGER, POST_ENTRY):
        op.execute(part)


def downgrade() -> None:
    """Take them away."""
    op.execute("DROP TABLE finance.ledger_postings, finance.ledger_entries, finance.ledger_accounts")
