"""Pricing rules, promotions and coupons; the functions by which everything that sells asks for a price and holds it."""

from alembic import op

revision = "0021"
down_revision = "0020"

# Who is one person, as far as caps go: the account, its devices, the provider accounts it pays or signs in with, and the
# verified identity. Marks leave `identity` hashed, so that a redemption names nobody.
MARKS = """
CREATE VIEW identity.pub_person_marks AS
    SELECT d.uid, encode(sha256(convert_to('device:' || d.device_id, 'UTF8')), 'hex') AS mark
    FROM identity.user_devices d
    UNION ALL
    SELECT o.uid, encode(sha256(convert_to('payer:' || o.provider || ':' || s.subject, 'UTF8')), 'hex')
    FROM identity.user_oauth o CROSS JOIN LATERAL (VALUES (o.provider_user_id), (o.union_id)) AS s(subject)
    WHERE s.subject IS NOT NULL
    UNION ALL
    SELECT v.uid, encode(sha256(convert_to('name:' || v.id_number_hash, 'UTF8')), 'hex')
    FROM identity.user_verifications v WHERE v.kind = 'identity' AND v.status = 'approved';
"""

TABLES = """
CREATE TABLE subscriptions.pricing_rules (
    rule_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id BIGINT NOT NULL,
    target_type TEXT NOT NULL CHECK (target_type IN ('plan', 'content')),
    target_id BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('time_window', 'demand', 'early_bird', 'bulk')),
    config JSONB NOT NULL,
    priority INT NOT NULL,
    starts_at TIMESTAMPTZ,
    ends_at TIMESTAMPTZ,
    is_active BOOLEAN NOT NULL DEFAULT true,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CHECK (ends_at > starts_at)
);
CREATE INDEX rules_of_target ON subscriptions.pricing_rules (target_type, target_id) WHERE is_active;
CREATE INDEX rules_of_owner ON subscriptions.pricing_rules (owner_id, created_at, rule_id);

-- `used_budget` and `sold` count what pending and paid orders hold; an order that ends unpaid gives it back.
CREATE TABLE subscriptions.promotions (
    promotion_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('percent', 'amount', 'flash_sale', 'free_trial', 'coupon_batch')),
    value BIGINT NOT NULL CHECK (value >= 0),
    targets JSONB NOT NULL,
    starts_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    budget BIGINT CHECK (budget >= 0),
    used_budget BIGINT NOT NULL DEFAULT 0,
    stock INT CHECK (stock >= 0),
    sold INT NOT NULL DEFAULT 0,
    per_user_limit INT CHECK (per_user_limit >= 1),
    stackable BOOLEAN NOT NULL,
    -- As an operator left it: draft, paused and ended hold; `scheduled` runs by its times, see `promotion_status`.
    status TEXT NOT NULL CHECK (status IN ('draft', 'scheduled', 'paused', 'ended')),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CHECK (ends_at > starts_at),
    CONSTRAINT promotion_within_budget CHECK (used_budget >= 0 AND used_budget <= budget),
    CONSTRAINT promotion_within_stock CHECK (sold >= 0 AND sold <= stock)
);
CREATE INDEX promotions_by_time ON subscriptions.promotions (created_at, promotion_id);
CREATE INDEX promotions_running ON subscriptions.promotions (ends_at) WHERE status = 'scheduled';

-- A batch is one row: `code` is the prefix of its codes, whose serial is proven by a MAC under the row's own key.
CREATE TABLE subscriptions.coupons (
    coupon_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code TEXT NOT NULL,
    owner_id BIGINT,
    promotion_id BIGINT REFERENCES subscriptions.promotions,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('percent', 'amount', 'free_days')),
    value BIGINT NOT NULL CHECK (value >= 1),
    min_amount BIGINT NOT NULL CHECK (min_amount >= 0),
    max_discount BIGINT CHECK (max_discount >= 0),
    target_type TEXT NOT NULL CHECK (target_type IN ('plan', 'content', 'all')),
    target_ids BIGINT[] NOT NULL,
    total_quantity INT NOT NULL CHECK (total_quantity >= 0),
    used INT NOT NULL DEFAULT 0,
    per_user_limit INT NOT NULL CHECK (per_user_limit >= 1),
    starts_at TIMESTAMPTZ NOT NULL,
    ends_at TIMESTAMPTZ NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
    mac_key BYTEA CHECK (octet_length(mac_key) = 32),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CHECK (ends_at > starts_at),
    CHECK ((mac_key IS NULL) = (promotion_id IS NULL) AND (owner_id IS NULL) = (promotion_id IS NOT NULL)),
    CONSTRAINT coupon_within_quantity CHECK (used >= 0 AND used <= total_quantity)
);
CREATE UNIQUE INDEX coupon_code_once ON subscriptions.coupons (upper(code));
CREATE UNIQUE INDEX one_batch_per_promotion ON subscriptions.coupons (promotion_id) WHERE promotion_id IS NOT NULL;
CREATE INDEX coupons_of_owner ON subscriptions.coupons (owner_id, created_at, coupon_id);
CREATE INDEX coupons_by_time ON subscriptions.coupons (created_at, coupon_id);

CREATE TABLE subscriptions.coupon_redemptions (
    redemption_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    coupon_id BIGINT NOT NULL REFERENCES subscriptions.coupons,
    serial INT,
    user_id BIGINT NOT NULL,
    -- Hashes of everything that tells this person from another (identity.pub_person_marks), and of the account.
    persons TEXT[] NOT NULL,
    order_no TEXT NOT NULL CONSTRAINT one_coupon_per_order UNIQUE,
    discount BIGINT NOT NULL CHECK (discount >= 0),
    status TEXT NOT NULL CHECK (status IN ('reserved', 'used', 'released')),
    refunded BOOLEAN NOT NULL DEFAULT false,
    expires_at TIMESTAMPTZ NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX serial_once ON subscriptions.coupon_redemptions (coupon_id, serial)
    WHERE serial IS NOT NULL AND status <> 'released';
CREATE INDEX redemptions_of_persons ON subscriptions.coupon_redemptions USING gin (persons);
CREATE INDEX redemptions_of_user ON subscriptions.coupon_redemptions (user_id, redemption_id);
CREATE INDEX redemptions_of_coupon ON subscriptions.coupon_redemptions (coupon_id) WHERE status = 'used';
CREATE INDEX redemptions_to_expire ON subscriptions.coupon_redemptions (expires_at) WHERE status = 'reserved';

CREATE TABLE subscriptions.promotion_redemptions (
    promotion_id BIGINT NOT NULL REFERENCES subscriptions.promotions,
    order_no TEXT NOT NULL,
    user_id BIGINT NOT NULL,
    persons TEXT[] NOT NULL,
    discount BIGINT NOT NULL CHECK (discount >= 0),
    pieces INT NOT NULL CHECK (pieces >= 0),
    status TEXT NOT NULL CHECK (status IN ('reserved', 'used', 'released')),
    refunded BOOLEAN NOT NULL DEFAULT false,
    expires_at TIMESTAMPTZ NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (promotion_id, order_no)
);
CREATE INDEX promotions_of_order ON subscriptions.promotion_redemptions (order_no);
CREATE INDEX promotions_of_persons ON subscriptions.promotion_redemptions USING gin (persons);
CREATE INDEX promotions_of_user ON subscriptions.promotion_redemptions (user_id);
CREATE INDEX promotions_to_expire ON subscriptions.promotion_redemptions (expires_at) WHERE status = 'reserved';

CREATE INDEX periods_sold ON subscriptions.subscription_periods (plan_id) WHERE kind = 'order' AND status = 'granted';
CREATE INDEX purchases_sold ON subscriptions.content_purchases (content_id) WHERE status = 'active';
"""

