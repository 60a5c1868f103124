"""The ledger sealed, holds that end by themselves, balances of any moment."""

from typing import Any

from alembic import op

revision = "0025"
down_revision = "0024"

# A hold freezes first and ends once: posted (in full or in part), voided, or expired. All three share one reference, so
# that the ledger itself refuses a second end. Without `expires_at` a hold belongs to a machine that ends it, as the
# workflow of a withdrawal does, whose money may be on its way for as long as a bank likes.
HOLDS = """
CREATE TABLE finance.holds (
    reference TEXT PRIMARY KEY CHECK (length(reference) BETWEEN 1 AND 190),
    kind TEXT NOT NULL,
    ref_type TEXT NOT NULL,
    ref_id TEXT NOT NULL,
    currency TEXT NOT NULL,
    account TEXT NOT NULL,
    held_in TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    posted BIGINT CHECK (posted BETWEEN 1 AND amount),
    status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'posted', 'voided', 'expired')),
    held_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ CHECK (expires_at > held_at),
    ended_at TIMESTAMPTZ,
    CHECK ((status = 'open') = (ended_at IS NULL)),
    CHECK ((status = 'posted') = (posted IS NOT NULL)),
    CHECK (status <> 'expired' OR ended_at >= expires_at)
);
CREATE INDEX holds_overdue ON finance.holds (expires_at) WHERE status = 'open' AND expires_at IS NOT NULL;
CREATE INDEX holds_of ON finance.holds (ref_type, ref_id);

-- What is left on the account. The same again does nothing.
CREATE FUNCTION finance.hold(
    p_reference text, p_kind text, p_ref_type text, p_ref_id text, p_at timestamptz, p_currency text, p_account text,
    p_held_in text, p_amount bigint, p_expires_at timestamptz
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO finance.holds (reference, kind, ref_type, ref_id, currency, account, held_in, amount, held_at, expires_at)
    VALUES (p_reference, p_kind, p_ref_type, p_ref_id, p_currency, p_account, p_held_in, p_amount, p_at, p_expires_at)
    ON CONFLICT (reference) DO NOTHING;
    RETURN (SELECT e.balance_after FROM finance.post_entry(p_reference || ':hold', p_kind || '_hold', p_ref_type, p_ref_id,
        p_at, p_currency, ARRAY[p_account, p_held_in], ARRAY[-p_amount, p_amount]) AS e WHERE e.account = p_account);
END $$;

-- What goes elsewhere, in sum, is posted; the rest goes back. Posting the entry again answers whoever comes late: with
-- the same end nothing happens, another is refused.
CREATE FUNCTION finance.end_hold(
    p_reference text, p_outcome text, p_at timestamptz, p_accounts text[], p_amounts bigint[]
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_hold finance.holds;
    v_posted bigint := coalesce((SELECT sum(amount) FROM unnest(p_amounts) AS amount), 0);
BEGIN
    SELECT * INTO v_hold FROM finance.holds WHERE reference = p_reference FOR UPDATE;
    IF NOT FOUND OR v_posted > v_hold.amount OR (v_posted > 0) <> (p_outcome = 'posted') THEN
        RAISE EXCEPTION 'there is no hold % that % could be posted of', p_reference, v_posted USING ERRCODE = 'LG003';
    END IF;
    IF v_hold.status = 'open' AND ((p_outcome = 'posted' AND v_hold.expires_at <= p_at)
                                   OR (p_outcome = 'expired' AND (v_hold.expires_at <= p_at) IS NOT TRUE)) THEN
        RAISE EXCEPTION 'hold % cannot be % at %, it runs until %', p_reference, p_outcome, p_at, v_hold.expires_at
            USING ERRCODE = 'LG004';
    END IF;
    IF v_posted < v_hold.amount THEN
        p_accounts := p_accounts || v_hold.account;
        p_amounts := p_amounts || v_hold.amount - v_posted;
    END IF;
    PERFORM finance.post_entry(
        p_reference || ':outcome',
        v_hold.kind || CASE p_outcome WHEN 'voided' THEN '_void' WHEN 'expired' THEN '_expired' ELSE '' END,
        v_hold.ref_type, v_hold.ref_id, p_at, v_hold.currency,
        v_hold.held_in || p_accounts, -v_hold.amount || p_amounts);
    UPDATE finance.holds SET status = p_outcome, posted = nullif(v_posted, 0), ended_at = p_at
    WHERE reference = p_reference AND status = 'open';
END $$;

CREATE FUNCTION finance.post_hold(p_reference text, p_at timestamptz, p_accounts text[], p_amounts bigint[])
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT finance.end_hold(p_reference, 'posted', p_at, p_accounts, p_amounts)
$$;
CREATE FUNCTION finance.void_hold(p_reference text, p_at timestamptz)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT finance.end_hold(p_reference, 'voided', p_at, '{}', '{}')
$$;
CREATE FUNCTION finance.expire_hold(p_reference text, p_at timestamptz)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT finance.end_hold(p_reference, 'expired', p_at, '{}', '{}')
$$;

INSERT INTO finance.holds (reference, kind, ref_type, ref_id, currency, account, held_in, amount, posted, status, held_at,
    ended_at)
SELECT left(h.reference, -5), 'payout', h.ref_type, h.ref_id, h.currency, own.name, cold.name, amount.amount,
       CASE o.kind WHEN 'payout' THEN amount.amount END,
       CASE o.kind WHEN 'payout' THEN 'posted' WHEN 'payout_void' THEN 'voided' ELSE 'open' END, h.at, o.at
FROM finance.ledger_entries h
JOIN finance.ledger_postings amount ON amount.entry_id = h.entry_id AND amount.amount > 0
JOIN finance.ledger_accounts cold ON cold.account_id = amount.account_id
JOIN finance.ledger_postings taken ON taken.entry_id = h.entry_id AND taken.amount < 0
JOIN finance.ledger_accounts own ON own.account_id = taken.account_id
LEFT JOIN finance.ledger_entries o ON o.reference = left(h.reference, -5) || ':outcome'
WHERE h.kind = 'payout_hold';

REVOKE ALL ON FUNCTION finance.hold, finance.end_hold, finance.post_hold, finance.void_hold, finance.expire_hold FROM PUBLIC;
GRANT EXECUTE ON FUNCTION finance.hold, finance.post_hold, finance.void_hold, finance.expire_hold TO finance;
GRANT SELECT ON finance.holds TO finance;
"""

