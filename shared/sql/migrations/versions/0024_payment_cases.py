"""Cases of payments and who decides them; what risk control knows of addresses, and who proved to be themselves; prices for
the first so many count what orders hold.
"""

from typing import Any

from alembic import op

revision = "0024"
down_revision = "0023"

# A case ends in one word. `proposed_*` is what the first of two people wants; `next_try_at` is set while money of a payment
# that is nobody's is on its way back, under the case's own number.
CASES = """
UPDATE payments.payment_cases SET resolution = 'refunded' WHERE resolution = 'refund';
ALTER TABLE payments.payment_cases
    ADD COLUMN assigned_to BIGINT,
    ADD COLUMN proposed_action TEXT,
    ADD COLUMN proposed_amount BIGINT,
    ADD COLUMN proposed_order_no VARCHAR(32),
    ADD COLUMN proposed_by BIGINT,
    ADD COLUMN refund_tries INT NOT NULL DEFAULT 0,
    ADD COLUMN next_try_at TIMESTAMPTZ,
    ADD CONSTRAINT case_ends_in_one_word CHECK (
        (resolution IS NULL) = (status = 'open')
        AND resolution IN ('fulfilled', 'refunded', 'credited', 'adjusted', 'written_off')),
    ADD CONSTRAINT case_proposal_has_a_person CHECK ((proposed_action IS NULL) = (proposed_by IS NULL)),
    ADD CONSTRAINT case_two_people CHECK (resolved_by IS NULL OR resolved_by IS DISTINCT FROM proposed_by),
    ADD CONSTRAINT case_refund_of_an_open_case CHECK (next_try_at IS NULL OR status = 'open');
CREATE INDEX cases_by_time ON payments.payment_cases (opened_at, case_id);
CREATE INDEX cases_by_status ON payments.payment_cases (status, opened_at, case_id);
CREATE INDEX cases_of_person ON payments.payment_cases (assigned_to, opened_at, case_id) WHERE assigned_to IS NOT NULL;
CREATE INDEX cases_of_order ON payments.payment_cases (order_no);
CREATE INDEX cases_to_repay ON payments.payment_cases (next_try_at) WHERE next_try_at IS NOT NULL;

CREATE TABLE payments.payment_case_comments (
    comment_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id BIGINT NOT NULL REFERENCES payments.payment_cases,
    author_id BIGINT NOT NULL,
    text TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL
);
CREATE INDEX comments_of_case ON payments.payment_case_comments (case_id, comment_id);

-- A refund that failed or was turned down gave nothing back: the money may still go, under another number.
DROP INDEX payments.surplus_returns_once;
CREATE UNIQUE INDEX surplus_returns_once ON payments.payment_refunds (payment_no)
    WHERE origin = 'surplus' AND status NOT IN ('rejected', 'failed');

ALTER TABLE payments.reconciliation_items
    DROP CONSTRAINT reconciliation_items_resolution_check,
    ADD CONSTRAINT reconciliation_items_resolution_check
        CHECK (resolution IN ('accept_remote', 'accept_local', 'refund', 'credit', 'ignore'));

-- To whom a case may be given: operators whose post has not ended.
CREATE VIEW admin.pub_operators AS
    SELECT a.user_id, a.permissions || r.permissions AS permissions, a.expires_at
    FROM admin.admins a JOIN admin.admin_roles r USING (role) WHERE a.is_active;

GRANT SELECT ON admin.pub_operators TO payments;
GRANT SELECT, INSERT ON payments.payment_case_comments TO payments;
GRANT UPDATE (order_no, assigned_to, proposed_action, proposed_amount, proposed_order_no, proposed_by, refund_tries, next_try_at)
    ON payments.payment_cases TO payments;
"""

# What a channel holds for us beside every order, and we found out: `platform:corrections` owes it until somebody asks.
CORRECTIONS = """
CREATE FUNCTION finance.correct_channel(
    p_reference text, p_channel text, p_amount bigint, p_at timestamptz
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_amount = 0 OR p_channel NOT IN ('alipay', 'wechat', 'unionpay', 'usdt') THEN
        RAISE EXCEPTION 'not a correction: % %', p_channel, p_amount USING ERRCODE = 'LG001';
    END IF;
    PERFORM finance.post_entry('correction:' || p_reference, 'correction', 'payment_case', p_reference, p_at, 'CNY',
        ARRAY['channel:' || p_channel, 'platform:corrections'], ARRAY[-p_amount, p_amount]);
END $$;
REVOKE ALL ON FUNCTION finance.correct_channel FROM PUBLIC;
GRANT EXECUTE ON FUNCTION finance.correct_channel TO payments;
"""

