"""Where the bill of a channel's day comes from: the channel itself, or a file that an operator got from it."""

import os
import tempfile
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import BinaryIO, cast

from functions.payments.gateways.base import BillRow, Gateway, NoBill, NotReady
from shared import aws
from shared.clock import SHANGHAI

_IN_MEMORY = 16 * 1024 * 1024
_PIECE = 1024 * 1024


class BillNotReadyError(Exception):
    """The channel has no bill of that day yet, or did not answer; the message says which."""


def rows(vendor: Gateway, day: date, file_key: str | None) -> Iterable[BillRow]:
    """What the channel says of a day; nothing when it made no bill. Going through it raises ValueError if it is not whole.

    Raises BillNotReadyError.
    """
    if file_key is not None:
        return vendor.read_bill(_fetched(file_key), day)
    said = vendor.bill(day)
    if isinstance(said, NotReady):
        raise BillNotReadyError(said.reason)
    return () if isinstance(said, NoBill) else said


def window(vendor: Gateway, day: date) -> tuple[datetime, datetime]:
    """When a day of the channel's bills begins and ends."""
    begins = datetime.combine(day, time(), SHANGHAI) + vendor.day_begins
    return begins, begins + timedelta(days=1)


def _fetched(key: str) -> BinaryIO:
    """A private file, on disk once it is large."""
    body = aws.client("s3").get_object(Bucket=os.environ["BUCKET_MEDIA_PRIVATE"], Key=key)["Body"]
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - whoever reads the rows reads it later
    for piece in body.iter_chunks(_PIECE):
        file.write(piece)
    file.seek(0)
    return cast("BinaryIO", file)
