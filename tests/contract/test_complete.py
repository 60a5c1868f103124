"""Each completed route is what the contract says: method, path, rule, request, response and errors."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra.openapi import document
from tests.contract.contract import Row, list_item, request_of, response_fields, rows

COMPLETE = Path(__file__).with_name("complete.txt").read_text().split()
PAGE = {"items", "total", "total_is_capped", "page", "page_size", "next_cursor"}
PAGING = {"page", "page_size", "sort_by", "sort_order", "cursor"}
WITHOUT_ENVELOPE = {"PLT-003", "PLT-004", "PLT-005", "PLT-006", "PAY-002", "PAY-004", "PAY-006", "PAY-004-debits"}
WITHOUT_ENVELOPE |= {"SUB-010-alipay", "SUB-010-wechat"}
ANY_FIELD_OF = {"CNT-002": "CNT-001", "SUB-004": "SUB-002", "SUB-017": "SUB-016", "SUB-026": "SUB-024", "SUB-031": "SUB-030"}
"""Rows whose body is "any field of" another row's."""
_ENDS = {"expires_at", "permissions_expire_at"}
ADDED_TO_BODY = {"ADM-035": _ENDS, "ADM-036": _ENDS, "SUB-024": {"stock"}, "SUB-026": {"stock"}}
ADDED_TO_BODY |= {"FIN-005": {"kind"}}
"""Optional fields the contract does not have (docs/decisions/0030-grants-that-end.md, 0081-settlement.md); anything else
unlisted still fails."""
_COUPON = {
    *("name", "min_amount", "max_discount", "target_type", "target_ids", "per_user_limit", "starts_at", "ends_at"),
}
"""Where the contract's Coupon says `...`: the rest of its table (data_model.md §4)."""
_PROMOTION = {
    *("name", "kind", "value", "targets", "starts_at", "ends_at", "budget", "per_user_limit", "stackable", "stock", "sold"),
}
"""The same of Promotion; `stock` and `sold` are those of a flash sale, which the contract names and gives no member."""
ADDED_TO_ANSWER = {"ADM-034": _ENDS, "ADM-035": _ENDS, "ADM-036": _ENDS} | dict.fromkeys(
    ("SUB-019", "SUB-022", "SUB-023"), _COUPON
)
ADDED_TO_ANSWER |= dict.fromkeys(("SUB-025", "SUB-028"), _PROMOTION)
ADDED_TO_ANSWER |= dict.fromkeys(("SUB-024", "SUB-026"), _PROMOTION | {"coupon", "export_job_id"})
ADDED_TO_ANSWER |= {"FIN-005": {"kind"}}
ADDED_TO_ANSWER |= {"PAY-031": PAGE - {"items"}}
ADDED_TO_ANSWER |= {"SUB-038": {"message"}}
"""What the giver wrote: whoever redeems a gift is shown it, and nothing else of the contract's would."""
ADDED_TO_ANSWER |= {"PAY-030": {"movement", "outcome", "proposed_action", "proposed_by"}}
"""Which way the money went, what the resolution came to, and the first of two people whom a large amount takes."""
ADDED_TO_ANSWER |= {row: {"net"} for row in ("FIN-006", "FIN-007", "FIN-008")}
ADDED_TO_ANSWER |= {
    "FIN-009": {"net", "next", "confirm", "rate", "usdt"},
    "ADM-027": {"net", "reasons", "approvals", "send"},
}
"""What arrives after the fee; what happens next, what WeChat's client has to confirm, what was promised in USDT; and to staff
why it waits, who approved so far, and what a person has to send.
"""
_DIFFERENCE = "{item_id:int, kind:str, order_no:str?, gateway_no:str?, local_amount:int?, remote_amount:int?, status:str, resolution:str?}"
ANSWER_OF = {"PAY-030": _DIFFERENCE}
"""Rows whose answer is an item of another row's, which the contract calls just that."""
ADDED_TO_ANSWER |= {"FIN-015": {"kind", "original_id", "created_at"}}
"""A refund's red invoice is in the list too, and says which one it takes back."""
BODY_OF_THE_VENDOR = {"PAY-002", "PAY-004", "PAY-006", "PAY-004-debits", "SUB-010-alipay", "SUB-010-wechat"}
"""Rows whose body is signed as it came, and so not taken apart by name."""
OBJECT_BODY = {"CNT-032": "AccessControl", "IDN-035": "Privacy"}


