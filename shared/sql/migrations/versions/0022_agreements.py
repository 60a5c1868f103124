"""Agreements by which a subscriber is debited without being asked again, and the debits made by them."""

from alembic import op

revision = "0022"
down_revision = "0021"

# docs/agreements.md. A terminated agreement is used no more from that moment; what the vendor is still to be told of it
# (`unsign_owed`) is told until it has heard.
AGREEMENTS = """
CREATE TABLE subscriptions.payment_agreements (
    agreement_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id BIGINT NOT NULL,
    -- What it was asked for; which ones it pays for, say their `agreement_id`s.
    subscription_id BIGINT NOT NULL REFERENCES subscriptions.user_subscriptions,
    channel TEXT NOT NULL CHECK (channel IN ('alipay', 'wechat')),
    -- Ours: the number the vendor knows it by before it has one of its own.
    external_no VARCHAR(32) NOT NULL UNIQUE,
    -- The vendor's, enveloped and bound to ours.
    agreement_no TEXT,
    status TEXT NOT NULL CHECK (status IN ('signing', 'signed', 'terminated')),
    -- What was agreed: the most a debit may take, how often, and (Alipay) by which day the first one is made.
    single_amount BIGINT NOT NULL CHECK (single_amount > 0),
    period_months INT NOT NULL CHECK (period_months > 0),
    debit_day DATE,
    -- When the address of the vendor's page was made last; the address follows from it.
    offered_at TIMESTAMPTZ NOT NULL,
    signed_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    end_reason TEXT CHECK (end_reason IN ('user', 'unused', 'vendor', 'expired')),
    unsign_owed BOOLEAN NOT NULL DEFAULT false,
    -- When the vendor is to be asked or told; NULL when nothing is open.
    next_look_at TIMESTAMPTZ,
    looks INT NOT NULL DEFAULT 0,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT ended_has_its_reason CHECK ((status = 'terminated') = (ended_at IS NOT NULL)
        AND (ended_at IS NULL) = (end_reason IS NULL)),
    CONSTRAINT signed_has_its_number CHECK (status <> 'signed' OR (agreement_no IS NOT NULL AND signed_at IS NOT NULL)),
    CONSTRAINT only_what_ended_is_owed CHECK (NOT unsign_owed OR status = 'terminated')
);
CREATE INDEX agreements_of_user ON subscriptions.payment_agreements (user_id, created_at, agreement_id);
CREATE UNIQUE INDEX one_signing ON subscriptions.payment_agreements (subscription_id) WHERE status = 'signing';
CREATE INDEX agreements_to_look_at ON subscriptions.payment_agreements (next_look_at) WHERE next_look_at IS NOT NULL;
CREATE INDEX agreements_signed ON subscriptions.payment_agreements (agreement_id) WHERE status = 'signed';

ALTER TABLE subscriptions.user_subscriptions
    ADD CONSTRAINT agreement_exists FOREIGN KEY (agreement_id) REFERENCES subscriptions.payment_agreements;
CREATE INDEX subscriptions_of_agreement ON subscriptions.user_subscriptions (agreement_id) WHERE agreement_id IS NOT NULL;

CREATE TABLE subscriptions.agreement_notices (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel TEXT NOT NULL,
    body_hash CHAR(64) NOT NULL,
    -- As received, enveloped.
    payload TEXT NOT NULL,
    times INT NOT NULL DEFAULT 1,
    verified BOOLEAN,
    result TEXT,
    received_at TIMESTAMPTZ NOT NULL,
    processed_at TIMESTAMPTZ,
    CONSTRAINT agreement_notice_once UNIQUE (channel, body_hash)
);
CREATE INDEX agreement_notices_to_process ON subscriptions.agreement_notices (received_at) WHERE processed_at IS NULL;

CREATE VIEW subscriptions.pub_agreements AS
    SELECT agreement_id, channel, external_no, agreement_no, status FROM subscriptions.payment_agreements;

-- WeChat is to be told of a debit days before it is made: what it is told of, written down before it is.
CREATE TABLE subscriptions.renewal_prenotices (
    prenotice_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    renewal_id BIGINT NOT NULL REFERENCES subscriptions.renewals,
    agreement_id BIGINT NOT NULL REFERENCES subscriptions.payment_agreements,
    -- The most the debit may take, in fen.
    amount BIGINT NOT NULL CHECK (amount > 0),
    wanted_at TIMESTAMPTZ NOT NULL,
    -- When it is to be told; NULL once it was, or the vendor refused, or nobody wants it any more (`withdrawn`).
    next_look_at TIMESTAMPTZ,
    looks INT NOT NULL DEFAULT 0,
    told_at TIMESTAMPTZ,
    refused TEXT,
    CHECK (num_nonnulls(next_look_at, told_at, refused) = 1)
);
CREATE INDEX prenotices_of_renewal ON subscriptions.renewal_prenotices (renewal_id, prenotice_id);
CREATE INDEX prenotices_to_tell ON subscriptions.renewal_prenotices (next_look_at) WHERE next_look_at IS NOT NULL;
CREATE UNIQUE INDEX one_open_prenotice ON subscriptions.renewal_prenotices (renewal_id, agreement_id) WHERE next_look_at IS NOT NULL;

GRANT SELECT, INSERT, UPDATE (next_look_at, looks, told_at, refused) ON subscriptions.renewal_prenotices TO subscriptions;
GRANT SELECT, INSERT, UPDATE ON subscriptions.payment_agreements TO subscriptions;
GRANT SELECT, INSERT, UPDATE (times, verified, result, processed_at) ON subscriptions.agreement_notices TO subscriptions;
GRANT SELECT ON subscriptions.pub_agreements TO payments;
"""

