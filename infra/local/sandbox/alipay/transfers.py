"""Transfers to payees: accepted once per number, decided at once, told at once or later."""

import json
from datetime import timedelta
from typing import Any

from infra.local.sandbox.alipay.records import Behaviour, Transfer, TransferFate
from infra.local.sandbox.alipay.wire import DeclinedError, beijing, fen, new_number
from infra.local.sandbox.shelf import Shelf
from shared import clock

_TO_ACCOUNT, _TO_CARD = "TRANS_ACCOUNT_NO_PWD", "TRANS_BANKCARD_NO_PWD"
LEAST_FEN = 10
MEMO_FROM_FEN = 50_000 * 100
_REASONS = {"FAIL": ("PAYEE_NOT_EXIST", "收款账号不存在"), "REFUND": ("PAYEE_ACC_RETURNED", "收款方退回")}

Answer = dict[str, Any]


class Transfers:
    """What the merchant sent out."""

    def __init__(self, transfers: Shelf[Transfer]) -> None:
        self.transfers = transfers

    def send(self, biz: dict[str, Any], behaviour: Behaviour) -> Answer:
        """`alipay.fund.trans.uni.transfer`. One number with other parameters is refused. Raises DeclinedError."""
        out_biz_no, amount, identity = _checked(biz)
        request = json.dumps(biz, sort_keys=True, ensure_ascii=False)
        known = self.transfers.get(out_biz_no)
        if known is not None and known.request != request:
            raise DeclinedError("PAYMENT_INFO_INCONSISTENCY", "两次请求商户单号一样，但是参数不一致")
        if known is None or known.fate == "FAIL":
            known = self._decide(out_biz_no, request, amount, identity, behaviour)
            self.transfers.keep(out_biz_no, known)
        if behaviour.transfer == "fail" and known.fate == "FAIL":
            raise DeclinedError(*_REASONS["FAIL"])
        return _told(known)

    def query(self, biz: dict[str, Any]) -> Answer:
        """`alipay.fund.trans.common.query`. Raises DeclinedError when the number was never received."""
        transfer = self.transfers.get(str(biz.get("out_biz_no", "")))
        if biz.get("order_id"):
            transfer = next((one for one in self.transfers if one.order_id == biz["order_id"]), None)
        asked_for = biz.get("product_code", "")
        if transfer is None or (asked_for and json.loads(transfer.request)["product_code"] != asked_for):
            raise DeclinedError("ORDER_NOT_EXIST", "转账订单不存在")
        transfer.queries += 1
        self.transfers.keep(transfer.out_biz_no, transfer)
        return _told(transfer)

    @staticmethod
    def _decide(out_biz_no: str, request: str, amount: int, payee: str, behaviour: Behaviour) -> Transfer:
        fates: dict[str, TransferFate] = {"fail": "FAIL", "fail_later": "FAIL", "returned": "REFUND"}
        delay = behaviour.delay_seconds
        waits = behaviour.transfer in {"dealing", "fail_later", "returned"}
        # A payout that comes back is seen as done until it does; without a set time it is only seen as under
        # way.
        before = "SUCCESS" if behaviour.transfer == "returned" and delay is not None else "DEALING"
        return Transfer(
            out_biz_no=out_biz_no,
            order_id=new_number(),
            request=request,
            amount=amount,
            payee=payee,
            fate=fates.get(behaviour.transfer, "SUCCESS"),
            before=before if waits else None,
            settles_at=clock.now() + timedelta(seconds=delay) if waits and delay is not None else None,
            made_at=clock.now(),
        )


def status(transfer: Transfer) -> str:
    """As it is told now."""
    if transfer.before is None:
        return transfer.fate
    over = transfer.queries > 1 if transfer.settles_at is None else clock.now() >= transfer.settles_at
    return transfer.fate if over else transfer.before


def _told(transfer: Transfer) -> Answer:
    now = status(transfer)
    answer = {"order_id": transfer.order_id, "out_biz_no": transfer.out_biz_no, "status": now}
    if now in _REASONS:
        answer["error_code"], answer["fail_reason"] = _REASONS[now]
    else:
        answer["pay_fund_order_id"] = transfer.order_id
        answer["trans_date"] = beijing(transfer.made_at)
    return answer


def _checked(biz: dict[str, Any]) -> tuple[str, int, str]:
    out_biz_no = str(biz.get("out_biz_no", ""))
    payee = biz.get("payee_info")
    if not out_biz_no or not isinstance(payee, dict) or biz.get("biz_scene") != "DIRECT_TRANSFER":
        raise DeclinedError("INVALID_PARAMETER", "参数有误")
    to_card = payee.get("identity_type") == "BANKCARD_ACCOUNT"
    if biz.get("product_code") != (_TO_CARD if to_card else _TO_ACCOUNT):
        raise DeclinedError("INVALID_PARAMETER", "产品码与收款方类型不符")
    amount = fen(biz.get("trans_amount"))
    if amount < LEAST_FEN:
        raise DeclinedError("EXCEED_LIMIT_SM_MIN_AMOUNT", "单笔最低金额 0.1 元")
    if amount >= MEMO_FROM_FEN and not biz.get("remark"):
        raise DeclinedError("MEMO_REQUIRED_IN_TRANSFER_ERROR", "转账 50000 元以上须填写备注")
    named = payee.get("identity_type") in {"ALIPAY_LOGON_ID", "BANKCARD_ACCOUNT"}
    if not payee.get("identity") or (named and not payee.get("name")):
        raise DeclinedError("PAYEE_USER_INFO_ERROR", "收款方信息有误")
    if to_card and (payee.get("bankcard_ext_info") or {}).get("account_type") != "2":
        raise DeclinedError("INVALID_PARAMETER", "银行卡账户类型有误")
    return out_biz_no, amount, str(payee["identity"])