RISK = """
ALTER TABLE payments.payment_transactions ADD COLUMN client_ip TEXT;
CREATE INDEX transactions_from_address ON payments.payment_transactions (client_ip, created_at) WHERE client_ip IS NOT NULL;

ALTER TABLE payments.payment_risk_rules
    DROP CONSTRAINT payment_risk_rules_key_check,
    ADD CONSTRAINT payment_risk_rules_key_check CHECK (key IN ('order_count', 'amount_single', 'failed_count',
        'new_account_amount', 'device_accounts', 'ip_accounts', 'refund_percent')),
    DROP CONSTRAINT payment_risk_rules_action_check,
    ADD CONSTRAINT payment_risk_rules_action_check CHECK (action IN ('review', 'challenge', 'reject'));
INSERT INTO payments.payment_risk_rules (key, enabled, threshold, window_seconds, action, place) VALUES
    ('ip_accounts', true, 20, 3600, 'challenge', 6),
    ('refund_percent', true, 50, 7776000, 'review', 7)
ON CONFLICT (key) DO NOTHING;

-- When a person last proved by a code that an address of theirs is theirs: how a challenge is passed.
CREATE VIEW identity.pub_confirmations AS
    SELECT uid, greatest(email_verified_at, phone_verified_at) AS confirmed_at FROM identity.users;
GRANT SELECT ON identity.pub_confirmations TO payments;
"""

# "The first hundred" are counted with the orders that may still be paid, one order after the other.
PRICES = """
CREATE INDEX orders_of_content ON payments.payment_orders (target_id, created_at) WHERE kind = 'content';

CREATE FUNCTION subscriptions.held(p_kind text, p_target_id bigint, p_at timestamptz) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE p_kind
        WHEN 'plan' THEN (SELECT count(*) FROM subscriptions.subscription_periods d
            WHERE d.plan_id = p_target_id AND d.kind = 'order' AND d.status = 'open')
        WHEN 'content' THEN (SELECT count(*) FROM payments.payment_orders o
            WHERE o.kind = 'content' AND o.target_id = p_target_id
                AND ((o.status = 'pending' AND o.expires_at > p_at)
                    -- Paid, and not heard of yet by who gives the right to it.
                    OR (o.status = 'paid' AND NOT EXISTS (
                        SELECT FROM subscriptions.content_purchases c WHERE c.order_no = o.order_no))))
        ELSE 0 END
$$;
ALTER FUNCTION subscriptions.price_terms(text, bigint, bigint, text, timestamptz) RENAME TO price_terms_of_sold;
CREATE FUNCTION subscriptions.price_terms(p_kind text, p_target_id bigint, p_user_id bigint, p_code text, p_at timestamptz)
RETURNS jsonb LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_terms jsonb := subscriptions.price_terms_of_sold(p_kind, p_target_id, p_user_id, p_code, p_at);
BEGIN
    IF v_terms -> 'rules' @? '$[*] ? (@.kind == "demand" || @.kind == "early_bird")' THEN
        v_terms := jsonb_set(v_terms, '{sold}',
            to_jsonb((v_terms ->> 'sold')::bigint + subscriptions.held(p_kind, p_target_id, p_at)));
    END IF;
    RETURN v_terms;
END $$;
-- Before anything else is held: whoever orders what has a price for the first waits for the order before.
ALTER FUNCTION subscriptions.hold_terms(text, bigint, bigint, text, timestamptz) RENAME TO hold_capped_terms;
CREATE FUNCTION subscriptions.hold_terms(p_kind text, p_target_id bigint, p_user_id bigint, p_code text, p_at timestamptz)
RETURNS jsonb LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM subscriptions.pricing_rules r WHERE r.target_type = p_kind AND r.target_id = p_target_id
               AND r.is_active AND r.kind IN ('early_bird', 'demand')) THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('subscriptions.price:' || p_kind || ':' || p_target_id, 0));
    END IF;
    RETURN subscriptions.hold_capped_terms(p_kind, p_target_id, p_user_id, p_code, p_at);
END $$;
REVOKE ALL ON FUNCTION subscriptions.held(text, bigint, timestamptz),
    subscriptions.price_terms(text, bigint, bigint, text, timestamptz),
    subscriptions.hold_terms(text, bigint, bigint, text, timestamptz) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION subscriptions.price_terms_of_sold(text, bigint, bigint, text, timestamptz),
    subscriptions.hold_capped_terms(text, bigint, bigint, text, timestamptz) FROM subscriptions, payments;
GRANT EXECUTE ON FUNCTION subscriptions.price_terms(text, bigint, bigint, text, timestamptz),
    subscriptions.hold_terms(text, bigint, bigint, text, timestamptz) TO subscriptions, payments;
"""

