"""Writing an object to S3 while it is being made: memory holds one part, however long it becomes."""

import os
from types import TracebackType
from typing import Any, Self

from shared import aws

PART_BYTES = 8 * 1024**2
"""S3 takes parts of 5 MiB or more, but for the last."""


def bucket(name: str) -> str:
    """The bucket a manifest granted under this name."""
    return os.environ[f"BUCKET_{name.upper().replace('-', '_')}"]


class Upload:
    """A file to write to, once from beginning to end; the object appears when the `with` block ends well, or not at all.

    A writer that died leaves parts behind, which the bucket's lifecycle clears away.
    """

    def __init__(self, bucket_name: str, key: str, content_type: str, *, disposition: str | None = None) -> None:
        self._target = {"Bucket": bucket_name, "Key": key}
        self._headers = {"ContentType": content_type} | ({"ContentDisposition": disposition} if disposition else {})
        self._buffer = bytearray()
        self._upload_id: str | None = None
        self._parts: list[dict[str, Any]] = []

    def write(self, data: bytes) -> int:
        """Append bytes."""
        self._buffer += data
        if len(self._buffer) >= PART_BYTES:
            self._send_part()
        return len(data)

    def flush(self) -> None:
        """Nothing: parts leave when they are full (`zipfile` calls this after each entry)."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self._abandon()
        elif self._upload_id is None:
            aws.client("s3").put_object(**self._target, **self._headers, Body=bytes(self._buffer))
        else:
            if self._buffer:
                self._send_part()
            aws.client("s3").complete_multipart_upload(
                **self._target, UploadId=self._upload_id, MultipartUpload={"Parts": self._parts}
            )

    def _send_part(self) -> None:
        s3 = aws.client("s3")
        if self._upload_id is None:
            self._upload_id = str(s3.create_multipart_upload(**self._target, **self._headers)["UploadId"])
        number = len(self._parts) + 1
        sent = s3.upload_part(**self._target, UploadId=self._upload_id, PartNumber=number, Body=bytes(self._buffer))
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        self._buffer.clear()

    def _abandon(self) -> None:
        if self._upload_id is not None:
            aws.client("s3").abort_multipart_upload(**self._target, UploadId=self._upload_id)
