"""The tables of subscriptions: plans, subscriptions, the periods they were given, purchases of single contents."""

from alembic import op

revision = "0006"
down_revision = "0005"

UP = """
CREATE TABLE subscriptions.subscription_plans (
    plan_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    creator_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    tier INT NOT NULL CHECK (tier >= 1),
    amount BIGINT NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL DEFAULT 'CNY' CHECK (currency = 'CNY'),
    interval TEXT NOT NULL CHECK (interval IN ('month', 'quarter', 'year')),
    trial_days INT NOT NULL CHECK (trial_days >= 0),
    benefits JSONB NOT NULL,
    permissions TEXT[] NOT NULL,
    content_scope TEXT NOT NULL CHECK (content_scope IN ('all', 'selected')),
    content_ids BIGINT[] NOT NULL,
    max_subscribers INT CHECK (max_subscribers >= 1),
    -- Kept by the trigger below. A pending subscription holds a seat and is no subscriber yet.
    subscriber_count INT NOT NULL DEFAULT 0 CHECK (subscriber_count >= 0),
    seats_taken INT NOT NULL DEFAULT 0 CHECK (seats_taken >= subscriber_count),
    status TEXT NOT NULL CHECK (status IN ('active', 'archived')),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT plan_name_once_per_creator UNIQUE (creator_id, name)
);
CREATE INDEX plans_on_sale ON subscriptions.subscription_plans (status, tier, plan_id);
CREATE INDEX plans_of_creator ON subscriptions.subscription_plans (creator_id, status, tier, plan_id);

-- Numbers the changes of every right; taken under the user's lock, so that of two changes of a right the later is higher.
CREATE SEQUENCE subscriptions.entitlement_version;

CREATE TABLE subscriptions.user_subscriptions (
    subscription_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id BIGINT NOT NULL,
    creator_id BIGINT NOT NULL CHECK (creator_id <> user_id),
    plan_id BIGINT NOT NULL REFERENCES subscriptions.subscription_plans,
    -- Tier and amount as bought: a changed plan applies from the next renewal.
    tier INT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    status TEXT NOT NULL CHECK (status IN ('pending', 'trialing', 'active', 'past_due', 'cancelled', 'expired')),
    auto_renew BOOLEAN NOT NULL,
    cancel_at_period_end BOOLEAN NOT NULL DEFAULT false,
    channel TEXT CHECK (channel IN ('alipay', 'wechat', 'unionpay', 'usdt')),
    agreement_id BIGINT,
    order_no TEXT,
    current_period_start TIMESTAMPTZ,
    current_period_end TIMESTAMPTZ CHECK (current_period_end > current_period_start),
    next_plan_id BIGINT REFERENCES subscriptions.subscription_plans,
    renew_attempts INT NOT NULL DEFAULT 0,
    next_attempt_at TIMESTAMPTZ,
    cancelled_at TIMESTAMPTZ,
    cancel_reason TEXT,
    -- Of the last change of the right it stands for; NULL while it never gave one.
    version BIGINT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CHECK (status NOT IN ('trialing', 'active', 'past_due') OR (version IS NOT NULL AND current_period_end IS NOT NULL))
);
CREATE UNIQUE INDEX one_live_subscription ON subscriptions.user_subscriptions (user_id, creator_id)
    WHERE status IN ('pending', 'trialing', 'active', 'past_due');
CREATE INDEX subscriptions_due ON subscriptions.user_subscriptions (status, current_period_end);
CREATE INDEX subscriptions_of_user ON subscriptions.user_subscriptions (user_id, created_at, subscription_id);
CREATE INDEX subscriptions_of_plan ON subscriptions.user_subscriptions (plan_id)
    WHERE status IN ('pending', 'trialing', 'active', 'past_due');
CREATE INDEX rights_towards_creators ON subscriptions.user_subscriptions (user_id, creator_id, version DESC)
    WHERE version IS NOT NULL;

-- What a subscription was given, by an order, a trial or for free. Its standing is computed from the granted ones.
CREATE TABLE subscriptions.subscription_periods (
    period_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription_id BIGINT NOT NULL REFERENCES subscriptions.user_subscriptions,
    order_no TEXT UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('order', 'trial', 'free')),
    plan_id BIGINT NOT NULL REFERENCES subscriptions.subscription_plans,
    tier INT NOT NULL,
    amount BIGINT NOT NULL,
    months INT NOT NULL CHECK (months >= 0),
    days INT NOT NULL CHECK (days >= 0),
    status TEXT NOT NULL CHECK (status IN ('open', 'closed', 'granted', 'refunded')),
    expires_at TIMESTAMPTZ,
    granted_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CHECK (months + days > 0),
    CHECK ((kind = 'order') = (order_no IS NOT NULL)),
    CHECK (status <> 'granted' OR granted_at IS NOT NULL)
);
CREATE INDEX periods_of_subscription ON subscriptions.subscription_periods (subscription_id);

CREATE TABLE subscriptions.content_purchases (
    purchase_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id BIGINT NOT NULL,
    content_id BIGINT NOT NULL,
    creator_id BIGINT NOT NULL,
    order_no TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('active', 'refunded')),
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX rights_to_contents ON subscriptions.content_purchases (user_id, content_id, version DESC);

CREATE FUNCTION subscriptions.count_subscribers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (OLD.plan_id, OLD.status) = (NEW.plan_id, NEW.status) THEN
            RETURN NULL;
        END IF;
        UPDATE subscriptions.subscription_plans SET
            subscriber_count = subscriber_count - (OLD.status IN ('trialing', 'active', 'past_due'))::int,
            seats_taken = seats_taken - (OLD.status IN ('pending', 'trialing', 'active', 'past_due'))::int
        WHERE plan_id = OLD.plan_id;
    END IF;
    UPDATE subscriptions.subscription_plans SET
        subscriber_count = subscriber_count + (NEW.status IN ('trialing', 'active', 'past_due'))::int,
        seats_taken = seats_taken + (NEW.status IN ('pending', 'trialing', 'active', 'past_due'))::int
    WHERE plan_id = NEW.plan_id;
    RETURN NULL;
END $$;
CREATE TRIGGER count_subscribers AFTER INSERT OR UPDATE ON subscriptions.user_subscriptions
    FOR EACH ROW EXECUTE FUNCTION subscriptions.count_subscribers();

CREATE VIEW subscriptions.pub_plans AS
    SELECT plan_id, creator_id, name, tier, amount, interval, status, content_scope, content_ids
    FROM subscriptions.subscription_plans;

-- What each order bought, for earnings by plan.
CREATE VIEW subscriptions.pub_order_plans AS
    SELECT order_no, plan_id FROM subscriptions.subscription_periods WHERE order_no IS NOT NULL;

GRANT SELECT, INSERT, UPDATE ON subscriptions.subscription_plans, subscriptions.user_subscriptions,
    subscriptions.subscription_periods, subscriptions.content_purchases TO subscriptions;
GRANT USAGE ON SEQUENCE subscriptions.entitlement_version TO subscriptions;
GRANT USAGE ON SCHEMA media TO subscriptions;
GRANT SELECT ON media.pub_files TO subscriptions;
GRANT USAGE ON SCHEMA subscriptions TO content, payments, media, finance;
GRANT SELECT ON subscriptions.pub_plans TO content, payments, media, finance;
GRANT SELECT ON subscriptions.pub_order_plans TO finance;
"""

DOWN = """
REVOKE SELECT ON media.pub_files FROM subscriptions;
REVOKE USAGE ON SCHEMA media FROM subscriptions;
DROP VIEW subscriptions.pub_order_plans, subscriptions.pub_plans;
DROP TABLE subscriptions.content_purchases, subscriptions.subscription_periods, subscriptions.user_subscriptions,
    subscriptions.subscription_plans;
DROP FUNCTION subscriptions.count_subscribers();
DROP SEQUENCE subscriptions.entitlement_version;
REVOKE USAGE ON SCHEMA subscriptions FROM content, payments, media, finance;
"""


def upgrade() -> None:
    """Build them."""
    op.execute(UP)


def downgrade() -> None:
    """Take them away."""
    op.execute(DOWN)