DOWN = """
DROP FUNCTION subscriptions.hold_terms(text, bigint, bigint, text, timestamptz),
    subscriptions.price_terms(text, bigint, bigint, text, timestamptz);
ALTER FUNCTION subscriptions.hold_capped_terms(text, bigint, bigint, text, timestamptz) RENAME TO hold_terms;
ALTER FUNCTION subscriptions.price_terms_of_sold(text, bigint, bigint, text, timestamptz) RENAME TO price_terms;
GRANT EXECUTE ON FUNCTION subscriptions.price_terms(text, bigint, bigint, text, timestamptz),
    subscriptions.hold_terms(text, bigint, bigint, text, timestamptz) TO subscriptions, payments;
DROP FUNCTION subscriptions.held(text, bigint, timestamptz);
DROP INDEX payments.orders_of_content;

DROP VIEW identity.pub_confirmations;
DELETE FROM payments.payment_risk_rules WHERE key = 'ip_accounts' OR action = 'challenge';
ALTER TABLE payments.payment_risk_rules
    DROP CONSTRAINT payment_risk_rules_key_check,
    ADD CONSTRAINT payment_risk_rules_key_check CHECK (key IN ('order_count', 'amount_single', 'failed_count',
        'new_account_amount', 'device_accounts', 'refund_percent')),
    DROP CONSTRAINT payment_risk_rules_action_check,
    ADD CONSTRAINT payment_risk_rules_action_check CHECK (action IN ('review', 'reject'));
DELETE FROM payments.payment_risk_rules WHERE key = 'refund_percent';
DROP INDEX payments.transactions_from_address;
ALTER TABLE payments.payment_transactions DROP COLUMN client_ip;

DROP FUNCTION finance.correct_channel;

DROP VIEW admin.pub_operators;
ALTER TABLE payments.reconciliation_items
    DROP CONSTRAINT reconciliation_items_resolution_check,
    ADD CONSTRAINT reconciliation_items_resolution_check
        CHECK (resolution IN ('accept_remote', 'accept_local', 'refund', 'ignore'));
DROP INDEX payments.surplus_returns_once;
CREATE UNIQUE INDEX surplus_returns_once ON payments.payment_refunds (payment_no) WHERE origin = 'surplus';
DROP TABLE payments.payment_case_comments;
DROP INDEX payments.cases_by_time, payments.cases_by_status, payments.cases_of_order;
ALTER TABLE payments.payment_cases DROP COLUMN assigned_to, DROP COLUMN proposed_action, DROP COLUMN proposed_amount,
    DROP COLUMN proposed_order_no, DROP COLUMN proposed_by, DROP COLUMN refund_tries, DROP COLUMN next_try_at,
    DROP CONSTRAINT IF EXISTS case_ends_in_one_word;
"""


def _execute(script: str) -> None:
    """Past Alembic's text(), which would take the `:` of an account's name for a parameter."""
    connection: Any = op.get_bind().connection.dbapi_connection
    connection.execute(script)


def upgrade() -> None:
    """Build them."""
    for script in (CASES, CORRECTIONS, RISK, PRICES):
        _execute(script)


def downgrade() -> None:
    """Take them away."""
    _execute(DOWN)
