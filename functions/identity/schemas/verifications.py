"""Real-name and creator verification, and its review."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from shared.http.envelope import Id, In, Out

Kind = Literal["identity", "creator"]
Status = Literal["pending", "approved", "rejected"]


class IdentityIn(In):
    real_name: Annotated[str, Field(min_length=1, max_length=50)]
    id_type: Literal["id_card", "passport"] = "id_card"
    id_number: Annotated[str, Field(max_length=30)]
    front_media_id: Id | None = None
    back_media_id: Id | None = None


class CreatorIn(In):
    field: Annotated[str, Field(min_length=1, max_length=100)]
    introduction: Annotated[str, Field(min_length=1, max_length=2000)]
    sample_urls: list[Annotated[str, Field(max_length=500, pattern=r"^https?://\S+$")]] | None = Field(None, max_length=20)
    contact: Annotated[str, Field(max_length=200)] | None = None


class ReviewIn(In):
    action: Literal["approve", "reject"]
    comment: Annotated[str, Field(max_length=1000)] | None = None


class Verification(Out):
    verification_id: int
    user_id: int
    kind: Kind
    status: Status
    real_name_masked: str | None = None
    id_type: str | None = None
    id_number_masked: str | None = None
    payload: dict[str, Any] | None = None
    comment: str | None = None
    submitted_at: datetime
    reviewed_at: datetime | None = None
