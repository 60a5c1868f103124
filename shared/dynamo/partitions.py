"""All items of a partition, whatever their class: for who copies or erases them without knowing what they mean."""

import os
from collections.abc import Iterator
from typing import Any

from shared import aws

Stored = dict[str, Any]
"""An item as DynamoDB has it: name → {type: value}."""


def items(group: str, key: str, sort: str = "", *, by_index: bool = False) -> Iterator[Stored]:
    """The items of a partition of a table group, or of its index, whose sort key begins with `sort`; a page at a time."""
    names = ("gsi1pk", "gsi1sk") if by_index else ("pk", "sk")
    wanted: dict[str, Any] = {
        "TableName": _table(group),
        "KeyConditionExpression": "#p = :p" + (" AND begins_with(#s, :s)" if sort else ""),
        "ExpressionAttributeNames": {"#p": names[0]} | ({"#s": names[1]} if sort else {}),
        "ExpressionAttributeValues": {":p": {"S": key}} | ({":s": {"S": sort}} if sort else {}),
    }
    if by_index:
        wanted["IndexName"] = "gsi1"
    while True:
        page = aws.client("dynamodb").query(**wanted)
        yield from page["Items"]
        if not page.get("LastEvaluatedKey"):
            return
        wanted["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def remove(group: str, item: Stored) -> int:
    """Delete an item found before; one that is gone is no error."""
    aws.client("dynamodb").delete_item(TableName=_table(group), Key={"pk": item["pk"], "sk": item["sk"]})
    return 1


def plain(item: Stored) -> dict[str, Any]:
    """An item as JSON has it."""
    return {name: _plain(value) for name, value in item.items()}


def _table(group: str) -> str:
    return os.environ[f"TABLE_{group.upper()}"]


def _plain(value: dict[str, Any]) -> Any:
    ((kind, inner),) = value.items()
    if kind == "N":
        return int(inner) if inner.lstrip("-").isdigit() else float(inner)
    if kind == "NULL":
        return None
    if kind == "L":
        return [_plain(one) for one in inner]
    if kind == "M":
        return plain(inner)
    return inner
