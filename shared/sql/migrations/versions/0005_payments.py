"""The tables of payments: what is owed, orders, attempts to pay them, refunds, notices of gateways, open cases."""

from alembic import op

revision = "0005"
down_revision = "0004"

UP = """
CREATE TABLE payments.payment_orders (
    order_no VARCHAR(32) PRIMARY KEY,
    user_id BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('subscription', 'renewal', 'change_plan', 'content', 'membership')),
    target_id BIGINT NOT NULL,
    seller_id BIGINT NOT NULL,
    title TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    discount_amount BIGINT NOT NULL CHECK (discount_amount BETWEEN 0 AND amount),
    payable_amount BIGINT NOT NULL CHECK (payable_amount = amount - discount_amount),
    currency TEXT NOT NULL CHECK (currency = 'CNY'),
    price_lines JSONB NOT NULL,
    coupon_id BIGINT,
    status TEXT NOT NULL CHECK (status IN
        ('pending', 'paid', 'cancelled', 'expired', 'refunding', 'partially_refunded', 'refunded')),
    channel TEXT CHECK (channel IN ('alipay', 'wechat', 'unionpay', 'usdt', 'balance')),
    -- The attempt whose money settled the order; NULL while unpaid, and for an order with nothing to pay.
    payment_no VARCHAR(32),
    refunded_amount BIGINT NOT NULL DEFAULT 0 CHECK (refunded_amount BETWEEN 0 AND payable_amount),
    paid_at TIMESTAMPTZ,
    expires_at TIMESTAMPTZ NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT paid_has_its_time CHECK ((paid_at IS NULL) = (status IN ('pending', 'cancelled', 'expired'))),
    CONSTRAINT refunded_says_how_much CHECK (
        CASE status WHEN 'refunded' THEN refunded_amount = payable_amount
                    WHEN 'partially_refunded' THEN refunded_amount BETWEEN 1 AND payable_amount - 1
                    WHEN 'refunding' THEN refunded_amount < payable_amount
                    ELSE refunded_amount = 0 END)
);
CREATE INDEX orders_by_status ON payments.payment_orders (status, created_at, order_no);
CREATE INDEX orders_of_user ON payments.payment_orders (user_id, created_at, order_no);
CREATE INDEX orders_by_time ON payments.payment_orders (created_at, order_no);
CREATE INDEX orders_of_target ON payments.payment_orders (user_id, kind, target_id);
CREATE INDEX orders_to_expire ON payments.payment_orders (expires_at) WHERE status = 'pending';

CREATE TABLE commerce.payables (
    payable_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    domain TEXT NOT NULL,
    kind TEXT NOT NULL,
    target_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL,
    order_no VARCHAR(32) NOT NULL UNIQUE REFERENCES payments.payment_orders,
    status TEXT NOT NULL CHECK (status IN ('open', 'paid', 'cancelled', 'expired')),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- `payment_no` is the number the gateway knows an attempt (or a refund) by.
CREATE TABLE payments.payment_transactions (
    payment_no VARCHAR(32) PRIMARY KEY,
    order_no VARCHAR(32) NOT NULL REFERENCES payments.payment_orders,
    channel TEXT NOT NULL CHECK (channel IN ('alipay', 'wechat', 'unionpay', 'usdt', 'balance')),
    kind TEXT NOT NULL CHECK (kind IN ('pay', 'refund', 'renewal')),
    scene TEXT,
    amount BIGINT NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL CHECK (currency = 'CNY'),
    status TEXT NOT NULL CHECK (status IN ('created', 'succeeded', 'failed', 'closed')),
    gateway_no VARCHAR(64),
    qr_code TEXT,
    -- The notice that settled it, as received: enveloped, bound to the notice.
    payload TEXT,
    notify_id VARCHAR(128),
    expires_at TIMESTAMPTZ,
    -- When the gateway is to be asked again; NULL when nothing is open.
    next_query_at TIMESTAMPTZ,
    queries INT NOT NULL DEFAULT 0,
    finished_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT gateway_no_once UNIQUE (channel, gateway_no),
    CONSTRAINT notify_id_once UNIQUE (channel, notify_id),
    CONSTRAINT paid_is_known_to_the_gateway CHECK (NOT (kind <> 'refund' AND status = 'succeeded' AND gateway_no IS NULL))
);
CREATE INDEX transactions_of_order ON payments.payment_transactions (order_no, created_at);
CREATE INDEX transactions_to_query ON payments.payment_transactions (next_query_at) WHERE next_query_at IS NOT NULL;
CREATE UNIQUE INDEX one_live_attempt ON payments.payment_transactions (order_no, channel, scene)
    WHERE status = 'created' AND kind = 'pay';

CREATE TABLE payments.payment_refunds (
    refund_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Sent to the gateway, always the same: it moves the money once.
    refund_no VARCHAR(32) NOT NULL UNIQUE,
    order_no VARCHAR(32) NOT NULL REFERENCES payments.payment_orders,
    payment_no VARCHAR(32) NOT NULL REFERENCES payments.payment_transactions,
    user_id BIGINT NOT NULL,
    -- `surplus` gives back money that came in beside the order's own.
    origin TEXT NOT NULL CHECK (origin IN ('request', 'surplus')),
    amount BIGINT NOT NULL CHECK (amount > 0),
    currency TEXT NOT NULL CHECK (currency = 'CNY'),
    reason TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'processing', 'succeeded', 'rejected', 'failed')),
    processed_by BIGINT,
    comment TEXT,
    gateway_no VARCHAR(64),
    tries INT NOT NULL DEFAULT 0,
    next_try_at TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX one_open_request ON payments.payment_refunds (order_no)
    WHERE origin = 'request' AND status IN ('pending', 'processing');
CREATE UNIQUE INDEX surplus_returns_once ON payments.payment_refunds (payment_no) WHERE origin = 'surplus';
CREATE INDEX refunds_of_order ON payments.payment_refunds (order_no, created_at);
CREATE INDEX refunds_by_time ON payments.payment_refunds (created_at, refund_id);
CREATE INDEX refunds_by_status ON payments.payment_refunds (status, created_at, refund_id);
CREATE INDEX refunds_to_finish ON payments.payment_refunds (next_try_at) WHERE status = 'processing';

CREATE TABLE payments.payment_notices (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel TEXT NOT NULL,
    -- As the body claims; empty when it names none.
    notify_id VARCHAR(128) NOT NULL,
    body_hash CHAR(64) NOT NULL,
    payload TEXT NOT NULL,
    times INT NOT NULL DEFAULT 1,
    verified BOOLEAN,
    result TEXT,
    tries INT NOT NULL DEFAULT 0,
    next_try_at TIMESTAMPTZ NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    processed_at TIMESTAMPTZ,
    CONSTRAINT notice_once UNIQUE (channel, notify_id, body_hash)
);
CREATE INDEX notices_to_process ON payments.payment_notices (next_try_at) WHERE processed_at IS NULL;

CREATE TABLE payments.payment_cases (
    case_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('late', 'surplus', 'double_purchase', 'amount_mismatch', 'unknown_payment',
                                       'foreign_refund', 'refund_stuck')),
    -- The payment or refund it is about.
    reference VARCHAR(64) NOT NULL,
    channel TEXT NOT NULL,
    order_no VARCHAR(32),
    gateway_no VARCHAR(64),
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    -- The staff role that answers for it (rules.md §2).
    owner TEXT NOT NULL DEFAULT 'finance_manager',
    status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved')),
    resolution TEXT,
    resolved_by BIGINT,
    opened_at TIMESTAMPTZ NOT NULL,
    resolved_at TIMESTAMPTZ,
    CONSTRAINT case_once UNIQUE (kind, reference)
);
CREATE INDEX cases_open ON payments.payment_cases (opened_at) WHERE status = 'open';

-- How anything that sells tells payments what is owed, in its own transaction. An order with nothing to pay is paid.
CREATE FUNCTION commerce.open_order(
    p_domain text, p_kind text, p_target_id bigint, p_user_id bigint, p_seller_id bigint, p_title text, p_amount bigint,
    p_discount bigint, p_currency text, p_price_lines jsonb, p_order_no text, p_at timestamptz, p_expires_at timestamptz
) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO payments.payment_orders
        (order_no, user_id, kind, target_id, seller_id, title, amount, discount_amount, payable_amount, currency,
         price_lines, status, paid_at, expires_at, created_at, updated_at)
    VALUES (p_order_no, p_user_id, p_kind, p_target_id, p_seller_id, p_title, p_amount, p_discount,
            p_amount - p_discount, p_currency, p_price_lines,
            CASE WHEN p_amount = p_discount THEN 'paid' ELSE 'pending' END,
            CASE WHEN p_amount = p_discount THEN p_at END, p_expires_at, p_at, p_at);
    INSERT INTO commerce.payables
        (domain, kind, target_id, user_id, amount, currency, order_no, status, created_at, updated_at)
    VALUES (p_domain, p_kind, p_target_id, p_user_id, p_amount - p_discount, p_currency, p_order_no,
            CASE WHEN p_amount = p_discount THEN 'paid' ELSE 'open' END, p_at, p_at);
$$;
REVOKE ALL ON FUNCTION commerce.open_order(text, text, bigint, bigint, bigint, text, bigint, bigint, text, jsonb, text,
    timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION commerce.open_order(text, text, bigint, bigint, bigint, text, bigint, bigint, text, jsonb, text,
    timestamptz, timestamptz) TO subscriptions, content, payments;

CREATE VIEW payments.pub_orders AS
    SELECT order_no, user_id, seller_id, kind, target_id, title, amount, discount_amount, payable_amount, currency,
           price_lines, status, channel, refunded_amount, paid_at, expires_at, created_at
    FROM payments.payment_orders;

GRANT USAGE ON SCHEMA payments TO subscriptions, finance, content;
GRANT SELECT ON payments.pub_orders TO subscriptions, finance, content;

GRANT SELECT ON payments.payment_orders TO payments;
GRANT UPDATE (status, channel, payment_no, refunded_amount, paid_at, updated_at) ON payments.payment_orders TO payments;
GRANT SELECT, UPDATE (status, updated_at) ON commerce.payables TO payments;
GRANT SELECT, INSERT ON payments.payment_transactions, payments.payment_refunds, payments.payment_notices,
    payments.payment_cases TO payments;
GRANT UPDATE (status, gateway_no, qr_code, payload, notify_id, next_query_at, queries, finished_at, updated_at)
    ON payments.payment_transactions TO payments;
GRANT UPDATE (status, processed_by, comment, gateway_no, tries, next_try_at, finished_at, updated_at)
    ON payments.payment_refunds TO payments;
GRANT UPDATE (times, verified, result, tries, next_try_at, processed_at) ON payments.payment_notices TO payments;
GRANT UPDATE (status, resolution, resolved_by, resolved_at) ON payments.payment_cases TO payments;
"""

DOWN = """
DROP VIEW payments.pub_orders;
DROP FUNCTION commerce.open_order(text, text, bigint, bigint, bigint, text, bigint, bigint, text, jsonb, text,
    timestamptz, timestamptz);
DROP TABLE payments.payment_cases, payments.payment_notices, payments.payment_refunds, payments.payment_transactions,
    commerce.payables, payments.payment_orders;
"""


def upgrade() -> None:
    """Build them."""
    op.execute(UP)


def downgrade() -> None:
    """Take them away."""
    op.execute(DOWN)
