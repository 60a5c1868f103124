"""PynamoDB on the lean session: one table per group, keys `pk`/`sk`, index `gsi1`, expiry in `ttl`."""

import os
from typing import Any, ClassVar

import pynamodb.connection.base as pynamodb_connection
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError, TransactWriteError, UpdateError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from shared import aws

# PynamoDB makes a session of its own per thread; this is the one seam through which it can be given ours.
pynamodb_connection.get_session = aws.session  # type: ignore[attr-defined,assignment]


class _LazyTableName:
    """Reads `TABLE_<GROUP>` when a table is first used: importing a module must not need its environment."""

    def __init__(self, group: str) -> None:
        self.variable = f"TABLE_{group.upper()}"

    def __get__(self, instance: object, owner: type | None = None) -> str:
        return os.environ[self.variable]


def meta(group: str) -> Any:
    """The `Meta` of an item class living in table group `group`."""
    return type("Meta", (), {"table_name": _LazyTableName(group), "region": os.environ.get("AWS_REGION", "us-east-1")})


class ByGsi1(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]  # PynamoDB's own hook
    """The one secondary index every table group has."""

    class Meta:
        """Named and projected as `infra` builds it."""

        index_name = "gsi1"
        projection = AllProjection()

    gsi1pk: ClassVar[UnicodeAttribute] = UnicodeAttribute(hash_key=True)
    gsi1sk: ClassVar[UnicodeAttribute] = UnicodeAttribute(range_key=True)


class Item(Model):
    """Base of all items. `ttl` is epoch seconds; DynamoDB deletes late, so readers check it themselves."""

    pk: ClassVar[UnicodeAttribute] = UnicodeAttribute(hash_key=True)
    sk: ClassVar[UnicodeAttribute] = UnicodeAttribute(range_key=True)
    ttl: ClassVar[NumberAttribute] = NumberAttribute(null=True)


def condition_failed(error: PutError | UpdateError | TransactWriteError) -> bool:
    """Whether a write was refused by its own condition, the only failure callers expect."""
    return error.cause_response_code in {"ConditionalCheckFailedException", "TransactionCanceledException"}
