"""Merchant transfers to a payee's balance: taken once per number, confirmed by the payee, closed after a day.

Shares no code with the product's client on purpose: a mistake made once would otherwise agree with itself.
"""

import json
import re
import secrets
from typing import Any, Final

from infra.local.sandbox.controls import UnheardOfError
from infra.local.sandbox.wechat.keys import APPID, MCHID
from infra.local.sandbox.wechat.records import Transfer
from infra.local.sandbox.wechat.vendor import DeclinedError, Wechat
from shared import clock

Told = dict[str, Any]

_NUMBER = re.compile(r"[0-9A-Za-z]{1,32}")
_SCENES: Final = {"1005": {"岗位类型", "报酬说明"}, "1000": {"活动名称", "奖励说明"}}
_NAMELESS_BELOW, _NAMED_FROM = 30, 200_000
_LONGEST_REMARK = 32
_REFUSALS: Final = {
    "refused": (400, "PARAM_ERROR", "openid 与 appid 不匹配"),
    "poor": (403, "NOT_ENOUGH", "商户账户余额不足"),
}


class LostError(Exception):
    """The answer does not reach the merchant."""


def offer(wechat: Wechat, told: Told, serial: str) -> Told:
    """`POST …/transfer-bills`: the same again tells what became of it. Raises DeclinedError or LostError."""
    number = str(told.get("out_bill_no", ""))
    behaviour = wechat.switches.of(number)
    lost = behaviour.transfer in {"unknown", "lost"}
    if lost:
        wechat.switches.spend("transfer", number)
    if behaviour.transfer == "lost":
        raise LostError
    if behaviour.transfer in _REFUSALS:
        raise DeclinedError(*_REFUSALS[behaviour.transfer])
    name = _checked(wechat, told, serial)
    request = json.dumps(told | {"user_name": name}, sort_keys=True, ensure_ascii=False)
    known = wechat.transfers.get(number)
    if known is not None and known.request != request:
        raise DeclinedError(400, "INVALID_REQUEST", "商户单号已存在且参数不一致")
    if known is None:
        known = Transfer(
            out_bill_no=number,
            transfer_bill_no=f"13300{secrets.randbelow(10**20):020d}",
            request=request,
            openid=told["openid"],
            amount=told["transfer_amount"],
            notify_url=told["notify_url"],
            fate="confirm" if lost else behaviour.transfer,
            made_at=clock.now(),
            package=secrets.token_urlsafe(24),
            name=name,
        )
        _keep(wechat, known)
    if lost:
        raise LostError
    state, _ = known.state
    return shown(known) | ({"package_info": known.package} if state == "WAIT_USER_CONFIRM" else {})


def query(wechat: Wechat, number: str) -> Told:
    """`GET …/out-bill-no/{no}`. Raises DeclinedError."""
    transfer = wechat.transfers.get(number)
    if transfer is None:
        raise DeclinedError(404, "NOT_FOUND", "记录不存在")
    transfer.asked += 1
    _keep(wechat, transfer)
    return shown(transfer) | {"appid": APPID, "openid": transfer.openid}


def cancel(wechat: Wechat, number: str) -> Told:
    """`POST …/out-bill-no/{no}/cancel`, before the payee confirmed. Raises DeclinedError."""
    transfer = wechat.transfers.get(number)
    if transfer is None or transfer.state[0] != "WAIT_USER_CONFIRM":
        raise DeclinedError(400, "INVALID_REQUEST", "当前状态不可撤销")
    transfer.cancelled_at = clock.now()
    _keep(wechat, transfer)
    return shown(transfer)


def confirm(wechat: Wechat, told: Told) -> Told:
    """The payee confirms: `{"out_bill_no"}`. Raises UnheardOfError or DeclinedError."""
    transfer = wechat.transfers.get(str(told.get("out_bill_no", "")))
    if transfer is None:
        raise UnheardOfError
    if transfer.state[0] != "WAIT_USER_CONFIRM":
        raise DeclinedError(400, "INVALID_REQUEST", "当前状态不可确认")
    transfer.confirmed_at = clock.now()
    _keep(wechat, transfer)
    return shown(transfer)


def shown(transfer: Transfer) -> Told:
    """As call, query and notice tell it."""
    state, reason = transfer.state
    told = {
        "mch_id": MCHID,
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "state": state,
        "transfer_amount": transfer.amount,
        "create_time": transfer.made_at.astimezone(clock.SHANGHAI).isoformat(timespec="seconds"),
        "update_time": clock.now().astimezone(clock.SHANGHAI).isoformat(timespec="seconds"),
    }
    return told | ({"fail_reason": reason} if reason else {})


def _keep(wechat: Wechat, transfer: Transfer) -> None:
    """Remember it, and tell the merchant once when it is over."""
    over = transfer.state[0] in {"SUCCESS", "FAIL", "CANCELLED"}
    tell, transfer.told = over and not transfer.told, transfer.told or over
    wechat.transfers.keep(transfer.out_bill_no, transfer)
    if tell:
        told = shown(transfer) | {"mchid": MCHID, "openid": transfer.openid}
        behaviour = wechat.switches.of(transfer.out_bill_no)
        wechat.tell(
            [transfer.out_bill_no], "MCHTRANSFER.BILL.FINISHED", told, behaviour, url=transfer.notify_url, kind="mch_payment"
        )


def _checked(wechat: Wechat, told: Told, serial: str) -> str:
    """The payee's name in the clear. Raises DeclinedError."""
    amount, reports = told.get("transfer_amount"), told.get("transfer_scene_report_infos") or []
    wanted = _SCENES.get(str(told.get("transfer_scene_id")))
    if (
        not _NUMBER.fullmatch(str(told.get("out_bill_no", "")))
        or told.get("appid") != APPID
        or not told.get("openid")
        or type(amount) is not int
        or amount < 1
        or not 1 <= len(str(told.get("transfer_remark", ""))) <= _LONGEST_REMARK
        or "?" in str(told.get("notify_url", "?"))
    ):
        raise DeclinedError(400, "PARAM_ERROR", "参数错误")
    if wanted is None or {item.get("info_type") for item in reports} != wanted or len(reports) != len(wanted):
        raise DeclinedError(400, "PARAM_ERROR", "转账场景报备信息有误")
    sealed = told.get("user_name")
    if (sealed and amount < _NAMELESS_BELOW) or (not sealed and amount >= _NAMED_FROM):
        raise DeclinedError(400, "PARAM_ERROR", "收款用户姓名有误")
    name = wechat.keys.opened(str(sealed), serial) if sealed else ""
    if name is None:
        raise DeclinedError(400, "PARAM_ERROR", "收款用户姓名解密失败")
    return name