CODES = """
CREATE FUNCTION subscriptions.base32(p_bits bigint, p_letters int) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', ((p_bits >> (5 * (p_letters - n))) & 31)::int + 1, 1), '' ORDER BY n)
    FROM generate_series(1, p_letters) AS n
$$;

-- HMAC-SHA-256 (RFC 2104) by PostgreSQL's own SHA-256, cut to 40 bits; shared/coupon_codes.py makes the same.
CREATE FUNCTION subscriptions.code_mac(p_key bytea, p_text text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_inner bytea := decode(repeat('36', 64), 'hex');
    v_outer bytea := decode(repeat('5c', 64), 'hex');
    v_mac bytea;
    v_bits bigint := 0;
BEGIN
    FOR i IN 0 .. octet_length(p_key) - 1 LOOP
        v_inner := set_byte(v_inner, i, get_byte(p_key, i) # 54);
        v_outer := set_byte(v_outer, i, get_byte(p_key, i) # 92);
    END LOOP;
    v_mac := sha256(v_outer || sha256(v_inner || convert_to(p_text, 'UTF8')));
    FOR i IN 0 .. 4 LOOP
        v_bits := v_bits * 256 + get_byte(v_mac, i);
    END LOOP;
    RETURN subscriptions.base32(v_bits, 8);
END $$;

-- The coupon a code names: of a batch when its MAC says so, else the one that bears it. Case, blanks and hyphens do not
-- count; letters that look like others are read as those.
CREATE FUNCTION subscriptions.find_code(p_code text, OUT coupon_id bigint, OUT serial int)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_plain text := translate(upper(p_code), 'OIL- ', '011');
    v_batch record;
BEGIN
    IF v_plain ~ '^[0-9A-HJKMNP-TV-Z]{16}$' THEN
        SELECT c.coupon_id, c.mac_key, c.code INTO v_batch FROM subscriptions.coupons c
        WHERE upper(c.code) = left(v_plain, 4) AND c.mac_key IS NOT NULL;
        IF FOUND AND subscriptions.code_mac(v_batch.mac_key, left(v_plain, 8)) = right(v_plain, 8) THEN
            coupon_id := v_batch.coupon_id;
            SELECT sum((strpos('0123456789ABCDEFGHJKMNPQRSTVWXYZ', substr(v_plain, 4 + n, 1)) - 1) << (5 * (4 - n)))
            INTO serial FROM generate_series(1, 4) AS n;
            RETURN;
        END IF;
    END IF;
    SELECT c.coupon_id INTO coupon_id FROM subscriptions.coupons c
    WHERE upper(c.code) = upper(p_code) AND c.mac_key IS NULL;
END $$;
"""

