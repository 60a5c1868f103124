"""Paging without a web framework: what was asked for, and cursors nobody can bend."""

import base64
import binascii
import json
from typing import Literal

from pydantic import BaseModel

from shared.errors import ValidationFailed

TOTAL_CAP = 10_000


class PageQuery(BaseModel):
    """What the caller asked for. A cursor wins over a page (rules.md §1)."""

    page: int = 1
    page_size: int = 10
    sort_by: str | None = None
    sort_order: Literal["asc", "desc"] = "desc"
    cursor: str | None = None


def encode_cursor(sort_by: str, sort_order: str, values: list[object]) -> str:
    """An opaque cursor behind the last row of a page; it remembers the order it belongs to."""
    return base64.urlsafe_b64encode(json.dumps([sort_by, sort_order, *values], default=str).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, sort_by: str, sort_order: str, length: int) -> list[object]:
    """The values of a cursor; 422 when it is not ours or belongs to another order."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, UnicodeDecodeError) as error:
        raise ValidationFailed([{"field": "query.cursor", "message": "unknown cursor"}]) from error
    well_formed = isinstance(parts, list) and len(parts) == length + 2 and parts[:2] == [sort_by, sort_order]
    if not well_formed or not all(isinstance(part, (str, int)) and part is not True for part in parts):
        raise ValidationFailed([{"field": "query.cursor", "message": "unknown cursor"}])
    return list(parts[2:])
