"""The base every fact shares: what it is called, which one it is, and when it happened."""

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """Something that happened, past tense. New meaning gets a new class and a new version in `NAME`.

    `NAME` is `<domain>.<what_happened>.v<n>`: the EventBridge source is `sharestack.<domain>`, the detail-type is NAME.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    NAME: ClassVar[str] = ""

    event_id: str
    occurred_at: datetime

    @classmethod
    def event_source(cls) -> str:
        """The EventBridge source that may publish this fact."""
        return f"sharestack.{cls.NAME.split('.', 1)[0]}"
