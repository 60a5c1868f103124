"""Renewals: one row per period that falls due, what was told about it, and every debit that was asked for."""

from alembic import op

revision = "0020"
down_revision = "0019"

RENEWALS = """
ALTER TABLE subscriptions.user_subscriptions
    -- What pays a renewal when no agreement is signed.
    ADD COLUMN renew_means TEXT NOT NULL DEFAULT 'pay_link' CHECK (renew_means IN ('balance', 'pay_link')),
    -- While a renewal is being collected, access outlasts the period until then.
    ADD COLUMN grace_until TIMESTAMPTZ,
    ADD COLUMN access_until TIMESTAMPTZ GENERATED ALWAYS AS (greatest(current_period_end, grace_until)) STORED,
    -- When its one Scheduler entry fires; NULL while it has none.
    ADD COLUMN entry_at TIMESTAMPTZ;

ALTER TABLE subscriptions.subscription_periods
    DROP CONSTRAINT subscription_periods_kind_check,
    ADD CONSTRAINT subscription_periods_kind_check CHECK (kind IN ('order', 'trial', 'free', 'change', 'renewal')),
    DROP CONSTRAINT orders_have_numbers,
    ADD CONSTRAINT orders_have_numbers CHECK ((kind IN ('order', 'change', 'renewal')) = (order_no IS NOT NULL));

CREATE TABLE subscriptions.renewals (
    renewal_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription_id BIGINT NOT NULL REFERENCES subscriptions.user_subscriptions,
    due_at TIMESTAMPTZ NOT NULL,
    status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'renewed', 'lapsed', 'dropped')),
    -- An execution that fell silent is replaced by the next run; its name has the number.
    run INT NOT NULL DEFAULT 1,
    started_at TIMESTAMPTZ,
    wakes_at TIMESTAMPTZ,
    order_no TEXT UNIQUE,
    ended_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT one_renewal_per_period UNIQUE (subscription_id, due_at),
    CHECK ((status = 'open') = (ended_at IS NULL))
);
CREATE INDEX renewals_to_wake ON subscriptions.renewals (coalesce(wakes_at, started_at, created_at)) WHERE status = 'open';

-- A debit needs a notice of its amount that was sent in time, so each is kept with the time it was.
CREATE TABLE subscriptions.renewal_notices (
    notice_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    renewal_id BIGINT NOT NULL REFERENCES subscriptions.renewals,
    kind TEXT NOT NULL CHECK (kind IN ('renewal', 'reminder', 'failed', 'expired')),
    plan_id BIGINT NOT NULL REFERENCES subscriptions.subscription_plans,
    -- What is to be debited, in fen; NULL when nothing is.
    amount BIGINT CHECK (amount >= 0),
    recorded_at TIMESTAMPTZ NOT NULL,
    sent_at TIMESTAMPTZ
);
CREATE INDEX notices_of_renewal ON subscriptions.renewal_notices (renewal_id, notice_id);

CREATE TABLE subscriptions.renewal_debits (
    renewal_id BIGINT NOT NULL REFERENCES subscriptions.renewals,
    try_no INT NOT NULL CHECK (try_no >= 1),
    means TEXT NOT NULL CHECK (means IN ('agreement', 'balance')),
    asked_at TIMESTAMPTZ NOT NULL,
    failed_at TIMESTAMPTZ,
    reason TEXT,
    hard BOOLEAN,
    PRIMARY KEY (renewal_id, try_no),
    CHECK ((failed_at IS NULL) = (reason IS NULL) AND (failed_at IS NULL) = (hard IS NULL))
);

-- The highest price of a plan a subscriber agreed to be debited without being asked again.
CREATE TABLE subscriptions.renewal_consents (
    subscription_id BIGINT NOT NULL REFERENCES subscriptions.user_subscriptions,
    plan_id BIGINT NOT NULL REFERENCES subscriptions.subscription_plans,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    given_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (subscription_id, plan_id)
);

GRANT SELECT, INSERT, UPDATE ON subscriptions.renewals, subscriptions.renewal_consents TO subscriptions;
GRANT SELECT, INSERT, UPDATE (sent_at) ON subscriptions.renewal_notices TO subscriptions;
GRANT SELECT, INSERT, UPDATE (failed_at, reason, hard) ON subscriptions.renewal_debits TO subscriptions;
"""

# What was bought stays bought; how it was collected has no place in the schema before.
DOWN = """
DROP TABLE subscriptions.renewal_consents, subscriptions.renewal_debits, subscriptions.renewal_notices, subscriptions.renewals;
UPDATE subscriptions.subscription_periods SET kind = 'order' WHERE kind = 'renewal';
ALTER TABLE subscriptions.subscription_periods
    DROP CONSTRAINT subscription_periods_kind_check, DROP CONSTRAINT orders_have_numbers,
    ADD CONSTRAINT subscription_periods_kind_check CHECK (kind IN ('order', 'trial', 'free', 'change')),
    ADD CONSTRAINT orders_have_numbers CHECK ((kind IN ('order', 'change')) = (order_no IS NOT NULL));
ALTER TABLE subscriptions.user_subscriptions
    DROP COLUMN entry_at, DROP COLUMN access_until, DROP COLUMN grace_until, DROP COLUMN renew_means;
"""


def upgrade() -> None:
    """Build them."""
    op.execute(RENEWALS)


def downgrade() -> None:
    """Take them away."""
    op.execute(DOWN)
