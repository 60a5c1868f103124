"""What other domains would have stored: files and plans."""

from functions.content.http import handler as http_handler

AUTHOR, OTHER, READER = 100_001, 100_002, 100_777
HTTP = http_handler


def file(house, owner=AUTHOR, kind="image", status="ready", *, renditions=True):
    """A file; an image that is ready has a rendition."""
    media_id = house.sql(
        """
        INSERT INTO media.media_files (owner_id, kind, filename, content_type, size, s3_key, status, reject_reason, visibility,
            created_at, updated_at)
        VALUES (%s, %s, 'f', 'x/y', 9, gen_random_uuid()::text, %s, 'type_mismatch', 'private', now(), now()) RETURNING media_id
        """,
        (owner, kind, status),
    )[0][0]
    if kind == "image" and renditions and status == "ready":
        house.sql(
            "INSERT INTO media.media_variants VALUES (%s, 'w320', %s, 'webp', 320, 200, NULL, 9, NULL, now())",
            (media_id, f"r/{media_id}/v1/w320-x.webp"),
        )
    return media_id


def plan(house, creator=AUTHOR, tier=1, scope="all", status="active"):
    """A plan of a creator."""
    return house.sql(
        """
        INSERT INTO subscriptions.subscription_plans (creator_id, name, tier, amount, interval, trial_days, benefits, permissions,
            content_scope, content_ids, status, created_at, updated_at)
        VALUES (%s, gen_random_uuid()::text, %s, 100, 'month', 0, '[]', '{}', %s, '{}', %s, now(), now()) RETURNING plan_id
        """,
        (creator, tier, scope, status),
    )[0][0]
