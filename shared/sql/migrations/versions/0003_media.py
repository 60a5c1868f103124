"""The tables of media: files, their versions and renditions, what each owner uses."""

from alembic import op

revision = "0003"
down_revision = "0002"

UP = """
CREATE TABLE media.media_categories (
    category_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id BIGINT NOT NULL,
    parent_id BIGINT REFERENCES media.media_categories,
    name TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT category_once_per_owner UNIQUE NULLS NOT DISTINCT (owner_id, parent_id, name)
);

-- What an owner's files take, uploads under way included; the quota is checked against it under its row lock.
CREATE TABLE media.media_usage (
    owner_id BIGINT PRIMARY KEY,
    used_bytes BIGINT NOT NULL CHECK (used_bytes >= 0),
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE media.media_files (
    media_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('image', 'video', 'audio', 'document', 'other')),
    filename TEXT NOT NULL,
    content_type TEXT NOT NULL,
    detected_type TEXT,
    size BIGINT NOT NULL CHECK (size > 0),
    checksum_sha256 TEXT CHECK (checksum_sha256 ~ '^[0-9a-f]{64}$'),
    s3_key TEXT NOT NULL UNIQUE,
    upload_id TEXT,
    status TEXT NOT NULL CHECK (status IN ('uploading', 'scanning', 'ready', 'processing', 'rejected', 'deleted')),
    reject_reason TEXT CHECK ((status = 'rejected') <= (reject_reason IS NOT NULL)),
    category_id BIGINT REFERENCES media.media_categories,
    folder TEXT,
    tags TEXT[] NOT NULL DEFAULT '{}',
    visibility TEXT NOT NULL CHECK (visibility IN ('private', 'subscribers', 'public')),
    access JSONB NOT NULL DEFAULT '{}',
    metadata JSONB NOT NULL DEFAULT '{}',
    version INT NOT NULL DEFAULT 1,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    deleted_at TIMESTAMPTZ
);
CREATE INDEX files_of_owner ON media.media_files (owner_id, created_at DESC, media_id DESC) WHERE status <> 'deleted';
CREATE INDEX files_by_checksum ON media.media_files (checksum_sha256);
CREATE INDEX uploads_under_way ON media.media_files (created_at) WHERE status = 'uploading';

CREATE TABLE media.media_versions (
    media_id BIGINT NOT NULL REFERENCES media.media_files,
    version INT NOT NULL,
    s3_key TEXT NOT NULL,
    size BIGINT NOT NULL,
    checksum_sha256 TEXT,
    uploaded_by BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (media_id, version)
);

-- Renditions in the public bucket. Their keys hold part of the file's hash, so that knowing an id is not knowing an address.
CREATE TABLE media.media_variants (
    media_id BIGINT NOT NULL REFERENCES media.media_files,
    name TEXT NOT NULL,
    s3_key TEXT NOT NULL,
    format TEXT NOT NULL,
    width INT,
    height INT,
    bitrate INT,
    size BIGINT NOT NULL,
    job_id TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (media_id, name)
);

-- `variants` widest first; `rendition_key` is the widest one, what a cover or an avatar shows. Scalar subqueries, because
-- PostgreSQL leaves out those nobody asks for.
CREATE VIEW media.pub_files AS
    SELECT f.media_id, f.owner_id, f.kind, f.filename, f.content_type, f.size, f.checksum_sha256, f.status, f.reject_reason,
           f.category_id, f.folder, f.tags, f.visibility, f.version, f.created_at,
           (f.metadata->>'width')::int AS width, (f.metadata->>'height')::int AS height,
           (f.metadata->>'duration_seconds')::float8 AS duration_seconds,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('name', v.name, 's3_key', v.s3_key, 'width', v.width,
                       'height', v.height, 'size', v.size, 'format', v.format) ORDER BY v.width DESC NULLS LAST), '[]')
            FROM media.media_variants v WHERE v.media_id = f.media_id) AS variants,
           (SELECT v.s3_key FROM media.media_variants v WHERE v.media_id = f.media_id
            ORDER BY v.width DESC NULLS LAST LIMIT 1) AS rendition_key
    FROM media.media_files f;

GRANT SELECT, INSERT ON media.media_files, media.media_versions, media.media_variants, media.media_usage TO media;
GRANT UPDATE (status, reject_reason, detected_type, checksum_sha256, upload_id, metadata, updated_at, deleted_at)
    ON media.media_files TO media;
GRANT UPDATE (checksum_sha256) ON media.media_versions TO media;
GRANT UPDATE (used_bytes, updated_at) ON media.media_usage TO media;
GRANT SELECT ON media.media_categories, media.pub_files TO media;
GRANT USAGE ON SEQUENCE media.media_files_media_id_seq TO media;
GRANT USAGE ON SCHEMA media TO content, identity;
GRANT SELECT ON media.pub_files TO content, identity;
"""

DOWN = """
DROP VIEW media.pub_files;
DROP TABLE media.media_variants, media.media_versions, media.media_files, media.media_usage, media.media_categories;
REVOKE USAGE ON SCHEMA media FROM content, identity;
"""


def upgrade() -> None:
    """Build them."""
    op.execute(UP)


def downgrade() -> None:
    """Take them away."""
    op.execute(DOWN)
