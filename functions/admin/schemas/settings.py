"""Settings, as sent and as shown."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from shared.http.envelope import In, Out


class SettingIn(In):
    """A key and its new value; null goes back to the default."""

    key: Annotated[str, Field(min_length=1, max_length=100)]
    value: Any


class SettingsIn(In):
    items: Annotated[list[SettingIn], Field(min_length=1, max_length=50)]


class SettingOut(Out):
    """`updated_by` is the uid of who set it; both are null while the default holds."""

    key: str
    group: str
    value: Any
    type: str
    default: Any
    updated_by: int | None
    updated_at: datetime | None


class SettingsChanged(Out):
    updated: int
    items: list[SettingOut]
