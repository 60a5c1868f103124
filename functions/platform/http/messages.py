"""Locales, messages, and the staff who edit them."""

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from functions.platform import message_store as store
from functions.platform import messages
from functions.platform.errors import LocaleNotFound, PlaceholderMismatch
from functions.platform.schemas import LocaleOut, LocalesOut, MessagesIn, MessagesOut, MessagesWritten, Namespace
from shared.caller import Caller
from shared.http.app import BASE
from shared.http.auth import Context, Public, staff
from shared.http.conditional import conditional
from shared.http.envelope import Answer, answer
from shared.http.problems import problems
from shared.http.sql import Read, Write
from shared.i18n import DEFAULT_LOCALE
from shared.sql.audit import admin_operation
from shared.sql.tunables import tunable

router = APIRouter(prefix=BASE, tags=["platform"])
LocaleName = Annotated[str, Path(max_length=20)]


@router.get("/i18n/locales")
async def locales(_viewer: Public, db: Read) -> Answer[LocalesOut]:
    """Locales in use, with their formats."""
    in_use = tunable(db, "i18n.locales")
    return answer(
        LocalesOut.model_construct(
            default=tunable(db, "i18n.default_locale"),
            items=[LocaleOut.model_construct(**row) for row in store.locales(db) if row["locale"] in in_use],
        )
    )


@router.get("/i18n/messages/{locale}", response_model=Answer[MessagesOut], responses=problems(LocaleNotFound))
async def catalogue(
    locale: LocaleName,
    _viewer: Public,
    db: Read,
    namespace: Annotated[Namespace | None, Query()] = None,
    if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
) -> Response:
    """Messages of a locale: of one namespace by their keys, or of all by `namespace.key` (those of `common` by their keys).

    What a locale lacks it says in zh-CN, so its ETag follows both versions.
    """
    versions = store.versions(db)
    if locale not in versions:
        raise LocaleNotFound
    etag = f'"{locale}.{versions[locale]}.{versions[DEFAULT_LOCALE]}.{namespace or ""}"'
    return conditional(
        if_none_match,
        etag,
        lambda: answer(
            MessagesOut.model_construct(
                locale=locale, version=versions[locale], messages=messages.catalogue(db, locale, namespace)
            )
        ),
    )


@router.put("/admin/i18n/messages/{locale}", responses=problems(LocaleNotFound, PlaceholderMismatch))
async def write_messages(
    *,
    locale: LocaleName,
    body: MessagesIn,
    caller: Annotated[Caller, staff("i18n:write")],
    context: Context,
    db: Write,
) -> Answer[MessagesWritten]:
    """Write messages of a locale, named as they are listed; null deletes."""
    written = messages.write(db, locale, body.namespace, body.messages)
    admin_operation(
        db,
        caller,
        context,
        "i18n_write",
        ("i18n_messages", written.version),
        locale=locale,
        before=written.before,
        after=written.after,
    )
    return answer(
        MessagesWritten.model_construct(
            locale=locale, version=written.version, updated=written.updated, deleted=written.deleted
        )
    )