NO_HOLDS = """
DROP FUNCTION finance.hold, finance.post_hold, finance.void_hold, finance.expire_hold, finance.end_hold;
DROP TABLE finance.holds;
"""


# Who comes late: an entry's `at` is read before its accounts are locked, so one booked after another may carry the
# earlier time. Such a posting says so, and the balance of any moment is the running balance of the last posting in time
# plus the late ones behind it (finance.balance_at): exact, whatever the clocks of those who post did.
TIMES = """
ALTER TABLE finance.ledger_accounts ADD COLUMN last_at TIMESTAMPTZ;
ALTER TABLE finance.ledger_postings ADD COLUMN late BOOLEAN CHECK (late);
ALTER TABLE finance.ledger_postings DISABLE TRIGGER append_only;
UPDATE finance.ledger_postings p SET late = true
FROM (SELECT posting_id, at < max(at) OVER (PARTITION BY account_id ORDER BY posting_id) AS late
      FROM finance.ledger_postings WHERE balance_after IS NOT NULL) AS found
WHERE found.posting_id = p.posting_id AND found.late;
ALTER TABLE finance.ledger_postings ENABLE TRIGGER append_only;
UPDATE finance.ledger_accounts a SET last_at = p.at
FROM (SELECT account_id, max(at) AS at FROM finance.ledger_postings GROUP BY account_id) p
WHERE p.account_id = a.account_id AND a.kind = 'owner';

DROP INDEX finance.ledger_postings_account;
CREATE INDEX ledger_postings_account ON finance.ledger_postings (account_id, at, posting_id);
CREATE INDEX ledger_postings_late ON finance.ledger_postings (account_id, at) WHERE late;
"""

NO_TIMES = """
DROP INDEX finance.ledger_postings_late, finance.ledger_postings_account;
ALTER TABLE finance.ledger_postings DROP COLUMN late;
ALTER TABLE finance.ledger_accounts DROP COLUMN last_at;
CREATE INDEX ledger_postings_account ON finance.ledger_postings (account_id, at);
"""

