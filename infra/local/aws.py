"""AWS clients of the local tools, pointed at the emulator as its root user."""

from typing import Any

from botocore.config import Config
from botocore.session import Session

from infra.local.settings import Local, aws_environment


def client(local: Local, service: str) -> Any:
    """A client of any service."""
    variables = aws_environment(local)
    return Session().create_client(
        service,
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        config=Config(s3={"addressing_style": "path"}),
    )
