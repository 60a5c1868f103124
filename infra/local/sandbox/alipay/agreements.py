"""周期扣款: what buyers agreed to, the page they agree on, and the debits made by it."""

import re
import secrets
from datetime import date, timedelta
from html import escape
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from starlette.responses import HTMLResponse

from infra.local.sandbox.alipay.keys import APP_ID, Keys
from infra.local.sandbox.alipay.notices import Notices
from infra.local.sandbox.alipay.records import Agreement, Behaviour, Trade
from infra.local.sandbox.alipay.trades import BUYER_ID, BUYER_LOGON, Trades
from infra.local.sandbox.alipay.wire import DeclinedError, beijing, fen, new_number, yuan
from infra.local.sandbox.shelf import Shelf
from infra.local.sandbox.web import page
from shared import clock

Answer = dict[str, Any]

_NUMBER = re.compile(r"[A-Za-z0-9]{1,32}")
_DAYS_EARLY = timedelta(days=5)
_LAST_DAY = 28
_TITLE = "支付宝签约 Alipay agreement"
_REFUSALS = {
    "insufficient": ("ACQ.BUYER_BALANCE_NOT_ENOUGH", "买家余额不足"),
    "limit": ("ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR", "买家付款日限额超限"),
}


class Agreements:
    """The agreements of one merchant's buyers."""

    def __init__(self, shelf: Shelf[Agreement], trades: Trades, keys: Keys, notices: Notices) -> None:
        self.shelf = shelf
        self._trades, self._keys, self._notices = trades, keys, notices

    def offer(self, biz: dict[str, Any], notify_url: str | None, return_url: str | None) -> Agreement:
        """The browser comes to agree; the same number again is the same agreement, or a new one once that ended."""
        number, rule = str(biz.get("external_agreement_no", "")), biz.get("period_rule_params") or {}
        if not _NUMBER.fullmatch(number) or not biz.get("sign_scene") or not (biz.get("access_params") or {}).get("channel"):
            raise DeclinedError("INVALID_PARAMETER", "参数有误：external_agreement_no、sign_scene 或 access_params")
        if biz.get("personal_product_code") != "CYCLE_PAY_AUTH_P" or rule.get("period_type") != "MONTH":
            raise DeclinedError("INVALID_PARAMETER", "只支持按月的周期扣款")
        known = self.shelf.get(number)
        if known is not None and known.status != "STOP":
            return known
        day = date.fromisoformat(str(rule["execute_time"]))
        if day.day > _LAST_DAY:
            raise DeclinedError("INVALID_PARAMETER", "execute_time 不可晚于28日")
        made = Agreement(
            external_no=number,
            code=secrets.token_urlsafe(12),
            account=str(biz.get("external_logon_id", "")),
            single_amount=fen(rule.get("single_amount")),
            period_months=int(rule["period"]),
            debit_day=day,
            notify_url=notify_url,
            return_url=return_url,
            offered_at=clock.now(),
        )
        self.shelf.keep(number, made)
        return made

    def of_code(self, code: str) -> Agreement | None:
        """The agreement behind a page."""
        return next((one for one in self.shelf if one.code == code), None)

    def sign(self, agreement: Agreement, behaviour: Behaviour) -> None:
        """The buyer agrees. Raises DeclinedError."""
        if agreement.status != "TEMP":
            raise DeclinedError("AGREEMENT_STATUS_ERROR", "协议已签约或已解约")
        agreement.agreement_no, agreement.signed_at = new_number(), clock.now()
        self.shelf.keep(agreement.external_no, agreement)
        self._tell(agreement, "dut_user_sign", {"sign_time": beijing(agreement.signed_at), "status": "NORMAL"}, behaviour)

    def end(self, agreement: Agreement, behaviour: Behaviour, notify_url: str | None = None) -> None:
        """The buyer, or the merchant, ends it. Raises DeclinedError."""
        if agreement.status != "NORMAL":
            raise DeclinedError("USER_AGREEMENT_NOT_EXIST", "用户协议不存在")
        agreement.ended_at = clock.now()
        agreement.notify_url = notify_url or agreement.notify_url
        self.shelf.keep(agreement.external_no, agreement)
        self._tell(agreement, "dut_user_unsign", {"unsign_time": beijing(agreement.ended_at), "status": "UNSIGN"}, behaviour)

    def query(self, biz: dict[str, Any]) -> Answer:
        """`alipay.user.agreement.query`."""
        found = self._named(biz)
        return {
            "agreement_no": found.agreement_no,
            "alipay_logon_id": BUYER_LOGON,
            "external_agreement_no": found.external_no,
            "personal_product_code": "CYCLE_PAY_AUTH_P",
            "principal_id": BUYER_ID,
            "sign_time": beijing(found.signed_at or found.offered_at),
            "status": found.status,
            "next_deduct_time": found.debit_day.isoformat(),
        }

    def unsign(self, biz: dict[str, Any], behaviour: Behaviour, notify_url: str | None) -> Answer:
        """`alipay.user.agreement.unsign`."""
        self.end(self._named(biz), behaviour, notify_url)
        return {}

    def debit(self, biz: dict[str, Any], notify_url: str | None, behaviour: Behaviour) -> tuple[Answer, Trade]:
        """`alipay.trade.pay` by an agreement: at once, once a period, within its days. Raises DeclinedError."""
        number = (biz.get("agreement_params") or {}).get("agreement_no")
        agreement = next((one for one in self.shelf if one.agreement_no == number and number), None)
        if agreement is None or behaviour.debit == "ended":
            raise DeclinedError("ACQ.AGREEMENT_NOT_EXIST", "用户协议不存在")
        if agreement.status != "NORMAL":
            raise DeclinedError("ACQ.AGREEMENT_INVALID", "用户协议失效")
        known = self._trades.trades.get(str(biz.get("out_trade_no", "")))
        if known is not None and known.paid_at is not None:
            raise DeclinedError("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
        if fen(biz.get("total_amount")) > agreement.single_amount:
            raise DeclinedError("ACQ.CYCLE_PAY_SINGLE_FEE_EXCEED", "周期扣款的单笔金额超过签约时限制")
        today = clock.now().astimezone(clock.SHANGHAI).date()
        if not agreement.debit_day - _DAYS_EARLY <= today <= agreement.debit_day:
            raise DeclinedError("ACQ.CYCLE_PAY_DATE_NOT_MATCH", "扣款日期不在签约时的允许范围之内")
        if behaviour.debit in _REFUSALS:
            raise DeclinedError(*_REFUSALS[behaviour.debit])
        trade = self._trades.offer(biz, notify_url, None)
        self._trades.pay(trade)
        agreement.debit_day = _months_later(agreement.debit_day, agreement.period_months)
        self.shelf.keep(agreement.external_no, agreement)
        return {
            "buyer_logon_id": BUYER_LOGON,
            "buyer_user_id": BUYER_ID,
            "gmt_payment": beijing(clock.now()),
            "out_trade_no": trade.out_trade_no,
            "receipt_amount": yuan(trade.total),
            "total_amount": yuan(trade.total),
            "trade_no": trade.trade_no,
        }, trade

    def _named(self, biz: dict[str, Any]) -> Agreement:
        ours, theirs = biz.get("external_agreement_no"), biz.get("agreement_no")
        for one in self.shelf:
            wanted = one.agreement_no == theirs if theirs else one.external_no == ours
            if wanted and one.status == "NORMAL":
                return one
        raise DeclinedError("USER_AGREEMENT_NOT_EXIST", "用户协议不存在")

    def _tell(self, agreement: Agreement, kind: str, told: dict[str, str], behaviour: Behaviour) -> None:
        fields = {
            "agreement_no": agreement.agreement_no or "",
            "alipay_logon_id": BUYER_LOGON,
            "alipay_user_id": BUYER_ID,
            "app_id": APP_ID,
            "auth_app_id": APP_ID,
            "charset": "utf-8",
            "external_agreement_no": agreement.external_no,
            "notify_id": uuid4().hex,
            "notify_time": beijing(clock.now()),
            "notify_type": kind,
            "personal_product_code": "CYCLE_PAY_AUTH_P",
            "sign_scene": "INDUSTRY|DIGITAL_MEDIA",
            "sign_type": "RSA2",
            "version": "1.0",
        } | told
        wrong = {"agreement_no": new_number()} if behaviour.notify == "wrong_signature" else {}
        form = urlencode(fields | {"sign": self._keys.sign_fields(fields | wrong)})
        self._notices.send(
            [agreement.external_no], agreement.notify_url, form, behaviour, delay=self._notices.lateness(behaviour)
        )


def show(agreement: Agreement) -> HTMLResponse:
    """The page: what is agreed to, and the button that fits its state."""
    facts = {
        "签约号 Our number": agreement.external_no,
        "账号 Account": agreement.account or "-",
        "每次至多 At most": f"¥{yuan(agreement.single_amount)}",
        "每隔 Every": f"{agreement.period_months} 个月 month(s)",
        "下次扣款不晚于 Next debit by": agreement.debit_day.isoformat(),
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    action = f"/alipay/sign/{agreement.code}"
    state = {
        "TEMP": f'<form method="post" action="{action}/agree"><button>同意并签约 Agree</button></form>',
        "NORMAL": '<p class="good">✓ 已签约 Signed</p>'
        f'<form method="post" action="{action}/end"><button class="quiet">解约 End it</button></form>',
        "STOP": '<p class="bad">已解约 Ended</p>',
    }[agreement.status]
    if agreement.return_url:
        state += f'<a class="button" href="{escape(agreement.return_url)}">返回商户 Back to merchant</a>'
    card = f'<section class="card"><h1>{_TITLE}</h1><dl>{rows}</dl>{state}</section>'
    return page(_TITLE, card, narrow=True)


def _months_later(day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 + months
    return day.replace(year=count // 12, month=count % 12 + 1)
