"""Files the platform domain serves and nobody writes by hand: the merged OpenAPI document, and Swagger UI to read it with.

Swagger UI itself comes with Powertools, which every HTTP function has in its layer anyway.
"""

import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from infra import bundling
from infra.openapi import write_openapi

HERE = Path(__file__).parent
WRITTEN = ("index.html", "start.js")
VENDORED = ("swagger-ui-bundle.min.js", "swagger-ui.min.css")


def platform_files() -> Iterator[tuple[str, Path]]:
    """Where each file goes in the domain's zip, and where it lies."""
    yield "functions/platform/openapi.json", openapi()
    swagger_ui = Path(str(files("aws_lambda_powertools.event_handler.openapi.swagger_ui")))
    for folder, names in ((HERE / "swagger", WRITTEN), (swagger_ui, VENDORED)):
        for name in names:
            yield f"functions/platform/swagger/{name}", folder / name


def openapi() -> Path:
    """The document, drawn once for each state of the sources."""
    inputs = [path for root in ("functions", "shared", "events") for path in bundling.sources(bundling.REPOSITORY / root)]
    path = bundling.BUILT / f"openapi-{bundling.digest([HERE / 'openapi.py', *inputs])}" / "openapi.json"
    if not path.exists():
        bundling.BUILT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=bundling.BUILT) as scratch:
            drawn = Path(scratch) / path.name
            write_openapi(drawn)
            path.parent.mkdir(exist_ok=True)
            drawn.replace(path)
    return path
