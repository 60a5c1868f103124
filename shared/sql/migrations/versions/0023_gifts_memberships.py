"""Gifts, and the platform's own memberships."""

from alembic import op

revision = "0023"
down_revision = "0022"

# What the platform sells itself. A plan that is not active is not for sale; who bought it keeps it as it was then.
MEMBERSHIPS = """
CREATE TABLE subscriptions.membership_plans (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    level TEXT NOT NULL CHECK (level IN ('basic', 'premium', 'professional')),
    name TEXT NOT NULL CONSTRAINT membership_plan_name_once UNIQUE,
    duration_days INT NOT NULL CHECK (duration_days >= 1),
    amount BIGINT NOT NULL CHECK (amount >= 1),
    currency TEXT NOT NULL DEFAULT 'CNY' CHECK (currency = 'CNY'),
    usdt_amount NUMERIC(18, 8) NOT NULL CHECK (usdt_amount > 0),
    ai_daily_quota INT NOT NULL CHECK (ai_daily_quota >= 0),
    permissions JSONB NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT true,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

-- One row per order, with what was bought as it was then: open, closed, granted, refunded, and never back.
CREATE TABLE subscriptions.user_memberships (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id BIGINT NOT NULL,
    plan_id BIGINT NOT NULL REFERENCES subscriptions.membership_plans,
    level TEXT NOT NULL CHECK (level IN ('basic', 'premium', 'professional')),
    duration_days INT NOT NULL CHECK (duration_days >= 1),
    permissions JSONB NOT NULL,
    order_no TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('open', 'closed', 'granted', 'refunded')),
    granted_at TIMESTAMPTZ,
    -- From the first to the last moment it gives; a higher level may lie between.
    starts_at TIMESTAMPTZ,
    ends_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CHECK (status <> 'granted' OR granted_at IS NOT NULL)
);
CREATE INDEX memberships_of_user ON subscriptions.user_memberships (user_id, id);

-- What was last told of a person's memberships; `expires_at` is when that stops being true.
CREATE TABLE subscriptions.membership_standings (
    user_id BIGINT PRIMARY KEY,
    level TEXT NOT NULL CHECK (level IN ('free', 'basic', 'premium', 'professional')),
    expires_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CHECK ((level = 'free') = (expires_at IS NULL))
);
CREATE INDEX standings_to_change ON subscriptions.membership_standings (expires_at) WHERE expires_at IS NOT NULL;

-- payments sells memberships (PAY-010): it holds the plan, asks for the price, opens the order, then this.
CREATE FUNCTION subscriptions.hold_membership_plan(p_plan_id bigint) RETURNS TABLE (name text, is_active boolean)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT m.name, m.is_active FROM subscriptions.membership_plans m WHERE m.id = p_plan_id FOR SHARE
$$;
CREATE FUNCTION subscriptions.open_membership(p_order_no text, p_user_id bigint, p_plan_id bigint, p_at timestamptz)
RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO subscriptions.user_memberships (user_id, plan_id, level, duration_days, permissions, order_no, status,
        created_at, updated_at)
    SELECT p_user_id, m.id, m.level, m.duration_days, m.permissions, p_order_no, 'open', p_at, p_at
    FROM subscriptions.membership_plans m WHERE m.id = p_plan_id
$$;

ALTER TABLE subscriptions.merged_rights DROP CONSTRAINT merged_rights_kind_check,
    ADD CONSTRAINT merged_rights_kind_check CHECK (kind IN ('subscription', 'purchase', 'membership'));

-- Of the fact that wrote the level last: one that comes late changes nothing.
ALTER TABLE identity.users ADD COLUMN membership_version BIGINT NOT NULL DEFAULT 0;
"""

# A person is all their accounts: what one of them used of a coupon or a campaign, the others have used.
PERSONS = """
CREATE OR REPLACE FUNCTION subscriptions.persons_of(p_user_id bigint) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_agg(m.mark) FROM (
        SELECT encode(sha256(convert_to('user:' || a.uid, 'UTF8')), 'hex') AS mark
        FROM unnest(identity.all_of_person(p_user_id)) AS a(uid)
        UNION SELECT k.mark FROM identity.pub_person_marks k WHERE k.uid = ANY (identity.all_of_person(p_user_id))) m
$$;
"""

