"""Subscription life: pauses, changes of plan."""

from alembic import op

revision = "0019"
down_revision = "0018"

# A paused subscription gives nothing, and keeps its seat for its return. It is not live: its user may have another one
# with the same creator meanwhile.
LIFE = """
ALTER TABLE subscriptions.user_subscriptions
    DROP CONSTRAINT user_subscriptions_status_check,
    ADD CONSTRAINT user_subscriptions_status_check CHECK (status IN
        ('pending', 'trialing', 'active', 'past_due', 'paused', 'cancelled', 'expired')),
    ADD COLUMN pause_at_period_end BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN resume_at TIMESTAMPTZ,
    ADD CONSTRAINT only_a_pause_is_resumed CHECK (resume_at IS NULL OR pause_at_period_end OR status = 'paused');
CREATE INDEX subscriptions_by_time ON subscriptions.user_subscriptions (created_at, subscription_id);
CREATE INDEX subscriptions_to_resume ON subscriptions.user_subscriptions (resume_at) WHERE status = 'paused';

-- A `change` is paid by an order too; it begins when it is paid, and what was left of its stretch is in its price.
ALTER TABLE subscriptions.subscription_periods
    DROP CONSTRAINT subscription_periods_kind_check,
    ADD CONSTRAINT subscription_periods_kind_check CHECK (kind IN ('order', 'trial', 'free', 'change')),
    DROP CONSTRAINT subscription_periods_check1,
    ADD CONSTRAINT orders_have_numbers CHECK ((kind IN ('order', 'change')) = (order_no IS NOT NULL));

CREATE OR REPLACE FUNCTION subscriptions.count_subscribers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (OLD.plan_id, OLD.status) = (NEW.plan_id, NEW.status) THEN
            RETURN NULL;
        END IF;
        UPDATE subscriptions.subscription_plans SET
            subscriber_count = subscriber_count - (OLD.status IN ('trialing', 'active', 'past_due'))::int,
            seats_taken = seats_taken - (OLD.status IN ('pending', 'trialing', 'active', 'past_due', 'paused'))::int
        WHERE plan_id = OLD.plan_id;
    END IF;
    UPDATE subscriptions.subscription_plans SET
        subscriber_count = subscriber_count + (NEW.status IN ('trialing', 'active', 'past_due'))::int,
        seats_taken = seats_taken + (NEW.status IN ('pending', 'trialing', 'active', 'past_due', 'paused'))::int
    WHERE plan_id = NEW.plan_id;
    RETURN NULL;
END $$;
"""

# What is paused or changed has no place in the schema before; it ends, and what paid for it stays as an order.
DOWN = """
UPDATE subscriptions.user_subscriptions SET status = 'expired' WHERE status = 'paused';
CREATE OR REPLACE FUNCTION subscriptions.count_subscribers() RETURNS trigger LANGUAGE plpgsql AS $$
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
UPDATE subscriptions.subscription_periods SET kind = 'order' WHERE kind = 'change';
ALTER TABLE subscriptions.subscription_periods
    DROP CONSTRAINT subscription_periods_kind_check, DROP CONSTRAINT orders_have_numbers,
    ADD CONSTRAINT subscription_periods_kind_check CHECK (kind IN ('order', 'trial', 'free')),
    ADD CONSTRAINT subscription_periods_check1 CHECK ((kind = 'order') = (order_no IS NOT NULL));
DROP INDEX subscriptions.subscriptions_to_resume, subscriptions.subscriptions_by_time;
ALTER TABLE subscriptions.user_subscriptions
    DROP CONSTRAINT only_a_pause_is_resumed, DROP COLUMN resume_at, DROP COLUMN pause_at_period_end, DROP CONSTRAINT user_subscriptions_status_check,
    ADD CONSTRAINT user_subscriptions_status_check CHECK (status IN
        ('pending', 'trialing', 'active', 'past_due', 'cancelled', 'expired'));
"""


def upgrade() -> None:
    """Build it."""
    op.execute(LIFE)


def downgrade() -> None:
    """Take it away."""
    op.execute(DOWN)
