"""What media holds of a person. Files that published works show stay with these works; all others go, bytes and all."""

from shared.personal_data import Kept, Objects, PersonalData, Rows

_WITH_THE_WORK = Kept("已发布作品中的文件，随作品匿名保留，买者有权继续使用（rules.md §3）", "作品存续期间")

DATA = PersonalData(
    domain="media",
    objects=(
        Objects(
            "media-private",
            what=("上传的原始文件", "Originals you uploaded"),
            keys="""
            SELECT v.s3_key FROM media.media_versions v JOIN media.media_files f USING (media_id)
            WHERE f.owner_id = %(uid)s
              AND NOT EXISTS (SELECT 1 FROM content.pub_content_media w WHERE w.media_id = f.media_id)
              AND NOT EXISTS (SELECT 1 FROM content.pub_contents c
                              WHERE c.author_id = f.owner_id AND c.cover_media_id = f.media_id AND c.status = 'published')
            """,
            kept=_WITH_THE_WORK,
        ),
        Objects(
            "media-public",
            what=("图片的各种尺寸", "Renditions of your pictures"),
            keys="""
            SELECT v.s3_key FROM media.media_variants v JOIN media.media_files f USING (media_id)
            WHERE f.owner_id = %(uid)s
              AND NOT EXISTS (SELECT 1 FROM content.pub_content_media w WHERE w.media_id = f.media_id)
              AND NOT EXISTS (SELECT 1 FROM content.pub_contents c
                              WHERE c.author_id = f.owner_id AND c.cover_media_id = f.media_id AND c.status = 'published')
            """,
            kept=_WITH_THE_WORK,
        ),
    ),
    rows=(
        Rows(
            "media.media_files",
            person=("owner_id",),
            what=("我的文件", "Your files"),
            export="""
            SELECT f.media_id, f.kind, f.filename, f.content_type, f.size, f.checksum_sha256, f.status, f.reject_reason,
                   f.folder, f.tags, f.visibility, f.metadata, f.version, f.created_at, f.updated_at, f.deleted_at,
                   (SELECT k.name FROM media.media_categories k WHERE k.category_id = f.category_id) AS category
            FROM media.media_files f WHERE f.owner_id = %(uid)s ORDER BY f.media_id
            """,
            erase=(
                """
                UPDATE media.media_files f SET filename = 'file-' || f.media_id, folder = NULL, tags = '{}',
                    category_id = NULL, access = '{}', updated_at = %(at)s
                WHERE f.owner_id = %(uid)s
                """,
                """
                UPDATE media.media_files f SET s3_key = 'deleted/' || f.media_id, checksum_sha256 = NULL, metadata = '{}',
                    upload_id = NULL, status = 'deleted', reject_reason = NULL, deleted_at = coalesce(deleted_at, %(at)s)
                WHERE f.owner_id = %(uid)s
                  AND NOT EXISTS (SELECT 1 FROM content.pub_content_media w WHERE w.media_id = f.media_id)
                  AND NOT EXISTS (SELECT 1 FROM content.pub_contents c
                                  WHERE c.author_id = f.owner_id AND c.cover_media_id = f.media_id
                                    AND c.status = 'published')
                """,
                """
                DELETE FROM media.media_variants v USING media.media_files f
                WHERE f.media_id = v.media_id AND f.owner_id = %(uid)s AND f.status = 'deleted'
                """,
            ),
            kept=_WITH_THE_WORK,
        ),
        Rows(
            "media.media_versions",
            person=("uploaded_by",),
            what=("文件的历史版本", "Versions of your files"),
            export="""
            SELECT v.media_id, v.version, v.size, v.checksum_sha256, v.created_at
            FROM media.media_versions v JOIN media.media_files f USING (media_id)
            WHERE f.owner_id = %(uid)s OR v.uploaded_by = %(uid)s ORDER BY v.media_id, v.version
            """,
            erase=(
                """
                DELETE FROM media.media_versions v USING media.media_files f
                WHERE f.media_id = v.media_id AND f.owner_id = %(uid)s AND f.status = 'deleted'
                """,
            ),
            kept=_WITH_THE_WORK,
        ),
        Rows(
            "media.media_categories",
            person=("owner_id",),
            what=("文件分类", "Categories of your files"),
            export="""
            SELECT category_id, parent_id, name, created_at FROM media.media_categories
            WHERE owner_id = %(uid)s ORDER BY category_id
            """,
            erase=("DELETE FROM media.media_categories WHERE owner_id = %(uid)s",),
        ),
        Rows(
            "media.media_usage",
            person=("owner_id",),
            what=("已用空间", "The room your files take"),
            export="SELECT used_bytes, updated_at FROM media.media_usage WHERE owner_id = %(uid)s",
            erase=("DELETE FROM media.media_usage WHERE owner_id = %(uid)s",),
        ),
    ),
)
