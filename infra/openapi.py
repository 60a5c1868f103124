"""One OpenAPI document out of every domain's routes, without a server: `python -m infra.openapi build/openapi.json`.

Each operation carries `x-auth` and `x-permission` (its rule) and `x-errors` (the stable names it may answer).
"""

import json
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from shared.api_keys import scope_for
from shared.errors import EVERYWHERE
from shared.http.auth import Rule, UserRule
from shared.http.problems import problems

ROOT = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"
_DESCRIPTION = """ShareStack: publish articles, audio and video, sell subscriptions and single works, get paid.

Success is `{"code": 0, "message": "success", "data": ...}`; an error is
`{"code", "error", "message", "details", "request_id"}` with `message` in the language of `Accept-Language` (zh-CN, en).
Errors any route may answer: """ + ", ".join(refusal.error for refusal in EVERYWHERE)

_KEYS = """A key of `POST /api/v1/api-keys`, instead of a token, never beside one. Each operation names the scope it needs:
read (GET), write (the rest), ai, trade. Operations that list no `api_key` need a person."""


def apps() -> Iterator[tuple[str, FastAPI]]:
    """Every FastAPI application of every HTTP function, by `<domain>.<function>`."""
    for manifest in sorted((ROOT / "functions").glob("*/manifest.py")):
        domain = manifest.parent.name
        for function in import_module(f"functions.{domain}.manifest").MANIFEST.functions:
            if hasattr(function, "routes"):
                yield f"{domain}.{function.name}", import_module(f"functions.{domain}.{function.name}").app


def rule_of(route: APIRoute) -> Rule | None:
    """The auth rule a route names, found among its dependencies."""
    for dependency in route.dependant.dependencies:
        if isinstance(dependency.call, Rule):
            return dependency.call
    return None


@cache
def document() -> dict[str, Any]:
    """The merged document, made once: it is to be read, not changed. Two functions claiming one operation is an error."""
    merged: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "ShareStack", "version": VERSION, "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": {},
        "components": {
            "schemas": {},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": _KEYS},
            },
        },
    }
    for name, app in apps():
        _merge(merged, name, app)
    merged["paths"] = dict(sorted(merged["paths"].items()))
    return merged


def _merge(merged: dict[str, Any], name: str, app: FastAPI) -> None:
    routes = [route for route in app.router.routes if isinstance(route, APIRoute) and route.include_in_schema]
    part = _apart(get_openapi(title=name, version=VERSION, routes=routes), merged["components"]["schemas"], name)
    for path, operations in part["paths"].items():
        known = merged["paths"].setdefault(path, {})
        if known.keys() & operations.keys():
            message = f"{name} and another function both serve {path}"
            raise ValueError(message)
        known.update(operations)
    merged["components"]["schemas"].update(part.get("components", {}).get("schemas", {}))
    common = problems(*EVERYWHERE)
    for route in routes:
        rule = rule_of(route)
        for method in route.methods or ():
            operation = merged["paths"][route.path_format][method.lower()]
            operation["x-auth"] = rule.name if rule else "none"
            operation["x-permission"] = rule.permission if rule else None
            if rule and rule.name not in {"public", "signature"}:
                scope = scope_for(method, route.path_format) if isinstance(rule, UserRule) else None
                operation["security"] = [{"bearer": []}, *([{"api_key": [scope]}] if scope else [])]
            operation["x-errors"] = sorted(
                {error for answer in operation["responses"].values() for error in answer.get("x-errors", [])}
            )
            operation["responses"].setdefault(
                "default", {"description": "An error every route may answer", "content": _problem_content()}
            )
            for status in (401, 403, 404, 422, 429):
                _document_common(operation["responses"], status, common[status])


def _apart(part: dict[str, Any], known: dict[str, Any], name: str) -> dict[str, Any]:
    """Two domains may each have a `ProcessIn`; the second one's is told apart by its domain's name."""
    own = part.get("components", {}).get("schemas", {})
    text = json.dumps(part)
    for schema in [schema for schema, shape in own.items() if known.get(schema, shape) != shape]:
        renamed = f"{name.split('.', maxsplit=1)[0].capitalize()}{schema}"
        text = text.replace(f'"#/components/schemas/{schema}"', f'"#/components/schemas/{renamed}"')
        text = text.replace(f'"{schema}": {{', f'"{renamed}": {{')
    separate: dict[str, Any] = json.loads(text)
    return separate


def _problem_content() -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _document_common(responses: dict[str, Any], status: int, common: dict[str, Any]) -> None:
    if status == 422 or str(status) not in responses:  # noqa: PLR2004 - FastAPI's own 422 has another shape
        own = responses.get(str(status), {})
        names = [*own.get("x-errors", []), *common["x-errors"]]
        responses[str(status)] = {
            "description": "; ".join(names),
            "content": _problem_content(),
            "x-errors": names,
        }


def write_openapi(path: Path) -> None:
    """Write the document to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(), ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    write_openapi(Path(sys.argv[1] if len(sys.argv) > 1 else "build/openapi.json"))
