"""Short-lived links to documents."""

from typing import Final

from functions.finance.document_schemas import LinkOut
from shared import aws
from shared.uploads import bucket

LASTS_SECONDS: Final = 300


def to(key: str) -> LinkOut:
    """A signed address of a document; it was stored with the name it is saved under."""
    url = aws.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": bucket("documents"), "Key": key}, ExpiresIn=LASTS_SECONDS
    )
    return LinkOut.model_construct(url=str(url), expires_in=LASTS_SECONDS)