TERMS = """
CREATE FUNCTION subscriptions.promotion_status(p subscriptions.promotions, p_at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN p.status IN ('draft', 'ended') THEN p.status
        WHEN p_at >= p.ends_at OR p.used_budget >= p.budget OR p.sold >= p.stock THEN 'ended'
        WHEN p.status = 'paused' THEN 'paused'
        WHEN p_at < p.starts_at THEN 'scheduled'
        ELSE 'active' END
$$;

CREATE FUNCTION subscriptions.covers(p_targets jsonb, p_kind text, p_target_id bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((p_targets ->> 'all')::boolean, false)
        OR coalesce(p_targets -> (CASE p_kind WHEN 'membership' THEN 'membership_plan' ELSE p_kind END || '_ids')
                    @> to_jsonb(p_target_id), false)
$$;

CREATE FUNCTION subscriptions.persons_of(p_user_id bigint) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_agg(m.mark) FROM (
        SELECT encode(sha256(convert_to('user:' || p_user_id, 'UTF8')), 'hex') AS mark
        UNION SELECT k.mark FROM identity.pub_person_marks k WHERE k.uid = p_user_id) m
$$;

-- What is on offer: its seller and its list price; no row when it is not sold.
CREATE FUNCTION subscriptions.offer(p_kind text, p_target_id bigint, OUT seller_id bigint, OUT amount bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF p_kind = 'plan' THEN
        SELECT p.creator_id, p.amount INTO seller_id, amount FROM subscriptions.subscription_plans p
        WHERE p.plan_id = p_target_id AND p.status = 'active';
    ELSIF p_kind = 'content' THEN
        SELECT o.author_id, o.price INTO seller_id, amount FROM content.pub_contents o
        WHERE o.content_id = p_target_id AND o.status = 'published' AND o.access_level = 'paid' AND o.price IS NOT NULL;
    ELSIF p_kind = 'membership' AND to_regclass('subscriptions.membership_plans') IS NOT NULL THEN
        SELECT 0, m.amount INTO seller_id, amount FROM subscriptions.membership_plans m
        WHERE m.id = p_target_id AND m.is_active;
    END IF;
    -- Who has left sells nothing.
    IF EXISTS (SELECT FROM identity.pub_profiles c
               WHERE c.uid = seller_id AND c.status IN ('inactive', 'pending_deletion', 'deleted')) THEN
        amount := NULL;
    END IF;
END $$;

-- Everything a price is computed from, in one round trip; NULL when the target is not for sale.
CREATE FUNCTION subscriptions.price_terms(p_kind text, p_target_id bigint, p_user_id bigint, p_code text, p_at timestamptz)
RETURNS jsonb LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_offer record;
    v_persons text[] := coalesce(subscriptions.persons_of(p_user_id), '{}');
    v_sold bigint := 0;
    v_code record;
    v_rules jsonb;
    v_promotions jsonb;
    v_trial jsonb;
    v_coupon jsonb;
BEGIN
    SELECT * INTO v_offer FROM subscriptions.offer(p_kind, p_target_id);
    IF v_offer.amount IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT coalesce(jsonb_agg(jsonb_build_object('rule_id', r.rule_id, 'kind', r.kind, 'config', r.config, 'priority', r.priority,
        'starts_at', r.starts_at, 'ends_at', r.ends_at) ORDER BY r.rule_id), '[]')
    INTO v_rules FROM subscriptions.pricing_rules r
    WHERE r.target_type = p_kind AND r.target_id = p_target_id AND r.is_active AND r.owner_id = v_offer.seller_id
        AND (r.ends_at IS NULL OR r.ends_at > p_at);
    IF v_rules @? '$[*] ? (@.kind == "demand" || @.kind == "early_bird")' THEN
        SELECT count(*) INTO v_sold FROM subscriptions.subscription_periods d
        WHERE p_kind = 'plan' AND d.plan_id = p_target_id AND d.kind = 'order' AND d.status = 'granted';
        SELECT v_sold + count(*) INTO v_sold FROM subscriptions.content_purchases c
        WHERE p_kind = 'content' AND c.content_id = p_target_id AND c.status = 'active';
    END IF;
    SELECT coalesce(jsonb_agg(jsonb_build_object('promotion_id', p.promotion_id, 'kind', p.kind, 'value', p.value,
               'stackable', p.stackable, 'budget_left', p.budget - p.used_budget, 'stock_left', p.stock - p.sold,
               'starts_at', p.starts_at, 'ends_at', p.ends_at) ORDER BY p.promotion_id)
               FILTER (WHERE p.kind <> 'free_trial'), '[]'),
           (array_agg(jsonb_build_object('promotion_id', p.promotion_id, 'days', p.value)
               ORDER BY p.value DESC, p.promotion_id) FILTER (WHERE p.kind = 'free_trial'))[1]
    INTO v_promotions, v_trial FROM subscriptions.promotions p
    WHERE p.status = 'scheduled' AND p.ends_at > p_at AND p.kind <> 'coupon_batch'
        AND subscriptions.promotion_status(p, p_at) = 'active' AND subscriptions.covers(p.targets, p_kind, p_target_id)
        AND (p.per_user_limit IS NULL OR p_user_id IS NULL OR p.per_user_limit > (
            SELECT count(*) FROM subscriptions.promotion_redemptions d
            WHERE d.promotion_id = p.promotion_id AND d.status <> 'released' AND d.persons && v_persons));
    IF p_code IS NOT NULL THEN
        SELECT * INTO v_code FROM subscriptions.find_code(p_code);
        SELECT jsonb_build_object('coupon_id', c.coupon_id, 'code', CASE WHEN c.mac_key IS NULL THEN c.code ELSE p_code END,
            'serial', v_code.serial, 'owner_id', c.owner_id,
            'name', c.name, 'kind', c.kind, 'value', c.value, 'used', c.used, 'total_quantity', c.total_quantity,
            'min_amount', c.min_amount, 'max_discount', c.max_discount, 'target_type', c.target_type,
            'target_ids', c.target_ids, 'per_user_limit', c.per_user_limit, 'starts_at', c.starts_at, 'ends_at', c.ends_at,
            'budget_left', p.budget - p.used_budget,
            'status', CASE WHEN c.status = 'active' AND p_at >= c.ends_at THEN 'expired' ELSE c.status END,
            'refused', CASE
                WHEN c.promotion_id IS NULL AND (c.owner_id <> v_offer.seller_id OR c.target_type NOT IN ('all', p_kind)
                    OR NOT (c.target_ids = '{}' OR p_target_id = ANY (c.target_ids))) THEN 'coupon_not_applicable'
                WHEN c.promotion_id IS NOT NULL AND NOT subscriptions.covers(p.targets, p_kind, p_target_id)
                    THEN 'coupon_not_applicable'
                WHEN c.status <> 'active' OR p_at >= c.ends_at THEN 'coupon_expired'
                WHEN c.promotion_id IS NOT NULL AND subscriptions.promotion_status(p, p_at) = 'ended' THEN 'coupon_expired'
                WHEN p_at < c.starts_at THEN 'coupon_not_applicable'
                WHEN c.promotion_id IS NOT NULL AND subscriptions.promotion_status(p, p_at) <> 'active'
                    THEN 'coupon_not_applicable'
                WHEN c.used >= c.total_quantity THEN 'coupon_exhausted'
                WHEN v_code.serial >= c.total_quantity THEN 'coupon_not_applicable'
                WHEN v_code.serial IS NOT NULL AND EXISTS (SELECT FROM subscriptions.coupon_redemptions d
                    WHERE d.coupon_id = c.coupon_id AND d.serial = v_code.serial AND d.status <> 'released')
                    THEN 'coupon_exhausted'
                WHEN p_user_id IS NOT NULL AND c.per_user_limit <= (SELECT count(*) FROM subscriptions.coupon_redemptions d
                    WHERE d.coupon_id = c.coupon_id AND d.status <> 'released' AND d.persons && v_persons)
                    THEN 'coupon_limit_reached' END)
        INTO v_coupon
        FROM subscriptions.coupons c LEFT JOIN subscriptions.promotions p USING (promotion_id)
        WHERE c.coupon_id = v_code.coupon_id;
    END IF;
    RETURN jsonb_build_object('seller_id', v_offer.seller_id, 'list_amount', v_offer.amount, 'sold', v_sold,
        'rules', v_rules, 'promotions', v_promotions, 'trial', v_trial, 'coupon', v_coupon);
END $$;

-- The same, while nobody else may take of what is capped: promotions by id, then the coupon. The terms are read after
-- the locks are held, so what they say is left is left until the transaction ends.
CREATE FUNCTION subscriptions.hold_terms(p_kind text, p_target_id bigint, p_user_id bigint, p_code text, p_at timestamptz)
RETURNS jsonb LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_coupon_id bigint := CASE WHEN p_code IS NOT NULL THEN (subscriptions.find_code(p_code)).coupon_id END;
BEGIN
    PERFORM 1 FROM subscriptions.promotions p
    WHERE (p.status = 'scheduled' AND p.ends_at > p_at AND p.starts_at <= p_at AND p.kind <> 'coupon_batch'
            AND subscriptions.covers(p.targets, p_kind, p_target_id))
        OR p.promotion_id = (SELECT c.promotion_id FROM subscriptions.coupons c WHERE c.coupon_id = v_coupon_id)
    ORDER BY p.promotion_id FOR UPDATE;
    PERFORM 1 FROM subscriptions.coupons c WHERE c.coupon_id = v_coupon_id FOR UPDATE;
    RETURN subscriptions.price_terms(p_kind, p_target_id, p_user_id, p_code, p_at);
END $$;

-- Take what an order's price lines name, in the transaction that opens the order; the CHECKs are the last wall.
CREATE FUNCTION subscriptions.reserve_discounts(p_order_no text, p_user_id bigint, p_lines jsonb, p_serial int,
    p_expires_at timestamptz, p_at timestamptz)
RETURNS bigint LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_persons text[] := subscriptions.persons_of(p_user_id);
    v_redemption bigint;
BEGIN
    WITH given AS (
        SELECT (l ->> 'id')::bigint AS id, -(l ->> 'amount')::bigint AS discount
        FROM jsonb_array_elements(p_lines) AS l WHERE l ->> 'source' = 'promotion'
    ), taken AS (
        UPDATE subscriptions.promotions p SET used_budget = p.used_budget + g.discount,
            sold = p.sold + (p.kind = 'flash_sale')::int, updated_at = p_at
        FROM given g WHERE p.promotion_id = g.id RETURNING p.promotion_id, g.discount, (p.kind = 'flash_sale')::int AS pieces
    )
    INSERT INTO subscriptions.promotion_redemptions (promotion_id, order_no, user_id, persons, discount, pieces, status,
        expires_at, at, updated_at)
    SELECT t.promotion_id, p_order_no, p_user_id, v_persons, t.discount, t.pieces, 'reserved', p_expires_at, p_at, p_at
    FROM taken t;
    WITH given AS (
        SELECT (l ->> 'id')::bigint AS id, -(l ->> 'amount')::bigint AS discount
        FROM jsonb_array_elements(p_lines) AS l WHERE l ->> 'source' = 'coupon'
    ), taken AS (
        UPDATE subscriptions.coupons c SET used = c.used + 1, updated_at = p_at
        FROM given g WHERE c.coupon_id = g.id RETURNING c.coupon_id, c.promotion_id, g.discount
    ), spent AS (
        UPDATE subscriptions.promotions p SET used_budget = p.used_budget + t.discount, updated_at = p_at
        FROM taken t WHERE p.promotion_id = t.promotion_id
    )
    INSERT INTO subscriptions.coupon_redemptions (coupon_id, serial, user_id, persons, order_no, discount, status, expires_at,
        at, updated_at)
    SELECT t.coupon_id, p_serial, p_user_id, v_persons, p_order_no, t.discount, 'reserved', p_expires_at, p_at, p_at
    FROM taken t RETURNING redemption_id INTO v_redemption;
    RETURN v_redemption;
END $$;

-- What became of an order's discounts, by what happened to it: `paid`, `closed` (it ended unpaid) or `refunded` (in full).
-- Facts come twice and in any order: the same again changes nothing, a refund is the last word, and a close that comes after
-- the payment says nothing. A payment that comes after the close takes the places again if they are still free; if not, the
-- buyer keeps the price and the row stays `released`: money that came in is never refused (docs/pricing.md).
CREATE FUNCTION subscriptions.settle_discounts(p_order_no text, p_event text, p_at timestamptz)
RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_status text := CASE p_event WHEN 'paid' THEN 'used' ELSE 'released' END;
BEGIN
    PERFORM 1 FROM subscriptions.promotions p WHERE p.promotion_id IN (
        SELECT d.promotion_id FROM subscriptions.promotion_redemptions d WHERE d.order_no = p_order_no
        UNION SELECT c.promotion_id FROM subscriptions.coupon_redemptions d JOIN subscriptions.coupons c USING (coupon_id)
        WHERE d.order_no = p_order_no) ORDER BY p.promotion_id FOR UPDATE;
    PERFORM 1 FROM subscriptions.coupons c WHERE c.coupon_id = (
        SELECT d.coupon_id FROM subscriptions.coupon_redemptions d WHERE d.order_no = p_order_no) FOR UPDATE;

    WITH changed AS (
        UPDATE subscriptions.promotion_redemptions d SET status = v_status, refunded = p_event = 'refunded', updated_at = p_at
        FROM subscriptions.promotion_redemptions was JOIN subscriptions.promotions p USING (promotion_id)
        WHERE d.order_no = p_order_no AND was.order_no = d.order_no AND was.promotion_id = d.promotion_id
            AND NOT was.refunded AND (d.status <> v_status OR p_event = 'refunded')
            AND (p_event <> 'closed' OR was.status = 'reserved')
            AND (p_event <> 'paid' OR was.status = 'reserved'
                OR ((p.budget IS NULL OR p.used_budget + was.discount <= p.budget)
                    AND (p.stock IS NULL OR p.sold + was.pieces <= p.stock)))
        RETURNING d.promotion_id, d.discount, d.pieces, (v_status = 'released')::int - (was.status = 'released')::int AS back
    )
    UPDATE subscriptions.promotions p SET used_budget = p.used_budget - c.back * c.discount, sold = p.sold - c.back * c.pieces,
        updated_at = p_at
    FROM changed c WHERE p.promotion_id = c.promotion_id AND c.back <> 0;

    WITH changed AS (
        UPDATE subscriptions.coupon_redemptions d SET status = v_status, refunded = p_event = 'refunded', updated_at = p_at
        FROM subscriptions.coupon_redemptions was JOIN subscriptions.coupons c USING (coupon_id)
        LEFT JOIN subscriptions.promotions p USING (promotion_id)
        WHERE d.order_no = p_order_no AND was.redemption_id = d.redemption_id
            AND NOT was.refunded AND (d.status <> v_status OR p_event = 'refunded')
            AND (p_event <> 'closed' OR was.status = 'reserved')
            AND (p_event <> 'paid' OR was.status = 'reserved' OR (c.used < c.total_quantity
                AND (p.budget IS NULL OR p.used_budget + was.discount <= p.budget)
                AND (was.serial IS NULL OR NOT EXISTS (SELECT FROM subscriptions.coupon_redemptions o
                    WHERE o.coupon_id = was.coupon_id AND o.serial = was.serial AND o.status <> 'released'))))
        RETURNING d.coupon_id, d.discount, (v_status = 'released')::int - (was.status = 'released')::int AS back
    ), freed AS (
        UPDATE subscriptions.coupons c SET used = c.used - x.back, updated_at = p_at
        FROM changed x WHERE c.coupon_id = x.coupon_id AND x.back <> 0
        RETURNING c.promotion_id, x.back * x.discount AS discount
    )
    UPDATE subscriptions.promotions p SET used_budget = p.used_budget - f.discount, updated_at = p_at
    FROM freed f WHERE p.promotion_id = f.promotion_id;
END $$;
"""

