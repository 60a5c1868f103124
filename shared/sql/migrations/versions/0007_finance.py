"""The tables of finance: the ledger and the functions that alone may write it; earnings, settlements, withdrawals."""

from typing import Any

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

# One call per posting: idempotent by reference, accounts made on first use and locked in id order by their own updates.
# Plans are generic because the planner would otherwise plan anew at each call for the length of the arrays (three times
# the cost), and by index because a session that first posts into empty tables would keep scanning them.
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

CREATE FUNCTION finance.refuse_other_content(
    p_reference text, p_kind text, p_ref_type text, p_ref_id text, p_currency text, p_accounts text[], p_amounts bigint[]
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_posted text;
    v_given text;
BEGIN
    SELECT concat_ws(' ', e.kind, e.ref_type, e.ref_id, e.currency,
                     string_agg(a.name || '=' || p.amount, ' ' ORDER BY a.name)) INTO v_posted
    FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
    JOIN finance.ledger_accounts a USING (account_id) WHERE e.reference = p_reference GROUP BY e.entry_id;
    SELECT concat_ws(' ', p_kind, p_ref_type, p_ref_id, p_currency,
                     string_agg(l.name || '=' || l.amount, ' ' ORDER BY l.name)) INTO v_given
    FROM unnest(p_accounts, p_amounts) AS l(name, amount);
    IF v_posted IS DISTINCT FROM v_given THEN
        RAISE EXCEPTION 'reference % was posted as "%", now given as "%"', p_reference, v_posted, v_given
            USING ERRCODE = 'LG002';
    END IF;
END $$;

CREATE FUNCTION finance.post_entry(
    p_reference text, p_kind text, p_ref_type text, p_ref_id text, p_at timestamptz, p_currency text,
    p_accounts text[], p_amounts bigint[]
) RETURNS TABLE (entry_id bigint, account text, amount bigint, balance_after bigint, repeated boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    v_entry_id bigint;
    v_ids bigint[];
    v_names text[];
    v_owners boolean[];
    v_amounts bigint[];
    v_balances bigint[];
    v_balance bigint;
    v_sum numeric;
BEGIN
    INSERT INTO finance.ledger_entries (reference, kind, ref_type, ref_id, currency, at)
    VALUES (p_reference, p_kind, p_ref_type, p_ref_id, p_currency, p_at)
    ON CONFLICT (reference) DO NOTHING RETURNING entry_id INTO v_entry_id;

    IF v_entry_id IS NULL THEN
        PERFORM finance.refuse_other_content(
            p_reference, p_kind, p_ref_type, p_ref_id, p_currency, p_accounts, p_amounts);
        RETURN QUERY SELECT e.entry_id, a.name, p.amount, p.balance_after, true
            FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
            JOIN finance.ledger_accounts a USING (account_id) WHERE e.reference = p_reference ORDER BY a.account_id;
        RETURN;
    END IF;

    FOR attempt IN 1 .. 2 LOOP
        SELECT array_agg(a.account_id ORDER BY a.account_id), array_agg(a.name ORDER BY a.account_id),
               array_agg(a.kind = 'owner' ORDER BY a.account_id), array_agg(l.amount ORDER BY a.account_id), sum(l.amount)
        INTO v_ids, v_names, v_owners, v_amounts, v_sum
        FROM unnest(p_accounts, p_amounts) AS l(name, amount)
        JOIN finance.ledger_accounts a ON a.name = l.name AND a.currency = p_currency;
        EXIT WHEN cardinality(v_ids) = cardinality(p_accounts);
        PERFORM finance.open_accounts(p_accounts, p_currency, p_at);
    END LOOP;
    IF v_sum IS DISTINCT FROM 0 OR cardinality(v_ids) < 2 OR cardinality(v_ids) <> cardinality(p_amounts) THEN
        RAISE EXCEPTION 'entry % needs two accounts or more and amounts that sum to zero', p_reference
            USING ERRCODE = 'LG001';
    END IF;

    v_balances := array_fill(NULL::bigint, ARRAY[cardinality(v_ids)]);
    FOR i IN 1 .. cardinality(v_ids) LOOP
        IF v_owners[i] THEN
            UPDATE finance.ledger_accounts a SET balance = a.balance + v_amounts[i]
            WHERE a.account_id = v_ids[i] RETURNING a.balance INTO v_balance;
            v_balances[i] := v_balance;
        END IF;
    END LOOP;
    INSERT INTO finance.ledger_postings (entry_id, account_id, amount, balance_after, at)
    SELECT v_entry_id, l.id, l.amount, l.balance, p_at
    FROM unnest(v_ids, v_amounts, v_balances) AS l(id, amount, balance);
    RETURN QUERY SELECT v_entry_id, l.name, l.amount, l.balance, false
        FROM unnest(v_names, v_amounts, v_balances) AS l(name, amount, balance);
END $$;
"""

# Many entries in a handful of statements: `[{reference, kind, ref_type, ref_id, currency, at, lines: {account: amount}}]`.
# The balance after each line is the locked one plus a running sum in the order given.
POST_BATCH = """
CREATE FUNCTION finance.post_batch(p_entries jsonb) RETURNS TABLE (reference text, entry_id bigint, repeated boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    v_given int := jsonb_array_length(p_entries);
    v_new bigint[];
    v_n int[];
    v_entries bigint[];
    v_ats timestamptz[];
    v_names text[];
    v_currencies text[];
    v_amounts bigint[];
    v_owners bigint[];
    v_before bigint[];
    v_uncovered text;
BEGIN
    WITH first AS (
        SELECT DISTINCT ON (e.item ->> 'reference') e.item, e.n
        FROM jsonb_array_elements(p_entries) WITH ORDINALITY AS e(item, n) ORDER BY e.item ->> 'reference', e.n
    ), stored AS (
        INSERT INTO finance.ledger_entries (reference, kind, ref_type, ref_id, currency, at)
        SELECT f.item ->> 'reference', f.item ->> 'kind', f.item ->> 'ref_type', f.item ->> 'ref_id',
               f.item ->> 'currency', (f.item ->> 'at')::timestamptz FROM first f ORDER BY f.n
        ON CONFLICT (reference) DO NOTHING RETURNING entry_id, reference, currency, at
    )
    SELECT array_agg(DISTINCT s.entry_id), array_agg(f.n), array_agg(s.entry_id), array_agg(s.at), array_agg(l.name),
           array_agg(s.currency), array_agg(l.amount::bigint)
    INTO v_new, v_n, v_entries, v_ats, v_names, v_currencies, v_amounts
    FROM stored s JOIN first f ON f.item ->> 'reference' = s.reference
    CROSS JOIN LATERAL jsonb_each_text(f.item -> 'lines') AS l(name, amount);

    IF cardinality(v_new) > 0 THEN
        PERFORM finance.open_accounts(array_agg(l.name), l.currency, min(l.at))
        FROM unnest(v_names, v_currencies, v_ats) AS l(name, currency, at)
        LEFT JOIN finance.ledger_accounts a ON a.name = l.name AND a.currency = l.currency
        WHERE a.account_id IS NULL GROUP BY l.currency;

        SELECT array_agg(k.account_id), array_agg(k.balance) INTO v_owners, v_before FROM (
            SELECT a.account_id, a.balance FROM finance.ledger_accounts a
            WHERE (a.name, a.currency) IN (SELECT * FROM unnest(v_names, v_currencies)) AND a.kind = 'owner'
            ORDER BY a.account_id FOR NO KEY UPDATE
        ) AS k;

        WITH written AS (
            INSERT INTO finance.ledger_postings (entry_id, account_id, amount, balance_after, at)
            SELECT l.entry_id, a.account_id, l.amount,
                   o.before + sum(l.amount) OVER (PARTITION BY a.account_id ORDER BY l.n), l.at
            FROM unnest(v_n, v_entries, v_ats, v_names, v_currencies, v_amounts)
                AS l(n, entry_id, at, name, currency, amount)
            JOIN finance.ledger_accounts a ON a.name = l.name AND a.currency = l.currency
            LEFT JOIN unnest(v_owners, v_before) AS o(account_id, before) USING (account_id)
            ORDER BY l.n, a.account_id
            RETURNING account_id, amount, balance_after
        ), moved AS (
            UPDATE finance.ledger_accounts a SET balance = a.balance + t.amount
            FROM (SELECT w.account_id, sum(w.amount) AS amount FROM written w
                  WHERE w.balance_after IS NOT NULL GROUP BY w.account_id) AS t
            WHERE a.account_id = t.account_id
        )
        SELECT min(a.name) INTO v_uncovered FROM written w JOIN finance.ledger_accounts a USING (account_id)
        WHERE w.balance_after < 0 AND NOT a.may_go_negative;
        IF v_uncovered IS NOT NULL THEN
            RAISE EXCEPTION 'account % is not covered', v_uncovered
                USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_accounts_covered', TABLE = 'ledger_accounts';
        END IF;
    END IF;

    IF coalesce(cardinality(v_new), 0) < v_given THEN
        PERFORM finance.refuse_other_content(
            e.item ->> 'reference', e.item ->> 'kind', e.item ->> 'ref_type', e.item ->> 'ref_id', e.item ->> 'currency',
            (SELECT array_agg(l.key ORDER BY l.key) FROM jsonb_each_text(e.item -> 'lines') AS l),
            (SELECT array_agg(l.value::bigint ORDER BY l.key) FROM jsonb_each_text(e.item -> 'lines') AS l))
        FROM jsonb_array_elements(p_entries) AS e(item);
    END IF;
    RETURN QUERY
        SELECT s.reference, s.entry_id, coalesce(NOT s.entry_id = ANY (v_new), true) OR row_number() OVER (
            PARTITION BY s.reference ORDER BY e.n) > 1
        FROM jsonb_array_elements(p_entries) WITH ORDINALITY AS e(item, n)
        JOIN finance.ledger_entries s ON s.reference = e.item ->> 'reference' ORDER BY e.n;
END $$;
"""


EARNINGS = """
CREATE TABLE finance.creator_share_rates (
    creator_id BIGINT NOT NULL REFERENCES identity.users (uid),
    rate_bp INT NOT NULL CHECK (rate_bp BETWEEN 0 AND 10000),
    effective_from DATE NOT NULL,
    set_by BIGINT NOT NULL,
    reason TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (creator_id, effective_from)
);

CREATE TABLE finance.settlements (
    settlement_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    creator_id BIGINT NOT NULL,
    period_start DATE NOT NULL,
    period_end DATE NOT NULL,
    gross BIGINT NOT NULL,
    refund BIGINT NOT NULL,
    channel_fee BIGINT NOT NULL,
    platform_amount BIGINT NOT NULL,
    creator_amount BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'paid')),
    batches INT NOT NULL DEFAULT 1,
    settled_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT settlements_one UNIQUE (creator_id, period_start, period_end),
    CHECK (period_start <= period_end),
    CHECK (gross - refund = channel_fee + platform_amount + creator_amount)
);
CREATE INDEX settlements_by_period ON finance.settlements (period_start, settlement_id);

-- Not partitioned by month: its unique key is what books a sale once, and would have to contain the month.
CREATE TABLE finance.creator_earnings (
    earning_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    creator_id BIGINT NOT NULL,
    order_no TEXT NOT NULL,
    kind TEXT NOT NULL DEFAULT 'sale' CHECK (kind = 'sale'),
    source TEXT NOT NULL,
    target_id BIGINT NOT NULL,
    channel TEXT NOT NULL,
    gross BIGINT NOT NULL CHECK (gross >= 0),
    channel_fee BIGINT NOT NULL CHECK (channel_fee >= 0),
    platform_amount BIGINT NOT NULL CHECK (platform_amount >= 0),
    creator_amount BIGINT NOT NULL CHECK (creator_amount >= 0),
    rate_bp INT NOT NULL CHECK (rate_bp BETWEEN 0 AND 10000),
    reversed_gross BIGINT NOT NULL DEFAULT 0 CHECK (reversed_gross BETWEEN 0 AND gross),
    reversed_fee BIGINT NOT NULL DEFAULT 0 CHECK (reversed_fee BETWEEN 0 AND channel_fee),
    reversed_platform BIGINT NOT NULL DEFAULT 0 CHECK (reversed_platform BETWEEN 0 AND platform_amount),
    reversed_creator BIGINT NOT NULL DEFAULT 0 CHECK (reversed_creator BETWEEN 0 AND creator_amount),
    status TEXT NOT NULL CHECK (status IN ('pending', 'available', 'reversed')),
    paid_at TIMESTAMPTZ NOT NULL,
    available_at TIMESTAMPTZ NOT NULL,
    settlement_id BIGINT REFERENCES finance.settlements (settlement_id),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT creator_earnings_one UNIQUE (order_no, creator_id, kind),
    CHECK (gross = channel_fee + platform_amount + creator_amount),
    CHECK (reversed_gross = reversed_fee + reversed_platform + reversed_creator),
    CHECK (status <> 'reversed' OR reversed_gross = gross)
);
CREATE INDEX creator_earnings_list ON finance.creator_earnings (creator_id, created_at, earning_id);
CREATE INDEX creator_earnings_paid ON finance.creator_earnings (creator_id, paid_at);
CREATE INDEX creator_earnings_due ON finance.creator_earnings (available_at, creator_id) WHERE status = 'pending';
CREATE INDEX creator_earnings_settled ON finance.creator_earnings (settlement_id) WHERE settlement_id IS NOT NULL;

-- A refund heard before its sale waits here without its parts.
CREATE TABLE finance.earning_reversals (
    refund_id BIGINT PRIMARY KEY,
    order_no TEXT NOT NULL,
    earning_id BIGINT REFERENCES finance.creator_earnings (earning_id),
    creator_id BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    channel_fee BIGINT,
    platform_amount BIGINT,
    creator_amount BIGINT,
    after_settlement BOOLEAN NOT NULL DEFAULT false,
    settlement_id BIGINT REFERENCES finance.settlements (settlement_id),
    refunded_at TIMESTAMPTZ NOT NULL,
    booked_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    CHECK ((earning_id IS NULL) = (booked_at IS NULL)),
    CHECK (earning_id IS NULL OR amount = channel_fee + platform_amount + creator_amount)
);
CREATE INDEX earning_reversals_order ON finance.earning_reversals (order_no);
CREATE INDEX earning_reversals_creator ON finance.earning_reversals (creator_id, refunded_at);
CREATE INDEX earning_reversals_owed ON finance.earning_reversals (creator_id)
    WHERE after_settlement AND settlement_id IS NULL;
"""

WITHDRAWALS = """
CREATE TABLE finance.withdrawal_requests (
    withdrawal_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_no TEXT NOT NULL UNIQUE,
    creator_id BIGINT NOT NULL REFERENCES identity.users (uid),
    amount BIGINT NOT NULL CHECK (amount > 0),
    fee BIGINT NOT NULL DEFAULT 0 CHECK (fee >= 0 AND fee < amount),
    method TEXT NOT NULL CHECK (method IN ('alipay', 'wechat', 'bank', 'usdt')),
    account TEXT NOT NULL,
    account_masked TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'processing', 'paid', 'rejected', 'failed')),
    hold_no INT NOT NULL DEFAULT 1,
    run INT NOT NULL DEFAULT 1,
    execution_arn TEXT,
    task_token TEXT,
    driven_at TIMESTAMPTZ,
    approved_by BIGINT,
    payout_no TEXT,
    comment TEXT,
    paid_at TIMESTAMPTZ,
    checked_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX withdrawal_requests_one_open ON finance.withdrawal_requests (creator_id)
    WHERE status IN ('pending', 'approved', 'processing');
