"""Settings: by group, and changing them."""

from typing import Annotated

from fastapi import APIRouter, Query

from functions.admin.errors import SettingInvalid, SettingUnknown
from functions.admin.schemas.settings import SettingOut, SettingsChanged, SettingsIn
from functions.admin.service import settings as service
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, staff
from shared.http.envelope import Answer, Items, answer
from shared.http.problems import problems
from shared.http.sql import Read, Steps
from shared.sql.edge import unit_of_work
from shared.sql.tunables import forget_tunables

router = APIRouter(prefix=BASE + "/admin", tags=["admin"])


@router.get("/settings")
async def settings(
    _caller: Annotated[Caller, staff("settings:read")],
    db: Read,
    group: Annotated[str | None, Query(max_length=50)] = None,
) -> Answer[Items[SettingOut]]:
    """Settings by group, with their defaults and who set them last; secrets are masked."""
    return answer(Items.model_construct(items=service.shown(db, group)))


@router.put("/settings", responses=problems(SettingUnknown, SettingInvalid))
async def change_settings(
    body: SettingsIn, caller: Annotated[Caller, staff("settings:write")], context: Context, _steps: Steps
) -> Answer[SettingsChanged]:
    """Change up to 50 settings, all or none; in force everywhere within 60 s.

    Committed first, then copied for the functions that read them without a database; should the copy fail, the
    schedule makes it within the minute.
    """
    with unit_of_work() as db:
        changed = service.change(db, caller, context, body.items)
    forget_tunables()
    service.publish_changed([item.key for item in body.items])
    return answer(SettingsChanged.model_construct(updated=len(changed), items=changed))