# What changes in the two functions that post: old text, new text, each found exactly once.
EDITS = {
    "finance.post_entry": (
        ("    v_sum numeric;\n", "    v_sum numeric;\n    v_lates boolean[];\n    v_late boolean;\n"),
        (
            "    v_balances := array_fill(",
            """    v_lates := array_fill(NULL::boolean, ARRAY[cardinality(v_ids)]);
    v_balances := array_fill(""",
        ),
        (
            """SET balance = a.balance + v_amounts[i]
            WHERE a.account_id = v_ids[i] RETURNING a.balance INTO v_balance;
            v_balances[i] := v_balance;
""",
            """SET balance = a.balance + v_amounts[i], last_at = greatest(a.last_at, p_at)
            WHERE a.account_id = v_ids[i] RETURNING a.balance, nullif(a.last_at > p_at, false) INTO v_balance, v_late;
            v_balances[i] := v_balance;
            v_lates[i] := v_late;
""",
        ),
        (
            """(entry_id, account_id, amount, balance_after, at)
    SELECT v_entry_id, l.id, l.amount, l.balance, p_at
    FROM unnest(v_ids, v_amounts, v_balances) AS l(id, amount, balance);
""",
            """(entry_id, account_id, amount, balance_after, at, late)
    SELECT v_entry_id, l.id, l.amount, l.balance, p_at, l.late
    FROM unnest(v_ids, v_amounts, v_balances, v_lates) AS l(id, amount, balance, late);
""",
        ),
    ),
    "finance.post_batch": (
        ("    v_uncovered text;\n", "    v_uncovered text;\n    v_last timestamptz[];\n"),
        (
            """array_agg(k.balance) INTO v_owners, v_before FROM (
            SELECT a.account_id, a.balance FROM""",
            """array_agg(k.balance), array_agg(k.last_at) INTO v_owners, v_before, v_last FROM (
            SELECT a.account_id, a.balance, a.last_at FROM""",
        ),
        (
            """(entry_id, account_id, amount, balance_after, at)
            SELECT l.entry_id""",
            """(entry_id, account_id, amount, balance_after, at, late)
            SELECT l.entry_id""",
        ),
        (
            """(PARTITION BY a.account_id ORDER BY l.n), l.at
""",
            """(PARTITION BY a.account_id ORDER BY l.n), l.at,
                   CASE WHEN o.before IS NOT NULL THEN nullif(l.at < greatest(o.last_at, max(l.at) OVER (
                       PARTITION BY a.account_id ORDER BY l.n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)), false) END
""",
        ),
        (
            "LEFT JOIN unnest(v_owners, v_before) AS o(account_id, before)",
            "LEFT JOIN unnest(v_owners, v_before, v_last) AS o(account_id, before, last_at)",
        ),
        ("RETURNING account_id, amount, balance_after\n", "RETURNING account_id, amount, balance_after, at\n"),
        (
            """SET balance = a.balance + t.amount
            FROM (SELECT w.account_id, sum(w.amount) AS amount FROM""",
            """SET balance = a.balance + t.amount, last_at = greatest(a.last_at, t.at)
            FROM (SELECT w.account_id, sum(w.amount) AS amount, max(w.at) AS at FROM""",
        ),
    ),
}

# Entries are sealed with their postings as one row each (functions/finance/store/ledger_chain.py), by a role that
# nobody can sign in as. `tx` is what makes that possible off the path of those who post: shared/sql/sealing.py.
SEALS = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'ledger_sealer') THEN CREATE ROLE ledger_sealer NOLOGIN; END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
    GRANT ledger_sealer TO finance WITH INHERIT FALSE, SET TRUE;
EXCEPTION WHEN unique_violation OR internal_error THEN NULL; -- another database of the server granted it meanwhile
END $$;

ALTER TABLE finance.ledger_entries ADD COLUMN tx XID8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX ledger_entries_order ON finance.ledger_entries (tx, entry_id);
CREATE INDEX ledger_entries_of ON finance.ledger_entries (ref_type, ref_id);