CREATE INDEX withdrawal_requests_own ON finance.withdrawal_requests (creator_id, created_at, withdrawal_id);
CREATE INDEX withdrawal_requests_queue ON finance.withdrawal_requests (status, created_at, withdrawal_id);
CREATE INDEX withdrawal_requests_open ON finance.withdrawal_requests (updated_at)
    WHERE status IN ('pending', 'approved', 'processing') OR task_token IS NOT NULL;

CREATE TABLE finance.withdrawal_steps (
    step_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    withdrawal_id BIGINT NOT NULL REFERENCES finance.withdrawal_requests (withdrawal_id),
    status TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    actor BIGINT,
    comment TEXT
);
CREATE INDEX withdrawal_steps_of ON finance.withdrawal_steps (withdrawal_id, step_id);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance.withdrawal_steps
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();

-- One row per number ever given to the vendor, written before it is used.
CREATE TABLE finance.withdrawal_transfers (
    transfer_no TEXT PRIMARY KEY,
    withdrawal_id BIGINT NOT NULL REFERENCES finance.withdrawal_requests (withdrawal_id),
    hold_no INT NOT NULL,
    attempt INT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    status TEXT NOT NULL CHECK (status IN ('open', 'succeeded', 'failed', 'returned')),
    gateway_no TEXT,
    code TEXT,
    sentence TEXT,
    asked INT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (withdrawal_id, attempt)
);
-- What keeps a payout from leaving twice, whatever the code above it does.
CREATE UNIQUE INDEX withdrawal_transfers_one_live ON finance.withdrawal_transfers (withdrawal_id)
    WHERE status IN ('open', 'succeeded');
