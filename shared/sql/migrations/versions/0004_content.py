"""The tables of content: works, their versions, media, categories, tags and statistics; what other domains may read."""

from alembic import op

revision = "0004"
down_revision = "0003"

UP = """
CREATE TABLE content.contents (
    content_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    author_id BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('article', 'audio', 'video')),
    title VARCHAR(200) NOT NULL,
    summary TEXT,
    body TEXT,
    body_format TEXT NOT NULL CHECK (body_format IN ('markdown', 'richtext')),
    cover_media_id BIGINT,
    media_ids BIGINT[] NOT NULL DEFAULT '{}',
    status TEXT NOT NULL CHECK (status IN
        ('draft', 'pending_review', 'scheduled', 'published', 'rejected', 'taken_down', 'deleted')),
    access_level TEXT NOT NULL CHECK (access_level IN ('free', 'subscribers', 'paid')),
    plan_ids BIGINT[] NOT NULL DEFAULT '{}',
    price BIGINT CHECK (price > 0),
    currency TEXT NOT NULL DEFAULT 'CNY' CHECK (currency = 'CNY'),
    preview_percent INT NOT NULL CHECK (preview_percent BETWEEN 0 AND 100),
    preview_seconds INT CHECK (preview_seconds >= 0),
    granted_user_ids BIGINT[] NOT NULL DEFAULT '{}',
    watermark BOOLEAN NOT NULL DEFAULT false,
    available_from TIMESTAMPTZ,
    available_to TIMESTAMPTZ CHECK (available_to > available_from),
    metadata JSONB NOT NULL DEFAULT '{}',
    is_original BOOLEAN NOT NULL,
    featured BOOLEAN NOT NULL DEFAULT false,
    version INT NOT NULL DEFAULT 1,
    published_version INT,
    scheduled_at TIMESTAMPTZ,
    published_at TIMESTAMPTZ,
    rejected_reason TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    deleted_at TIMESTAMPTZ,
    CONSTRAINT paid_has_a_price CHECK (access_level <> 'paid' OR price IS NOT NULL),
    CONSTRAINT published_says_what_and_when
        CHECK (status <> 'published' OR (published_version IS NOT NULL AND published_at IS NOT NULL)),
    CONSTRAINT scheduled_says_when CHECK ((status = 'scheduled') = (scheduled_at IS NOT NULL))
);
CREATE INDEX contents_of_author ON content.contents (author_id, status, updated_at);
CREATE INDEX contents_newest ON content.contents (published_at DESC, content_id DESC) WHERE status = 'published';
CREATE INDEX contents_newest_of_author ON content.contents (author_id, published_at DESC, content_id DESC)
    WHERE status = 'published';
CREATE INDEX contents_by_creation ON content.contents (created_at DESC, content_id DESC) WHERE status = 'published';
CREATE INDEX contents_due ON content.contents (scheduled_at) WHERE status = 'scheduled';

CREATE TABLE content.content_versions (
    content_id BIGINT NOT NULL REFERENCES content.contents,
    version INT NOT NULL,
    title VARCHAR(200) NOT NULL,
    body TEXT,
    body_format TEXT NOT NULL,
    media_ids BIGINT[] NOT NULL,
    word_count INT NOT NULL,
    change_note TEXT,
    editor_id BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (content_id, version)
);
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON content.content_versions
    FOR EACH STATEMENT EXECUTE FUNCTION platform.refuse_change();

CREATE TABLE content.content_media (
    content_id BIGINT NOT NULL REFERENCES content.contents,
    media_id BIGINT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('cover', 'body', 'attachment', 'main')),
    position INT NOT NULL,
    PRIMARY KEY (content_id, media_id, role)
);
CREATE INDEX contents_of_media ON content.content_media (media_id);

CREATE TABLE content.content_categories (
    category_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id BIGINT REFERENCES content.content_categories,
    name TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    names_i18n JSONB NOT NULL DEFAULT '{}',
    sort INT NOT NULL DEFAULT 0,
    is_active BOOLEAN NOT NULL DEFAULT true,
    content_count INT NOT NULL DEFAULT 0 CHECK (content_count >= 0),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
CREATE TABLE content.content_category_map (
    content_id BIGINT NOT NULL REFERENCES content.contents,
    category_id BIGINT NOT NULL REFERENCES content.content_categories,
    PRIMARY KEY (content_id, category_id)
);
CREATE INDEX contents_of_category ON content.content_category_map (category_id, content_id);

CREATE TABLE content.content_tags (
    tag_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL,
    slug TEXT NOT NULL,
    usage_count INT NOT NULL DEFAULT 0 CHECK (usage_count >= 0),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX tag_once ON content.content_tags (lower(name));
CREATE TABLE content.content_tag_map (
    content_id BIGINT NOT NULL REFERENCES content.contents,
    tag_id BIGINT NOT NULL REFERENCES content.content_tags,
    PRIMARY KEY (content_id, tag_id)
);
CREATE INDEX contents_of_tag ON content.content_tag_map (tag_id, content_id);

CREATE TABLE content.content_stats (
    content_id BIGINT PRIMARY KEY REFERENCES content.contents,
    views BIGINT NOT NULL DEFAULT 0,
    unique_views BIGINT NOT NULL DEFAULT 0,
    likes BIGINT NOT NULL DEFAULT 0,
    favorites BIGINT NOT NULL DEFAULT 0,
    comments BIGINT NOT NULL DEFAULT 0,
    shares BIGINT NOT NULL DEFAULT 0,
    read_seconds BIGINT NOT NULL DEFAULT 0,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX stats_by_views ON content.content_stats (views DESC, content_id DESC);
CREATE INDEX stats_by_likes ON content.content_stats (likes DESC, content_id DESC);

CREATE TABLE content.content_collaborators (
    content_id BIGINT NOT NULL REFERENCES content.contents,
    user_id BIGINT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'editor')),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (content_id, user_id)
);

-- Running totals of what is published, whichever statement changed it. Rows are locked in one order: no deadlocks.
CREATE FUNCTION content.count_in_categories() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
    change INT := (NEW.status = 'published')::int - (OLD.status = 'published')::int;
BEGIN
    IF change <> 0 THEN
        PERFORM 1 FROM content.content_categories k JOIN content.content_category_map m USING (category_id)
        WHERE m.content_id = NEW.content_id ORDER BY k.category_id FOR UPDATE OF k;
        UPDATE content.content_categories k SET content_count = k.content_count + change
        FROM content.content_category_map m WHERE m.content_id = NEW.content_id AND m.category_id = k.category_id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER count_in_categories AFTER UPDATE OF status ON content.contents
    FOR EACH ROW EXECUTE FUNCTION content.count_in_categories();

CREATE FUNCTION content.count_category() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    UPDATE content.content_categories k
    SET content_count = k.content_count + CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END
    WHERE k.category_id = coalesce(NEW.category_id, OLD.category_id)
      AND EXISTS (SELECT 1 FROM content.contents c
                  WHERE c.content_id = coalesce(NEW.content_id, OLD.content_id) AND c.status = 'published');
    RETURN NULL;
END $$;
CREATE TRIGGER count_category AFTER INSERT OR DELETE ON content.content_category_map
    FOR EACH ROW EXECUTE FUNCTION content.count_category();

CREATE FUNCTION content.count_tag() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
BEGIN
    UPDATE content.content_tags t SET usage_count = t.usage_count + CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END
    WHERE t.tag_id = coalesce(NEW.tag_id, OLD.tag_id);
    RETURN NULL;
END $$;
CREATE TRIGGER count_tag AFTER INSERT OR DELETE ON content.content_tag_map
    FOR EACH ROW EXECUTE FUNCTION content.count_tag();

-- A category and everything below it; the tree is at most three deep.
CREATE FUNCTION content.subtree(root BIGINT) RETURNS SETOF BIGINT LANGUAGE sql STABLE AS $$
    WITH RECURSIVE below AS (
        SELECT root AS category_id
        UNION SELECT k.category_id FROM content.content_categories k JOIN below b ON k.parent_id = b.category_id
    )
    SELECT category_id FROM below
$$;

INSERT INTO content.content_categories (parent_id, name, slug, names_i18n, sort) VALUES
    (NULL, '科技', 'technology', '{"en": "Technology"}', 10),
    (NULL, '财经', 'finance', '{"en": "Finance"}', 20),
    (NULL, '教育', 'education', '{"en": "Education"}', 30),
    (NULL, '职场', 'career', '{"en": "Career"}', 40),
    (NULL, '人文', 'humanities', '{"en": "Humanities"}', 50),
    (NULL, '生活', 'lifestyle', '{"en": "Lifestyle"}', 60);
INSERT INTO content.content_categories (parent_id, name, slug, names_i18n, sort)
    SELECT p.category_id, s.name, s.slug, s.names_i18n::jsonb, s.sort
    FROM (VALUES
        ('technology', '编程', 'programming', '{"en": "Programming"}', 11),
        ('technology', '人工智能', 'artificial-intelligence', '{"en": "Artificial intelligence"}', 12),
        ('finance', '投资', 'investing', '{"en": "Investing"}', 21),
        ('finance', '量化交易', 'quantitative-trading', '{"en": "Quantitative trading"}', 22),
        ('education', '语言学习', 'languages', '{"en": "Languages"}', 31),
        ('education', '考试', 'exams', '{"en": "Exams"}', 32)
    ) AS s (parent, name, slug, names_i18n, sort)
    JOIN content.content_categories p ON p.slug = s.parent;

-- `title` is what readers see. Works that were never published are here too: who sells or settles looks at `status`.
CREATE VIEW content.pub_contents AS
    SELECT c.content_id, c.author_id, coalesce(p.title, c.title) AS title, c.kind, c.status, c.access_level, c.plan_ids,
           c.price, c.currency, c.cover_media_id, c.preview_percent, c.granted_user_ids, c.available_from, c.available_to,
           c.published_at
    FROM content.contents c
    LEFT JOIN content.content_versions p ON p.content_id = c.content_id AND p.version = c.published_version;

-- The paywalls in front of a file: the published works it is part of.
CREATE VIEW content.pub_content_media AS
    SELECT m.media_id, c.content_id, c.author_id, c.access_level, c.plan_ids, c.granted_user_ids, c.available_from,
           c.available_to
    FROM content.contents c
    JOIN content.content_versions p ON p.content_id = c.content_id AND p.version = c.published_version
    JOIN content.content_media m ON m.content_id = c.content_id AND m.media_id = ANY (p.media_ids)
    WHERE c.status = 'published' AND m.role <> 'cover';

GRANT SELECT, INSERT, UPDATE ON content.contents TO content;
GRANT SELECT, INSERT ON content.content_versions, content.content_tags, content.content_stats TO content;
GRANT UPDATE (name) ON content.content_tags TO content;
GRANT SELECT, INSERT, DELETE ON content.content_media, content.content_category_map, content.content_tag_map TO content;
GRANT UPDATE (position) ON content.content_media TO content;
GRANT SELECT ON content.content_categories, content.content_collaborators TO content;
GRANT USAGE ON SCHEMA content TO payments, subscriptions, finance, media;
GRANT SELECT ON content.pub_contents TO payments, subscriptions, finance, media;
GRANT SELECT ON content.pub_content_media TO media, subscriptions;
"""

DOWN = """
DROP VIEW content.pub_content_media, content.pub_contents;
DROP TABLE content.content_collaborators, content.content_stats, content.content_tag_map, content.content_tags,
    content.content_category_map, content.content_categories, content.content_media, content.content_versions,
    content.contents;
DROP FUNCTION content.count_in_categories(), content.count_category(), content.count_tag(), content.subtree(bigint);
REVOKE USAGE ON SCHEMA content FROM payments, subscriptions, finance, media;
"""


def upgrade() -> None:
    """Build them."""
    op.execute(UP)


def downgrade() -> None:
    """Take them away."""
    op.execute(DOWN)