# A coupon laid on an order that waits for its payment. Once anybody began to pay it its price stands: an attempt that is
# with a vendor could otherwise still be paid at the old one. `attempts.start` holds the same row, so one of the two is first.
REPRICE = """
-- An order as it stands, held against everything that could begin to pay it meanwhile.
CREATE FUNCTION commerce.hold_order(p_order_no text, p_user_id bigint) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- Two statements: the second one sees what whoever held the order before us has committed.
    PERFORM 1 FROM payments.payment_orders o WHERE o.order_no = p_order_no AND o.user_id = p_user_id FOR UPDATE;
    RETURN (SELECT to_jsonb(o) || jsonb_build_object('begun', EXISTS (
                SELECT FROM payments.payment_transactions t WHERE t.order_no = o.order_no))
            FROM payments.payment_orders o WHERE o.order_no = p_order_no AND o.user_id = p_user_id);
END $$;

CREATE FUNCTION commerce.reprice_order(p_order_no text, p_user_id bigint, p_discount bigint, p_price_lines jsonb,
    p_coupon_id bigint, p_at timestamptz)
RETURNS boolean LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v_covered boolean;
BEGIN
    PERFORM commerce.hold_order(p_order_no, p_user_id);
    UPDATE payments.payment_orders o SET discount_amount = p_discount, payable_amount = o.amount - p_discount,
        price_lines = p_price_lines, coupon_id = p_coupon_id, updated_at = p_at,
        status = CASE WHEN o.amount = p_discount THEN 'paid' ELSE o.status END,
        paid_at = CASE WHEN o.amount = p_discount THEN p_at ELSE o.paid_at END
    WHERE o.order_no = p_order_no AND o.user_id = p_user_id AND o.status = 'pending' AND o.expires_at > p_at
        AND NOT EXISTS (SELECT FROM payments.payment_transactions t WHERE t.order_no = o.order_no)
    RETURNING o.amount = p_discount INTO v_covered;
    IF v_covered IS NULL THEN
        RETURN false;
    END IF;
    UPDATE commerce.payables b SET amount = o.payable_amount, updated_at = p_at,
        status = CASE WHEN v_covered THEN 'paid' ELSE b.status END
    FROM payments.payment_orders o WHERE o.order_no = p_order_no AND b.order_no = p_order_no;
    RETURN true;
END $$;

CREATE INDEX orders_covered ON payments.payment_orders (paid_at)
    WHERE status = 'paid' AND payable_amount = 0 AND payment_no IS NULL;
"""

