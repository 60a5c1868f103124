"""What a client asks for first."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header
from starlette.responses import Response

from functions.platform import configuration
from functions.platform.schemas import ClientConfigOut
from shared.caller import Caller
from shared.dynamo import providers
from shared.http.app import BASE
from shared.http.auth import Public
from shared.http.conditional import conditional
from shared.http.envelope import Answer, answer
from shared.http.sql import Read
from shared.sql.tunables import tunable

router = APIRouter(prefix=BASE + "/config", tags=["platform"])
_VARY = "Authorization, X-API-Key, X-Device-Id"


@router.get("/client", response_model=Answer[ClientConfigOut])
async def client_config(
    viewer: Public,
    db: Read,
    device_id: Annotated[str | None, Header(alias="X-Device-Id", min_length=1, max_length=128)] = None,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response:
    """Channels, providers, locales and limits in force, and the features switched on for this caller.

    Settings are at most a minute old. Without a token, `X-Device-Id` keeps the features of a device stable.
    """
    found = answer(
        ClientConfigOut.model_construct(
            payment_channels=tunable(db, "payment.enabled_channels"),
            oauth_providers=providers.configured(),
            locales=tunable(db, "i18n.locales"),
            limits=configuration.limits(db),
            features=configuration.features(db, _subject(viewer, device_id)),
        )
    )
    etag = f'"{hashlib.sha256(found.model_dump_json().encode()).hexdigest()[:32]}"'
    return conditional(if_none_match, etag, lambda: found, {"vary": _VARY})


def _subject(viewer: Caller | None, device_id: str | None) -> str | None:
    """Whom a share of users is drawn by: the user, else the device, else nobody."""
    if viewer is not None:
        return f"user {viewer.uid}"
    return None if device_id is None else f"device {device_id}"
