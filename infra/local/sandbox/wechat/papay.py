"""委托代扣 over WeChat's older wire: contracts and debits.

Shares no code with the product's client on purpose: a mistake made once would otherwise agree with itself.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from infra.local.sandbox.courier import Delivery
from infra.local.sandbox.wechat.keys import APPID, MCHID, PLAN_ID
from infra.local.sandbox.wechat.records import Behaviour, Contract, Trade
from infra.local.sandbox.wechat.vendor import DeclinedError, Wechat
from shared import clock

LADDER_SECONDS = (10, 10, 10, 30, 30, 30, *(300,) * 24)
_ACCEPTED = "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>"
_LATE_SECONDS = 3.0
_HOURS = range(7, 22)
_OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
_REFUSALS = {"insufficient": ("NOTENOUGH", "余额不足"), "limit": ("RULELIMIT", "交易金额或次数超出限制")}

Told = dict[str, str]
Method = Callable[[Wechat, Told], Told]


def signature(key: str, told: Told, *, how: str) -> str:
    """WeChat's keyed hash of some fields."""
    text = "&".join(f"{name}={told[name]}" for name in sorted(told) if told[name] and name != "sign") + f"&key={key}"
    if how == "MD5":
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()  # the wire is WeChat's
    return hmac.new(key.encode(), text.encode(), "sha256").hexdigest().upper()


def offer(wechat: Wechat, told: Told) -> Contract:
    """The page is opened: the same code is the same contract. Raises DeclinedError."""
    code = told.get("contract_code", "")
    if not code.isalnum() or told.get("plan_id") != PLAN_ID or not told.get("notify_url") or told.get("version") != "1.0":
        raise DeclinedError(400, "PARAM_ERROR", "参数构造错误")
    known = wechat.contracts.get(code)
    if known is None:
        known = Contract(
            contract_code=code,
            serial=told["request_serial"],
            account=told.get("contract_display_account", ""),
            page=secrets.token_urlsafe(12),
            notify_url=told["notify_url"],
            made_at=clock.now(),
        )
        wechat.contracts.keep(code, known)
    return known


def sign(wechat: Wechat, contract: Contract) -> None:
    """The buyer agrees. A code that was used is used up. Raises DeclinedError."""
    if contract.signed_at is not None:
        raise DeclinedError(400, "CONTRACTED", "签约协议号已使用")
    contract.contract_id, contract.signed_at = f"{clock.now():%Y%m%d}{secrets.randbelow(10**10):010d}", clock.now()
    wechat.contracts.keep(contract.contract_code, contract)
    _tell_of_contract(wechat, contract, "ADD")


def end(wechat: Wechat, contract: Contract, mode: str = "2") -> None:
    """It ends: 2 by the buyer, 3 by the merchant's call. Raises DeclinedError."""
    if contract.signed_at is None or contract.ended_at is not None:
        raise DeclinedError(400, "CONTRACT_NOT_EXIST", "签约协议不存在")
    contract.ended_at, contract.mode = clock.now(), mode
    wechat.contracts.keep(contract.contract_code, contract)
    _tell_of_contract(wechat, contract, "DELETE")


def _query_contract(wechat: Wechat, told: Told) -> Told:
    found = _contract(wechat, told)
    signed = found.signed_at or found.made_at
    answer = {
        "contract_id": found.contract_id,
        "plan_id": PLAN_ID,
        "contract_code": found.contract_code,
        "request_serial": found.serial,
        "contract_display_account": found.account,
        "openid": _OPENID,
        "contract_state": "0" if found.ended_at is None else "1",
        "contract_signed_time": _spaced(signed),
    }
    return answer | ({"contract_termination_mode": found.mode} if found.ended_at else {})


def _delete_contract(wechat: Wechat, told: Told) -> Told:
    found = _contract(wechat, told)
    end(wechat, found, "3")
    return {"contract_id": found.contract_id, "plan_id": PLAN_ID, "contract_code": found.contract_code}


def _apply(wechat: Wechat, told: Told) -> Told:
    number = told.get("out_trade_no", "")
    known = wechat.trades.get(number)
    if known is not None:
        raise DeclinedError(400, "ORDERPAID" if known.paid_at else "OUT_TRADE_NO_USED", "商户订单号重复")
    behaviour = wechat.switches.of(number, told.get("attach"), told.get("contract_id"))
    wechat.switches.spend("debit", number, told.get("attach"), told.get("contract_id"))
    contract = next(
        (one for one in wechat.contracts if one.contract_id and one.contract_id == told.get("contract_id")), None
    )
    if contract is None or contract.ended_at is not None or behaviour.debit == "ended":
        raise DeclinedError(400, "CONTRACT_NOT_EXIST", "签约协议不存在")
    if not contract.may_be_debited(int(told["total_fee"]), clock.now()):
        raise DeclinedError(400, "INVALID_REQUEST", "未发送预扣费通知或不在可扣费期")
    trade = Trade(
        out_trade_no=number,
        attach=told.get("attach", ""),
        kind="pap",
        code=secrets.token_urlsafe(12),
        description=told.get("body", ""),
        total=int(told["total_fee"]),
        notify_url=told["notify_url"],
        expires_at=clock.now() + timedelta(days=1),
        made_at=clock.now(),
    )
    if behaviour.debit in _REFUSALS:
        trade.failed, trade.closed_at = _REFUSALS[behaviour.debit][0], clock.now()
    else:
        wechat.take(trade)
        contract.debited = True
        wechat.contracts.keep(contract.contract_code, contract)
    wechat.trades.keep(number, trade)
    _tell_of_debit(wechat, trade, behaviour)
    return {}