FINANCE = """
ALTER TABLE finance.creator_earnings
    ADD COLUMN platform_discount BIGINT NOT NULL DEFAULT 0 CHECK (platform_discount BETWEEN 0 AND gross),
    ADD COLUMN reversed_discount BIGINT NOT NULL DEFAULT 0 CHECK (reversed_discount BETWEEN 0 AND platform_discount);
-- Part of `amount` that went back to the platform and not to the buyer; known once the refund is booked.
ALTER TABLE finance.earning_reversals ADD COLUMN platform_discount BIGINT NOT NULL DEFAULT 0
    CHECK (platform_discount BETWEEN 0 AND amount);
"""

GRANTS = """
REVOKE ALL ON FUNCTION subscriptions.find_code(text), subscriptions.persons_of(bigint), subscriptions.offer(text, bigint),
    subscriptions.price_terms(text, bigint, bigint, text, timestamptz),
    subscriptions.hold_terms(text, bigint, bigint, text, timestamptz),
    subscriptions.reserve_discounts(text, bigint, jsonb, int, timestamptz, timestamptz),
    subscriptions.settle_discounts(text, text, timestamptz),
    commerce.reprice_order(text, bigint, bigint, jsonb, bigint, timestamptz), commerce.hold_order(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION subscriptions.price_terms(text, bigint, bigint, text, timestamptz),
    subscriptions.hold_terms(text, bigint, bigint, text, timestamptz),
    subscriptions.reserve_discounts(text, bigint, jsonb, int, timestamptz, timestamptz) TO subscriptions, payments;
GRANT EXECUTE ON FUNCTION subscriptions.find_code(text), subscriptions.persons_of(bigint), subscriptions.offer(text, bigint),
    subscriptions.settle_discounts(text, text, timestamptz),
    commerce.reprice_order(text, bigint, bigint, jsonb, bigint, timestamptz), commerce.hold_order(text, bigint)
    TO subscriptions;
GRANT SELECT, INSERT, UPDATE, DELETE ON subscriptions.pricing_rules, subscriptions.promotions, subscriptions.coupons
    TO subscriptions;
GRANT SELECT, UPDATE (persons) ON subscriptions.coupon_redemptions, subscriptions.promotion_redemptions TO subscriptions;
"""

