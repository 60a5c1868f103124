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


def _execute(script: str) -> None:
    """Past Alembic's text(), which would take the `:` of an account name or of `:=` for a parameter."""
    connection: Any = op.get_bind().connection.dbapi_connection
    connection.execute(script)


def upgrade() -> None:
    """Build it."""
    _execute(HOLDS)


def downgrade() -> None:
    """Take it away."""
    _execute(NO_HOLDS)