def announce(wechat: Wechat, contract_id: str, told: dict[str, Any]) -> None:
    """A debit that is to come. Raises DeclinedError."""
    contract = next((one for one in wechat.contracts if one.contract_id == contract_id and one.ended_at is None), None)
    if contract is None:
        raise DeclinedError(400, "CONTRACT_NOT_EXIST", "签约协议不存在")
    switch = wechat.switches.of(contract_id, contract.contract_code).announcement
    hour = clock.now().astimezone(clock.SHANGHAI).hour
    if switch == "declined" or (switch == "heard" and hour not in _HOURS):
        raise DeclinedError(400, "INVALID_REQUEST", "当前不可发送预扣费通知")
    amount, duration = told.get("estimated_amount") or {}, told.get("deduct_duration") or {}
    total = amount.get("amount")
    if (
        (told.get("mchid"), told.get("appid"), amount.get("currency"), duration.get("unit")) != (MCHID, APPID, "CNY", "DAY")
        or type(total) is not int
        or total <= 0
        or duration.get("count") not in {1, 2, 3}
    ):
        raise DeclinedError(400, "PARAM_ERROR", "参数错误")
    contract.announced_at, contract.announced_amount, contract.announced_days = clock.now(), total, duration["count"]
    wechat.contracts.keep(contract.contract_code, contract)


def _query_debit(wechat: Wechat, told: Told) -> Told:
    trade = wechat.trades.get(told.get("out_trade_no", ""))
    if trade is None:
        raise DeclinedError(400, "ORDERNOTEXIST", "订单不存在")
    return _debit(trade)


def _debit(trade: Trade) -> Told:
    told = {"out_trade_no": trade.out_trade_no, "attach": trade.attach, "trade_state": trade.state}
    if trade.failed:
        return told | {"trade_state": "PAY_FAIL", "err_code": trade.failed, "total_fee": str(trade.total)}
    if trade.paid_at is None:
        return told
    paid = trade.paid_at.astimezone(clock.SHANGHAI)
    return told | {
        "transaction_id": trade.transaction_id or "",
        "trade_type": "PAP",
        "bank_type": "OTHERS",
        "total_fee": str(trade.paid),
        "fee_type": "CNY",
        "time_end": f"{paid:%Y%m%d%H%M%S}",
        "openid": _OPENID,
    }


def _contract(wechat: Wechat, told: Told) -> Contract:
    found = wechat.contracts.get(told.get("contract_code", ""))
    if found is None or found.signed_at is None or told.get("plan_id") != PLAN_ID:
        raise DeclinedError(400, "CONTRACT_NOT_EXIST", "签约协议不存在")
    return found


def _tell_of_contract(wechat: Wechat, contract: Contract, change: str) -> None:
    told = {
        "return_code": "SUCCESS",
        "result_code": "SUCCESS",
        "mch_id": MCHID,
        "contract_code": contract.contract_code,
        "plan_id": PLAN_ID,
        "openid": _OPENID,
        "change_type": change,
        "operate_time": _spaced((contract.ended_at if change == "DELETE" else contract.signed_at) or clock.now()),
        "contract_id": contract.contract_id,
        "request_serial": contract.serial,
    } | ({"contract_termination_mode": contract.mode} if change == "DELETE" else {})
    _post(wechat, told, contract.notify_url, [contract.contract_code], wechat.switches.of(contract.contract_code))


def _tell_of_debit(wechat: Wechat, trade: Trade, behaviour: Behaviour) -> None:
    told = {"return_code": "SUCCESS", "result_code": "FAIL" if trade.failed else "SUCCESS", "appid": APPID, "mch_id": MCHID}
    told |= _debit(trade) | {"nonce_str": secrets.token_hex(8)}
    if behaviour.notify == "wrong_amount":
        told["total_fee"] = str(trade.paid + 100)
    _post(wechat, told, trade.notify_url, [trade.out_trade_no, trade.attach], behaviour)


def _post(wechat: Wechat, told: Told, url: str, numbers: list[str], behaviour: Behaviour) -> None:
    merchant = {"mch_id": "1900000002"} if behaviour.notify == "wrong_merchant" else {}
    told |= merchant
    told["sign"] = signature(wechat.keys.api_v2_key, told, how="HMAC-SHA256")
    if behaviour.notify == "wrong_signature":
        told["sign"] = told["sign"][::-1]
    usual = _LATE_SECONDS if behaviour.notify == "late" else 0.0
    delay = usual if behaviour.delay_seconds is None or behaviour.notify != "late" else behaviour.delay_seconds
    for _ in range({"silent": 0, "duplicate": 2}.get(behaviour.notify, 1)):
        wechat.courier.post(
            Delivery(
                id=wechat.courier.next_id(),
                vendor="wechat",
                numbers=[number for number in numbers if number],
                url=url,
                body=xml(told),
                expected=_ACCEPTED,
                due_at=clock.now() + timedelta(seconds=delay),
                waits=[seconds * wechat.time_scale for seconds in LADDER_SECONDS],
            )
        )


def _spaced(moment: Any) -> str:
    return f"{moment.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}"


def xml(told: Told) -> str:
    return "<xml>" + "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in told.items()) + "</xml>"


METHODS: dict[str, tuple[Method, str]] = {
    "papay/querycontract": (_query_contract, "HMAC-SHA256"),
    "papay/deletecontract": (_delete_contract, "MD5"),
    "pay/pappayapply": (_apply, "HMAC-SHA256"),
    "pay/paporderquery": (_query_debit, "MD5"),
}
"""Each call by its path, and the hash it is signed with."""
