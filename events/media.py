"""Facts of media."""

from typing import ClassVar

from events.base import Fact


class MediaReady(Fact):
    """A file passed its checks and has its renditions."""

    NAME: ClassVar[str] = "media.ready.v1"

    media_id: int
    owner_id: int
    kind: str


class MediaRejected(Fact):
    """A file failed its checks; its object is not served."""

    NAME: ClassVar[str] = "media.rejected.v1"

    media_id: int
    owner_id: int
    reason: str
