"""What content holds of a person. Published works stay, by an author without a name (rules.md §3); all else goes."""

from shared.personal_data import Items, Kept, PersonalData, Rows

DATA = PersonalData(
    domain="content",
    rows=(
        Rows(
            "content.content_versions",
            person=("editor_id",),
            what=("我的作品的历史版本", "Versions of your works"),
            export="""
            SELECT v.content_id, v.version, v.title, v.body, v.body_format, v.media_ids, v.change_note, v.created_at
            FROM content.content_versions v JOIN content.contents c USING (content_id)
            WHERE c.author_id = %(uid)s OR v.editor_id = %(uid)s ORDER BY v.content_id, v.version
            """,
            # Before the works: which version is published is read from them.
            erase=("SELECT content.erase_versions(%(uid)s)",),
            kept=Kept("作品已发布的版本，匿名保留（rules.md §3）", "作品存续期间"),
        ),
        Rows(
            "content.contents",
            person=("author_id", "granted_user_ids"),
            what=("我的作品", "Your works"),
            export="""
            SELECT content_id, kind, title, summary, body, body_format, cover_media_id, media_ids, status, access_level,
                   plan_ids, price, currency, preview_percent, preview_seconds, available_from, available_to, metadata,
                   is_original, version, published_version, scheduled_at, published_at, rejected_reason, created_at,
                   updated_at, deleted_at
            FROM content.contents WHERE author_id = %(uid)s ORDER BY content_id
            """,
            erase=(
                """
                DELETE FROM content.content_media m USING content.contents c
                WHERE c.content_id = m.content_id AND c.author_id = %(uid)s AND c.status <> 'published'
                """,
                """
                DELETE FROM content.content_tag_map m USING content.contents c
                WHERE c.content_id = m.content_id AND c.author_id = %(uid)s AND c.status <> 'published'
                """,
                """
                UPDATE content.contents SET title = '', summary = NULL, body = NULL, cover_media_id = NULL, media_ids = '{}',
                    metadata = '{}', rejected_reason = NULL, scheduled_at = NULL, status = 'deleted',
                    deleted_at = coalesce(deleted_at, %(at)s), updated_at = %(at)s
                WHERE author_id = %(uid)s AND status <> 'published'
                """,
                # What is on the desk beside the published version was never shown.
                """
                UPDATE content.contents c SET title = p.title, body = p.body, body_format = p.body_format,
                    version = c.published_version, rejected_reason = NULL, granted_user_ids = '{}', updated_at = %(at)s
                FROM content.content_versions p
                WHERE c.author_id = %(uid)s AND c.status = 'published'
                  AND p.content_id = c.content_id AND p.version = c.published_version
                """,
                """
                UPDATE content.contents SET granted_user_ids = array_remove(granted_user_ids, %(uid)s::bigint)
                WHERE %(uid)s::bigint = ANY (granted_user_ids)
                """,
            ),
            kept=Kept("已发布的作品匿名保留，买者有权继续阅读（rules.md §3）", "作品存续期间"),
        ),
        Rows(
            "content.content_collaborators",
            person=("user_id",),
            what=("我参与协作的作品", "Works you collaborate on"),
            export="""
            SELECT content_id, role, created_at FROM content.content_collaborators WHERE user_id = %(uid)s ORDER BY content_id
            """,
            erase=("DELETE FROM content.content_collaborators WHERE user_id = %(uid)s",),
        ),
    ),
    items=(
        Items(
            "social",
            "V#",
            what=("浏览计数", "That a view was counted"),
            kept=Kept("只含编号与时间，无法按人查找", "90 天后自动删除"),
            not_exported="holds the number of a reader and two times, found by work only; gone after 90 days",
        ),
        Items(
            "social",
            "C#",
            what=("作品的浏览总数", "How often a work was read"),
            kept=Kept("只有总数，不含个人信息", "作品存续期间"),
            not_exported="totals of a work, of nobody in particular",
        ),
    ),
)
