"""The whole API on the rolled-back database: whichever function serves a path answers it, as the manifests say."""

from importlib import import_module
from typing import Any

from infra.manifests import discover
from shared.manifest import HttpFunction
from tests.fixtures.api import Api, Reply
from tests.fixtures.postgres import House

PREFIXES = sorted(
    (
        (route.removesuffix("/{proxy+}"), route.endswith("{proxy+}"), manifest.domain, function.name)
        for manifest in discover()
        for function in manifest.functions
        if isinstance(function, HttpFunction)
        for route in function.routes
    ),
    key=lambda entry: (-entry[0].count("/"), entry[1]),
)
"""What serves below which path, the most specific first; an exact path before a prefix."""


def serving(path: str) -> tuple[str, str]:
    """Domain and function that serve a path (without `/api/v1`), as API Gateway would find them."""
    for prefix, is_open, domain, name in PREFIXES:
        if path == prefix or (is_open and path.startswith(f"{prefix}/")):
            return domain, name
    raise AssertionError(f"nobody serves {path}")


class Door:
    """A client of every domain."""

    def __init__(self, house: House) -> None:
        self._house = house

    def call(self, method: str, path: str, **options: Any) -> Reply:
        """One request by the function whose path it is."""
        domain, name = serving(path)
        handler = import_module(f"functions.{domain}.{name}").handler
        return Api(handler, self._house, domain).call(method, path, **options)
