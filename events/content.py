"""Facts of content."""

from datetime import datetime
from typing import ClassVar

from events.base import Fact


class ContentScheduled(Fact):
    """A content shall be published at a time; its Scheduler entry is made from this fact."""

    NAME: ClassVar[str] = "content.scheduled.v1"

    content_id: int
    author_id: int
    publish_at: datetime


class ContentPublished(Fact):
    """A content became visible to readers."""

    NAME: ClassVar[str] = "content.published.v1"

    content_id: int
    author_id: int
    kind: str
    title: str
    access_level: str
    published_at: datetime
