"""Routes of platform: health, the API's own description, background jobs."""

import os
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from functions.platform import probes
from functions.platform.errors import JobNotFound, NotReady
from functions.platform.schemas import HealthOut, ReadyOut
from shared import clock
from shared.dynamo.jobs import find_job
from shared.errors import NotFound
from shared.http.app import BASE, create_app, lambda_handler
from shared.http.auth import Public, SignedIn
from shared.http.envelope import Answer, answer
from shared.http.jobs import JobOut, job_out
from shared.http.problems import problems

RELEASE = "0.1.0"
router = APIRouter(prefix=BASE, tags=["platform"])


@router.get("/health")
async def health(_viewer: Public) -> Answer[HealthOut]:
    """Alive: this function answers."""
    return answer(
        HealthOut.model_construct(
            status="ok", version=RELEASE, region=os.environ.get("AWS_REGION", "us-east-1"), time=clock.now()
        )
    )


@router.get("/health/ready", responses=problems(NotReady))
async def ready(_viewer: Public) -> Answer[ReadyOut]:
    """Ready: what this product stands on answers too."""
    found = probes.readiness()
    if found.status == "down":
        raise NotReady(status=found.status, checks=found.checks.model_dump())
    return answer(found)


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


@router.get("/jobs/{job_id}", responses=problems(JobNotFound))
async def job(job_id: str, caller: SignedIn) -> Answer[JobOut]:
    """State and result of an own job; operators with `system:read` see any."""
    item = find_job(job_id)
    if item is None or (int(item.uid) != caller.uid and not caller.may("system:read")):
        raise JobNotFound
    return answer(job_out(item))


@cache
def _document(name: str) -> bytes:
    """A file the build put beside this module."""
    return (Path(__file__).parent / name).read_bytes()


@cache
def _assets() -> frozenset[str]:
    return frozenset(path.name for path in Path(__file__).with_name("swagger").iterdir())


app = create_app("platform", router)
handler = lambda_handler(app)
