"""What a creator and an operator read about a withdrawal: why it stands where it stands, and what happens next."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from functions.finance.withdrawal import (
    BY_HAND,
    CONFIRM,
    CONFIRM_WITHIN,
    REVIEW_WITHIN,
    Transfer,
    Withdrawal,
    is_hopeless,
    next_step,
)
from shared.i18n import Locale

Words = tuple[str, str]

REASONS: Final[dict[str, Words]] = {
    "large": ("金额超过免审限额", "The amount is above what is paid without approval"),
    "debt_open": ("有结算后的退款尚未扣回", "A refund of settled earnings is still owed"),
    "first_withdrawal": ("首次提现", "This is the first withdrawal"),
    "new_payee": ("收款账号是新的", "The payee is new"),
    "refund_ratio": ("近 90 天退款比例过高", "Refunds of the last 90 days are unusually many"),
    "payee_name": ("收款人姓名与实名不一致", "The payee's name is not the verified name"),
    "by_hand": ("USDT 由人工转账", "USDT is sent by a person"),
}
"""Why a withdrawal waits for a person, for the person."""

_CAUSES: Final[dict[str, Words]] = {
    "in_review": ("等待人工审核", "A person looks at it"),
    "second_approval": ("已有一人审批，等待第二人", "One person approved, a second one has to"),
    "auto_approved": ("风险检查通过", "The risk check found nothing"),
    "retried": ("再次尝试付款", "The payout is tried again"),
    "identity_not_verified": ("实名认证已失效", "The identity is not verified any more"),
    "confirm": ("等待你在微信中确认收款", "You have to confirm it in WeChat"),
    "by_hand": ("等待人工转账", "A person will send it"),
    "returned": ("款项已退回，可再次提现", "The money came back and may be withdrawn again"),
    "PAYEE_ACC_RETURNED": ("收款方退回，款项可再次提现", "The payee sent it back; it may be withdrawn again"),
    "PAYEE_NOT_EXIST": ("收款账号不存在", "The payee's account does not exist"),
    "PAYEE_USER_INFO_ERROR": ("收款人姓名与账号不符", "The name is not that of the account's owner"),
    "NAME_NOT_CORRECT": ("收款人姓名与微信实名不符", "The name is not the one WeChat verified"),
    "REAL_NAME_CHECK_FAIL": ("收款微信未实名", "The payee is not verified at WeChat"),
    "ACCOUNT_FROZEN": ("收款账户被冻结", "The payee's account is frozen"),
    "TRANSFER_QUOTA_EXCEED": ("超过收款账户的限额", "It is above a limit of the payee's account"),
    "OVERDUE_CLOSE": ("超过 24 小时未确认收款", "It was not confirmed within 24 hours"),
    "CANCELLED": ("转账已撤销", "The transfer was cancelled"),
}
_HOPELESS: Final = ("支付渠道拒绝了收款账号", "The payment provider refused the account")
_FAILED: Final = (
    "支付渠道多次付款失败，金额已退回余额",
    "The payment provider failed several times; the amount is available again",
)

_NEXT: Final[dict[str, Words]] = {
    "assess": ("即将进行风险检查", "The risk check is about to run"),
    "review": ("工作人员将审核", "A member of staff decides on it"),
    "send": ("即将向支付渠道发起付款", "It is about to be given to the payment provider"),
    "retry": ("上次付款失败，将再次尝试", "The last try failed, there will be another"),
    "poll": ("已提交支付渠道，将再次查询结果", "The payment provider has it and will be asked again"),
    "confirm": (
        "请在微信中确认收款，逾期金额退回余额",
        "Confirm it in WeChat; after that time the amount is available again",
    ),
    "by_hand": ("工作人员将完成转账", "A member of staff sends it"),
    "finish": ("即将入账", "It is about to be booked"),
}
_AT_ONCE: Final = timedelta(minutes=2)


def said(words: Words, locale: Locale) -> str:
    """In one of the two languages."""
    return words[1] if locale == "en" else words[0]


def cause(code: str | None, locale: Locale) -> str | None:
    """The sentence for why a withdrawal came to a state. What a channel calls by a name of its own has one of two."""
    if code is None:
        return None
    known = _CAUSES.get(code)
    return said(known or (_HOPELESS if is_hopeless(code) else _FAILED), locale)


def reason(code: str, locale: Locale) -> str:
    """Why it waits for a person."""
    return said(REASONS[code], locale)


def following(
    withdrawal: Withdrawal, transfers: Sequence[Transfer], now: datetime, locale: Locale
) -> tuple[str, datetime | None] | None:
    """What happens next and by when; None when nothing does."""
    if withdrawal.status == "pending":
        name, at = ("review", withdrawal.created_at + REVIEW_WITHIN) if withdrawal.reasons else ("assess", now + _AT_ONCE)
        return said(_NEXT[name], locale), at
    step, seconds = next_step(withdrawal.status, transfers)
    if step == "end":
        return None
    last = transfers[-1] if transfers else None
    if last is not None and last.status == "open" and last.code in {BY_HAND, CONFIRM}:
        by_hand = last.code == BY_HAND
        within = REVIEW_WITHIN if by_hand else CONFIRM_WITHIN
        return said(_NEXT["by_hand" if by_hand else "confirm"], locale), last.updated_at + within
    name = "retry" if step == "send" and last is not None else step
    return said(_NEXT[name], locale), now + max(timedelta(seconds=seconds), _AT_ONCE)