# The code itself is sealed under a key of KMS, and found by its hash.
GIFTS = """
CREATE TABLE subscriptions.gifts (
    gift_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    buyer_id BIGINT NOT NULL,
    creator_id BIGINT NOT NULL CHECK (creator_id <> buyer_id),
    plan_id BIGINT NOT NULL REFERENCES subscriptions.subscription_plans,
    -- As bought: the plan may be another one, or off sale, when it is redeemed.
    tier INT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    periods INT NOT NULL CHECK (periods >= 1),
    months INT NOT NULL CHECK (months >= 1),
    message TEXT,
    order_no TEXT NOT NULL UNIQUE,
    code_hash TEXT NOT NULL CONSTRAINT gift_code_once UNIQUE CHECK (code_hash ~ '^[0-9a-f]{64}$'),
    code_sealed TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'closed', 'paid', 'redeemed', 'refunded')),
    paid_at TIMESTAMPTZ,
    recipient_id BIGINT CHECK (recipient_id <> creator_id),
    redeemed_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CHECK ((recipient_id IS NULL) = (redeemed_at IS NULL)),
    CHECK (status <> 'redeemed' OR redeemed_at IS NOT NULL),
    CHECK (status NOT IN ('pending', 'closed') OR paid_at IS NULL)
);
CREATE INDEX gifts_of_buyer ON subscriptions.gifts (buyer_id, created_at, gift_id);
CREATE INDEX gifts_to_recipient ON subscriptions.gifts (recipient_id) WHERE recipient_id IS NOT NULL;

ALTER TABLE subscriptions.subscription_periods
    DROP CONSTRAINT subscription_periods_kind_check,
    ADD CONSTRAINT subscription_periods_kind_check CHECK (kind IN ('order', 'trial', 'free', 'change', 'renewal', 'gift')),
    ADD COLUMN gift_id BIGINT CONSTRAINT gift_given_once UNIQUE REFERENCES subscriptions.gifts,
    ADD CONSTRAINT gifts_have_numbers CHECK ((kind = 'gift') = (gift_id IS NOT NULL));

CREATE OR REPLACE VIEW subscriptions.pub_order_plans AS
    SELECT order_no, plan_id FROM subscriptions.subscription_periods WHERE order_no IS NOT NULL
    UNION ALL SELECT order_no, plan_id FROM subscriptions.gifts;

ALTER TABLE payments.payment_orders DROP CONSTRAINT payment_orders_kind_check,
    ADD CONSTRAINT payment_orders_kind_check CHECK (kind IN
        ('subscription', 'renewal', 'change_plan', 'content', 'membership', 'gift'));
"""

GRANTS = """
REVOKE ALL ON FUNCTION subscriptions.hold_membership_plan(bigint),
    subscriptions.open_membership(text, bigint, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION subscriptions.hold_membership_plan(bigint),
    subscriptions.open_membership(text, bigint, bigint, timestamptz) TO payments;
GRANT SELECT, INSERT, UPDATE ON subscriptions.membership_plans, subscriptions.membership_standings, subscriptions.gifts
    TO subscriptions;
GRANT SELECT, UPDATE ON subscriptions.user_memberships TO subscriptions;
GRANT EXECUTE ON FUNCTION identity.all_of_person(bigint) TO subscriptions;
"""

# What came by a gift has no place in the schema before; it stays as time given for free, and its order as one for it.
DOWN = """
REVOKE EXECUTE ON FUNCTION identity.all_of_person(bigint) FROM subscriptions;
ALTER TABLE payments.payment_orders DROP CONSTRAINT payment_orders_kind_check;
UPDATE payments.payment_orders SET kind = 'subscription' WHERE kind = 'gift';
ALTER TABLE payments.payment_orders ADD CONSTRAINT payment_orders_kind_check CHECK (kind IN
    ('subscription', 'renewal', 'change_plan', 'content', 'membership'));
CREATE OR REPLACE VIEW subscriptions.pub_order_plans AS
    SELECT order_no, plan_id FROM subscriptions.subscription_periods WHERE order_no IS NOT NULL;
ALTER TABLE subscriptions.subscription_periods DROP CONSTRAINT gifts_have_numbers, DROP COLUMN gift_id,
    DROP CONSTRAINT subscription_periods_kind_check;
UPDATE subscriptions.subscription_periods SET kind = 'free' WHERE kind = 'gift';
ALTER TABLE subscriptions.subscription_periods ADD CONSTRAINT subscription_periods_kind_check
    CHECK (kind IN ('order', 'trial', 'free', 'change', 'renewal'));
DROP TABLE subscriptions.gifts;

CREATE OR REPLACE FUNCTION subscriptions.persons_of(p_user_id bigint) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_agg(m.mark) FROM (
        SELECT encode(sha256(convert_to('user:' || p_user_id, 'UTF8')), 'hex') AS mark
        UNION SELECT k.mark FROM identity.pub_person_marks k WHERE k.uid = p_user_id) m
$$;

ALTER TABLE identity.users DROP COLUMN membership_version;
ALTER TABLE subscriptions.merged_rights DISABLE TRIGGER append_only;
DELETE FROM subscriptions.merged_rights WHERE kind = 'membership';
ALTER TABLE subscriptions.merged_rights ENABLE TRIGGER append_only;
ALTER TABLE subscriptions.merged_rights DROP CONSTRAINT merged_rights_kind_check,
    ADD CONSTRAINT merged_rights_kind_check CHECK (kind IN ('subscription', 'purchase'));
DROP FUNCTION subscriptions.open_membership(text, bigint, bigint, timestamptz), subscriptions.hold_membership_plan(bigint);
DROP TABLE subscriptions.membership_standings, subscriptions.user_memberships, subscriptions.membership_plans;
"""


def upgrade() -> None:
    """Build them."""
    for part in (MEMBERSHIPS, PERSONS, GIFTS, GRANTS):
        op.execute(part)


def downgrade() -> None:
    """Take them away."""
    op.execute(DOWN)
