"""The Scheduler entry that publishes a work."""

from datetime import datetime

from shared import entries


def publish_at(content_id: int, moment: datetime) -> None:
    """Have `publish_content` called with this work at this moment."""
    entries.create(f"content-publish-{content_id}-{int(moment.timestamp())}", moment, {"content_id": content_id})