DOWN = """
ALTER TABLE finance.earning_reversals DROP COLUMN platform_discount;
ALTER TABLE finance.creator_earnings DROP COLUMN platform_discount, DROP COLUMN reversed_discount;
DROP INDEX payments.orders_covered;
DROP FUNCTION commerce.reprice_order(text, bigint, bigint, jsonb, bigint, timestamptz), commerce.hold_order(text, bigint),
    subscriptions.settle_discounts(text, text, timestamptz),
    subscriptions.reserve_discounts(text, bigint, jsonb, int, timestamptz, timestamptz),
    subscriptions.hold_terms(text, bigint, bigint, text, timestamptz),
    subscriptions.price_terms(text, bigint, bigint, text, timestamptz), subscriptions.offer(text, bigint),
    subscriptions.persons_of(bigint), subscriptions.covers(jsonb, text, bigint),
    subscriptions.promotion_status(subscriptions.promotions, timestamptz), subscriptions.find_code(text),
    subscriptions.code_mac(bytea, text), subscriptions.base32(bigint, int);
DROP INDEX subscriptions.periods_sold, subscriptions.purchases_sold;
DROP TABLE subscriptions.promotion_redemptions, subscriptions.coupon_redemptions, subscriptions.coupons,
    subscriptions.promotions, subscriptions.pricing_rules;
DROP VIEW identity.pub_person_marks;
"""


def upgrade() -> None:
    """Build them."""
    for part in (MARKS, TABLES, CODES, TERMS, REPRICE, FINANCE, GRANTS):
        op.execute(part)


def downgrade() -> None:
    """Take them away."""
    op.execute(DOWN)