# One row per try that was asked for; while one is open no other begins. What became of the money is its attempt's.
DEBITS = """
CREATE TABLE payments.payment_debits (
    order_no VARCHAR(32) NOT NULL REFERENCES payments.payment_orders,
    try_no INT NOT NULL CHECK (try_no > 0),
    means TEXT NOT NULL CHECK (means IN ('agreement', 'balance')),
    agreement_id BIGINT,
    payment_no VARCHAR(32) UNIQUE REFERENCES payments.payment_transactions,
    status TEXT NOT NULL CHECK (status IN ('open', 'paid', 'failed')),
    reason TEXT CHECK (reason IN ('insufficient', 'limit', 'agreement_ended', 'declined', 'order_closed')),
    hard BOOLEAN,
    -- While it is open: when the channel is asked again, and how often it was.
    next_look_at TIMESTAMPTZ,
    looks INT NOT NULL DEFAULT 0,
    requested_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    PRIMARY KEY (order_no, try_no),
    CHECK ((means = 'agreement') = (agreement_id IS NOT NULL)),
    CHECK ((status = 'failed') = (reason IS NOT NULL) AND (reason IS NULL) = (hard IS NULL)),
    CHECK ((status = 'open') = (finished_at IS NULL)),
    CHECK ((status = 'open') = (next_look_at IS NOT NULL) AND (status <> 'open' OR payment_no IS NOT NULL))
);
CREATE INDEX debits_to_look_at ON payments.payment_debits (next_look_at) WHERE status = 'open';
CREATE UNIQUE INDEX one_open_debit ON payments.payment_debits (order_no) WHERE status = 'open';
GRANT SELECT, INSERT, UPDATE (status, reason, hard, next_look_at, looks, finished_at) ON payments.payment_debits TO payments;
"""

DOWN = """
DROP TABLE payments.payment_debits;
DROP TABLE subscriptions.renewal_prenotices;
DROP VIEW subscriptions.pub_agreements;
DROP TABLE subscriptions.agreement_notices;
DROP INDEX subscriptions.subscriptions_of_agreement;
ALTER TABLE subscriptions.user_subscriptions DROP CONSTRAINT agreement_exists;
DROP TABLE subscriptions.payment_agreements;
"""


def upgrade() -> None:
    """Build them."""
    op.execute(AGREEMENTS)
    op.execute(DEBITS)


def downgrade() -> None:
    """Take them away."""
    op.execute(DOWN)