"""

GRANTS = """
CREATE VIEW finance.creator_balances AS
    SELECT split_part(name, ':', 2)::bigint AS creator_id, split_part(name, ':', 3) AS part, balance
    FROM finance.ledger_accounts WHERE kind = 'owner' AND currency = 'CNY';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA finance FROM PUBLIC;
GRANT EXECUTE ON FUNCTION finance.post_entry, finance.post_batch TO finance;
GRANT SELECT ON finance.ledger_accounts, finance.ledger_entries, finance.ledger_postings,
    finance.creator_balances TO finance;
GRANT SELECT ON finance.creator_share_rates TO finance;
GRANT SELECT, INSERT, UPDATE ON finance.settlements, finance.creator_earnings, finance.earning_reversals,
    finance.withdrawal_requests, finance.withdrawal_transfers TO finance;
GRANT SELECT, INSERT ON finance.withdrawal_steps TO finance;
"""


def upgrade() -> None:
    """Build them. Past Alembic's text(), which would take the `:` of an account name or of `:=` for a parameter."""
    connection: Any = op.get_bind().connection.dbapi_connection
    for part in (LEDGER, POST_ENTRY, POST_BATCH, EARNINGS, WITHDRAWALS, GRANTS):
        connection.execute(part)


def downgrade() -> None:
    """Take them away."""
    op.execute(
        """
        DROP VIEW finance.creator_balances;
        DROP TABLE finance.withdrawal_transfers, finance.withdrawal_steps, finance.withdrawal_requests,
            finance.earning_reversals, finance.creator_earnings, finance.settlements, finance.creator_share_rates,
            finance.ledger_postings, finance.ledger_entries, finance.ledger_accounts;
        DROP FUNCTION finance.post_batch, finance.post_entry, finance.refuse_other_content, finance.open_accounts,
            finance.refuse_unbalanced;
        """
    )
