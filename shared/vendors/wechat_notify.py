"""WeChat Pay's notices: proved by its signature, opened with our key, meant for our merchant and app."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.vendors import wechat_sign
from shared.vendors.wechat_config import WechatConfig
from shared.vendors.wechat_results import Refund, Trade
from shared.vendors.wechat_sign import Keys, NotSignedError
from shared.vendors.wechat_transfers import Transfer

ACKNOWLEDGED: Final = '{"code":"SUCCESS","message":"OK"}'


@dataclass(frozen=True)
class Notice:
    """A believed notice, of a payment, a refund or a transfer."""

    notice_id: str
    event_type: str
    said: Trade | Refund | Transfer


def claimed_id(body: bytes) -> str:
    """The id a notice gives itself, before anyone believes it; empty when it gives none."""
    try:
        return str(json.loads(body)["id"])
    except (ValueError, KeyError, TypeError):
        return ""


def verify_notice(config: WechatConfig, keys: Keys, headers: Mapping[str, str], body: bytes, now: float) -> Notice:
    """Check who speaks, when and to whom, then read what is said. Raises NotSignedError."""
    wechat_sign.check(headers, body, keys, now)
    return read_notice(config, body)


def read_notice(config: WechatConfig, body: bytes) -> Notice:
    """Read a notice whose signature was checked before. Raises NotSignedError when it is not meant for us."""
    try:
        told = json.loads(body)
        opened = json.loads(wechat_sign.unseal(config.api_v3_key, told["resource"]))
        said = _read(told["resource"].get("original_type", ""), opened)
        notice = Notice(str(told["id"]), str(told["event_type"]), said)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NotSignedError("malformed") from error
    if opened.get("mchid") != config.mchid:
        raise NotSignedError("another merchant's")
    if isinstance(said, Trade) and said.appid != config.appid:
        raise NotSignedError("another app's")
    return notice


def _read(kind: str, opened: dict[str, Any]) -> Trade | Refund | Transfer:
    if "out_bill_no" in opened:
        return Transfer.read(opened)
    if kind == "refund" or "refund_status" in opened:
        return Refund.read(opened)
    return Trade.read(opened)