CREATE TABLE finance.ledger_blocks (
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
CREATE UNIQUE INDEX ledger_blocks_by_seq ON finance.ledger_blocks (log, first_seq);
CREATE INDEX ledger_blocks_by_day ON finance.ledger_blocks (log, sealed_at);
CREATE TABLE finance.ledger_seals (
    seq BIGINT PRIMARY KEY,
    block_no BIGINT NOT NULL,
    id BIGINT NOT NULL CONSTRAINT ledger_seals_once UNIQUE,
    hash BYTEA NOT NULL CHECK (octet_length(hash) = 32)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance.ledger_blocks
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finance.ledger_seals
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();

GRANT USAGE ON SCHEMA finance, platform TO ledger_sealer;
GRANT SELECT ON finance.ledger_entries, finance.ledger_postings, finance.ledger_accounts TO ledger_sealer;
GRANT SELECT, INSERT ON finance.ledger_blocks, finance.ledger_seals TO ledger_sealer;
GRANT SELECT ON finance.ledger_blocks, finance.ledger_seals TO finance;
"""

NO_SEALS = """
DROP TABLE finance.ledger_blocks, finance.ledger_seals;
DROP INDEX finance.ledger_entries_order, finance.ledger_entries_of;
ALTER TABLE finance.ledger_entries DROP COLUMN tx;
REVOKE ALL ON finance.ledger_entries, finance.ledger_postings, finance.ledger_accounts FROM ledger_sealer;
REVOKE USAGE ON SCHEMA finance, platform FROM ledger_sealer;
"""

# Platform accounts have no running balance. What a block sealed is added up per account and day in Shanghai, once: a
# balance of any moment is the days before, the postings of its own day, and what is not added up yet.
DAYS = """
CREATE TABLE finance.ledger_days (
    account_id BIGINT NOT NULL,
    day DATE NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (account_id, day)
);
CREATE TABLE finance.ledger_rolled (
    block_no BIGINT NOT NULL,
    tx XID8 NOT NULL,
    entry_id BIGINT NOT NULL,
    only_one BOOLEAN PRIMARY KEY DEFAULT true CHECK (only_one)
);
INSERT INTO finance.ledger_rolled (block_no, tx, entry_id) VALUES (0, '0', 0);

CREATE FUNCTION finance.roll_up() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_done finance.ledger_rolled;
    v_block finance.ledger_blocks;
BEGIN
    SELECT * INTO v_done FROM finance.ledger_rolled FOR UPDATE;
    SELECT * INTO v_block FROM finance.ledger_blocks WHERE log = 'ledger' AND block_no = v_done.block_no + 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO finance.ledger_days (account_id, day, amount)
    SELECT p.account_id, (p.at AT TIME ZONE 'Asia/Shanghai')::date AS day, sum(p.amount)
    FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
    WHERE (e.tx, e.entry_id) > (v_done.tx, v_done.entry_id) AND (e.tx, e.entry_id) <= (v_block.last_tx, v_block.last_id)
      AND p.balance_after IS NULL
    GROUP BY p.account_id, day ORDER BY p.account_id, day
    ON CONFLICT (account_id, day) DO UPDATE SET amount = ledger_days.amount + excluded.amount;
    UPDATE finance.ledger_rolled SET block_no = v_block.block_no, tx = v_block.last_tx, entry_id = v_block.last_id;
    RETURN v_block.block_no;
END $$;

-- What an account held after everything booked up to a moment, that moment included; zero for one never used.
CREATE FUNCTION finance.balance_at(p_account text, p_at timestamptz, p_currency text DEFAULT 'CNY') RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_account finance.ledger_accounts;
    v_last finance.ledger_postings;
    v_day date := (p_at AT TIME ZONE 'Asia/Shanghai')::date;
    v_midnight timestamptz := v_day::timestamp AT TIME ZONE 'Asia/Shanghai';
    v_done finance.ledger_rolled;
BEGIN
    SELECT * INTO v_account FROM finance.ledger_accounts WHERE name = p_account AND currency = p_currency;
    IF v_account.kind = 'owner' THEN
        SELECT * INTO v_last FROM finance.ledger_postings p
        WHERE p.account_id = v_account.account_id AND p.at <= p_at AND p.late IS NULL
        ORDER BY p.at DESC, p.posting_id DESC LIMIT 1;
        RETURN coalesce(v_last.balance_after, 0) + coalesce((
            SELECT sum(p.amount) FROM finance.ledger_postings p
            WHERE p.account_id = v_account.account_id AND p.late AND p.at <= p_at
              AND p.posting_id > coalesce(v_last.posting_id, 0)), 0);
    END IF;
    SELECT * INTO v_done FROM finance.ledger_rolled;
    RETURN coalesce((SELECT sum(d.amount) FROM finance.ledger_days d
                     WHERE d.account_id = v_account.account_id AND d.day < v_day), 0)
         + coalesce((SELECT sum(p.amount) FROM finance.ledger_postings p
                     WHERE p.account_id = v_account.account_id AND p.at >= v_midnight AND p.at <= p_at), 0)
         + coalesce((SELECT sum(p.amount) FROM finance.ledger_entries e JOIN finance.ledger_postings p USING (entry_id)
                     WHERE (e.tx, e.entry_id) > (v_done.tx, v_done.entry_id)
                       AND p.account_id = v_account.account_id AND p.at < v_midnight), 0);
END $$;
REVOKE ALL ON FUNCTION finance.roll_up, finance.balance_at FROM PUBLIC;
GRANT EXECUTE ON FUNCTION finance.roll_up, finance.balance_at TO finance;
GRANT SELECT ON finance.ledger_days, finance.ledger_rolled TO finance;
"""

NO_DAYS = """
DROP FUNCTION finance.balance_at, finance.roll_up;
DROP TABLE finance.ledger_days, finance.ledger_rolled;
"""


# What people bring into the books, each with two of them: money the channel took back, and corrections.
DECIDED = """
CREATE TABLE finance.chargebacks (
    chargeback_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_no TEXT NOT NULL,
    creator_id BIGINT NOT NULL,
    channel TEXT NOT NULL,
    case_no TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    status TEXT NOT NULL CHECK (status IN ('open', 'won', 'lost')),
    reason TEXT NOT NULL,
    opened_by BIGINT NOT NULL,
    opened_at TIMESTAMPTZ NOT NULL,
    decided_by BIGINT CHECK (decided_by <> opened_by),
    decided_at TIMESTAMPTZ,
    comment TEXT,
    CONSTRAINT chargebacks_once UNIQUE (channel, case_no),
    CHECK ((status = 'open') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL))
);
CREATE INDEX chargebacks_list ON finance.chargebacks (opened_at, chargeback_id);
CREATE INDEX chargebacks_of_order ON finance.chargebacks (order_no);

CREATE TABLE finance.adjustments (
    adjustment_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    currency TEXT NOT NULL,
    from_account TEXT NOT NULL,
    to_account TEXT NOT NULL CHECK (to_account <> from_account),
    amount BIGINT NOT NULL CHECK (amount > 0),
    status TEXT NOT NULL CHECK (status IN ('proposed', 'approved', 'rejected')),
    reason TEXT NOT NULL,
    proposed_by BIGINT NOT NULL,
    proposed_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL CHECK (expires_at > proposed_at),
    decided_by BIGINT CHECK (decided_by <> proposed_by),
    decided_at TIMESTAMPTZ,
    comment TEXT,
    CHECK ((status = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL))
);
CREATE INDEX adjustments_list ON finance.adjustments (proposed_at, adjustment_id);
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON finance.chargebacks
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
CREATE TRIGGER kept BEFORE DELETE OR TRUNCATE ON finance.adjustments
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();
GRANT SELECT, INSERT, UPDATE (status, decided_by, decided_at, comment) ON finance.chargebacks, finance.adjustments TO finance;
"""

NOTHING_DECIDED = "DROP TABLE finance.chargebacks, finance.adjustments"


def _execute(script: str) -> None:
    """Past Alembic's text(), which would take the `:` of an account name or of `:=` for a parameter."""
    connection: Any = op.get_bind().connection.dbapi_connection
    connection.execute(script)


class FunctionChangedError(Exception):
    """A function does not read as this migration knows it."""


def _edit(*, back: bool) -> None:
    connection: Any = op.get_bind().connection.dbapi_connection
    for name, edits in EDITS.items():
        text = connection.execute("SELECT pg_get_functiondef(%s::regproc)", (name,)).fetchone()[0]
        for edit in edits:
            old, new = reversed(edit) if back else edit
            if text.count(old) != 1:
                raise FunctionChangedError(name, old)
            text = text.replace(old, new)
        connection.execute(text)


def upgrade() -> None:
    """Build it."""
    _execute(HOLDS)
    _execute(TIMES)
    _edit(back=False)
    _execute(SEALS)
    _execute(DAYS)
    _execute(DECIDED)


def downgrade() -> None:
    """Take it away; the role stays, other databases of the server may use it."""
    _execute(NOTHING_DECIDED)
    _execute(NO_DAYS)
    _execute(NO_SEALS)
    _edit(back=True)
    _execute(NO_TIMES)
    _execute(NO_HOLDS)
