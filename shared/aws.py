"""Lean botocore: one session, clients built on first use, and a parser that leaves DynamoDB items as they arrive.

botocore spends two thirds of a Query's client CPU walking every attribute value by its shape; the JSON of DynamoDB is
already in that shape, so only binary values need decoding. Errors still go through botocore's own parser.
"""

import base64
import json
from functools import cache
from typing import Any

from botocore.config import Config
from botocore.loaders import Loader, create_loader
from botocore.parsers import JSONParser, ResponseParserFactory
from botocore.session import Session

_ITEM_OUTPUTS = frozenset(
    f"{name}Output"
    for name in (
        "BatchGetItem",
        "BatchWriteItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "Scan",
        "TransactGetItems",
        "TransactWriteItems",
        "UpdateItem",
    )
)


def _decode_binary(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) == 1:
        if isinstance(binary := value.get("B"), str):
            return {"B": base64.b64decode(binary)}
        if isinstance(binaries := value.get("BS"), list):
            return {"BS": [base64.b64decode(item) for item in binaries]}
    return value


class FlatJsonParser(JSONParser):
    """Takes item operations of DynamoDB as plain JSON; everything else as botocore does."""

    def _handle_json_body(self, raw_body: bytes, shape: Any) -> Any:
        if shape is not None and shape.name in _ITEM_OUTPUTS:
            return json.loads(raw_body, object_hook=_decode_binary) if raw_body else {}
        return super()._handle_json_body(raw_body, shape)  # type: ignore[misc]  # botocore's stubs leave it out


class _Parsers(ResponseParserFactory):
    def create_parser(self, protocol_name: str) -> Any:
        defaults: dict[str, Any] = self._defaults  # type: ignore[attr-defined]  # likewise
        return FlatJsonParser(**defaults) if protocol_name == "json" else super().create_parser(protocol_name)


@cache
def _descriptions() -> Loader:
    """The services' descriptions, read once per process: they are files, and outlive every session."""
    return create_loader()


@cache
def session() -> Session:
    """The one botocore session of this process."""
    made = Session()
    made.register_component("data_loader", _descriptions())
    made.register_component("response_parser_factory", _Parsers())
    made.set_default_client_config(
        Config(
            user_agent="sharestack",
            connect_timeout=2,
            read_timeout=10,
            retries={"mode": "standard", "max_attempts": 3},
            s3={"addressing_style": "path"},
            signature_version=None,
        )
    )
    return made


# botocore still signs S3 addresses the old way by default, which leaves headers unsigned and which KMS buckets refuse.
_OWN_CONFIG = {"s3": Config(signature_version="s3v4")}


@cache
def client(service: str) -> Any:
    """A client of one AWS service, built on first use and kept for the life of the environment."""
    return session().create_client(service, config=_OWN_CONFIG.get(service))


def forget_clients() -> None:
    """Drop every client and the session: after a SnapStart restore, and between tests."""
    client.cache_clear()
    session.cache_clear()
