"""Whether a person or a device is banned, told to whoever carries the token or the device id."""

from functions.identity.schemas.security import BanStatus
from functions.identity.store import security as store
from shared import clock, tokens
from shared.errors import TokenExpired, Unauthenticated
from shared.i18n import Locale
from shared.settings import Settings
from shared.sql.connection import Connection

_ACCOUNT = {"zh-CN": "您的账号已被封禁", "en": "Your account is banned"}
_DEVICE = {"zh-CN": "此设备已被封禁", "en": "This device is banned"}
_UNTIL = {"zh-CN": "，至北京时间 {end:%Y-%m-%d %H:%M}", "en": " until {end:%Y-%m-%d %H:%M} Beijing time"}
_REASON = {"zh-CN": "。原因：{reason}", "en": ". Reason: {reason}"}


def status(db: Connection, authorization: str, device_id: str | None, locale: Locale) -> BanStatus:
    """What holds now. A token whose session was ended by the ban still says whose account is meant."""
    found = store.banned(db, _bearer(authorization), device_id, clock.now())
    return BanStatus.model_construct(
        account_banned=found.account,
        device_banned=found.device,
        ban_reason=found.reason,
        ban_end_time=found.end,
        notify_message=_message(found, locale),
    )


def _bearer(authorization: str) -> int | None:
    """The uid a token was issued to, if it is ours and not expired; its session is not looked at."""
    _, _, token = authorization.partition(" ")
    try:
        uid: int = tokens.verify(token.strip(), Settings.load().public_url)["sub"]
    except (TokenExpired, Unauthenticated):
        return None
    return uid


def _message(found: store.Banned, locale: Locale) -> str | None:
    if not (found.account or found.device):
        return None
    text = (_ACCOUNT if found.account else _DEVICE)[locale]
    if found.end:
        text += _UNTIL[locale].format(end=found.end.astimezone(clock.SHANGHAI))
    return text + (_REASON[locale].format(reason=found.reason) if found.reason else "")
