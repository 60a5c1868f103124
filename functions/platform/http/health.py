"""Is it alive, and is what it stands on there?"""

import os

from fastapi import APIRouter

from functions.platform import probes
from functions.platform.errors import NotReady
from functions.platform.schemas import HealthOut, ReadyOut
from shared import clock
from shared.http.app import BASE
from shared.http.auth import Public
from shared.http.envelope import Answer, answer
from shared.http.problems import problems

RELEASE = "0.1.0"
router = APIRouter(prefix=BASE + "/health", tags=["platform"])


@router.get("")
async def health(_viewer: Public) -> Answer[HealthOut]:
    """Alive: this function answers."""
    return answer(
        HealthOut.model_construct(
            status="ok", version=RELEASE, region=os.environ.get("AWS_REGION", "us-east-1"), time=clock.now()
        )
    )


@router.get("/ready", responses=problems(NotReady))
async def ready(_viewer: Public) -> Answer[ReadyOut]:
    """Ready: what this product stands on answers too."""
    found = probes.readiness()
    if found.status == "down":
        raise NotReady(status=found.status, checks=found.checks.model_dump())
    return answer(found)
