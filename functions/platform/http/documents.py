"""The API's own description: files that the build puts beside this domain's code."""

from functools import cache
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from shared.errors import NotFound
from shared.http.app import BASE
from shared.http.auth import Public

BUILT = Path(__file__).parents[1]
router = APIRouter(prefix=BASE, tags=["platform"])


@router.get("/openapi.json", include_in_schema=True)
async def openapi(_viewer: Public) -> Response:
    """The OpenAPI document of the whole API, written at build time from every domain's routes."""
    return Response(_document("openapi.json"), media_type="application/json", headers={"cache-control": "max-age=60"})


@router.get("/docs")
async def docs(_viewer: Public) -> HTMLResponse:
    """Swagger UI over the document above."""
    return HTMLResponse(
        _document("swagger/index.html"),
        headers={
            "content-security-policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
            "cache-control": "max-age=60",
        },
    )


@router.get("/docs/{asset}", include_in_schema=False)
async def docs_asset(asset: str, _viewer: Public) -> Response:
    """A file of Swagger UI."""
    kinds = {".js": "text/javascript", ".css": "text/css", ".png": "image/png"}
    kind = kinds.get(Path(asset).suffix)
    if kind is None or asset not in _assets():
        raise NotFound
    return Response(_document(f"swagger/{asset}"), media_type=kind, headers={"cache-control": "max-age=86400"})


@cache
def _document(name: str) -> bytes:
    """A file the build put there."""
    return (BUILT / name).read_bytes()


@cache
def _assets() -> frozenset[str]:
    return frozenset(path.name for path in (BUILT / "swagger").iterdir())