@cache
def api() -> dict[str, Any]:
    return document()


def operation(row: Row) -> dict[str, Any]:
    path = row.path
    operations = api()["paths"].get(path)
    assert operations, f"{path} is not served"
    assert row.method.lower() in operations, f"{row.method} {path} is not served"
    found: dict[str, Any] = operations[row.method.lower()]
    return found


def resolve(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = api()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    for branch in schema.get("anyOf", []):
        if branch.get("type") != "null":
            return resolve(branch)
    return schema


def body_schema(found: dict[str, Any], kind: str) -> dict[str, Any]:
    return resolve(found["requestBody"]["content"][kind]["schema"])


@pytest.fixture(params=COMPLETE)
def row(request: pytest.FixtureRequest) -> Row:
    return rows()[request.param]


def test_the_rule_is_the_contracts(row: Row) -> None:
    found = operation(row)
    assert found["x-auth"] == row.auth
    assert (found["x-permission"] or "") == row.permission


def test_the_parameters_are_the_contracts(row: Row) -> None:
    found = operation(row)
    query, _, _ = request_of(row)
    sent = {p["name"]: p for p in found.get("parameters", []) if p["in"] == "query"}
    expected = {field.name for field in query} | (PAGING if row.paged else set())
    assert set(sent) >= expected
    assert not set(sent) - expected - PAGING
    for field in query:
        assert sent[field.name].get("required", False) <= field.required, field
    headers = {p["name"] for p in found.get("parameters", []) if p["in"] == "header"}
    assert ("Idempotency-Key" in headers) == row.idempotent


def test_the_body_is_the_contracts(row: Row) -> None:
    found = operation(row)
    _, body, form = request_of(row)
    if row.id in ANY_FIELD_OF:
        body = [*body, *request_of(rows()[ANY_FIELD_OF[row.id]])[1]]
    if row.id in OBJECT_BODY:
        names = response_fields(OBJECT_BODY[row.id])
        assert set(body_schema(found, "application/json")["properties"]) == names
        return
    if row.id in BODY_OF_THE_VENDOR:
        return
    if form:
        schema = body_schema(found, "application/x-www-form-urlencoded")
        assert set(schema["properties"]) == {field.name for field in form}
        assert set(schema.get("required", [])) <= {field.name for field in form if field.required}
        return
    if not body:
        assert "requestBody" not in found
        return
    schema = body_schema(found, "application/json")
    assert set(schema["properties"]) == {field.name for field in body} | ADDED_TO_BODY.get(row.id, set())
    if row.id not in ANY_FIELD_OF:
        assert set(schema.get("required", [])) == {field.name for field in body if field.required}


def test_the_answer_is_the_contracts(row: Row) -> None:
    found = operation(row)
    assert str(row.status) in found["responses"]
    if row.id in WITHOUT_ENVELOPE:
        return
    envelope = resolve(found["responses"][str(row.status)]["content"]["application/json"]["schema"])
    assert set(envelope["properties"]) == {"code", "message", "data"}
    data = resolve(envelope["properties"]["data"])
    as_list = list_item(row.response)
    if as_list is None:
        assert set(data["properties"]) == response_fields(ANSWER_OF.get(row.id, row.response)) | ADDED_TO_ANSWER.get(
            row.id, set()
        )
        return
    item, extra = as_list
    assert set(data["properties"]) == PAGE | extra
    shown = set(resolve(data["properties"]["items"]["items"])["properties"])
    assert shown == response_fields(item) | ADDED_TO_ANSWER.get(row.id, set())


def test_the_errors_are_listed(row: Row) -> None:
    found = operation(row)
    listed = {
        (int(status), error)
        for status, answer in found["responses"].items()
        if status != "default"
        for error in answer.get("x-errors", [])
    }
    assert set(row.errors) <= listed


def test_nothing_is_served_that_is_neither_in_the_contract_nor_explained() -> None:
    promised = {(row.method, row.path) for row in rows().values()}
    served = {(m.upper(), path) for path, ops in api()["paths"].items() for m in ops}
    assert served <= promised
