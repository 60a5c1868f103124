"""What subscribers are written about renewals, in both languages."""

from datetime import datetime

from events.subscriptions import RenewalNoticeDue
from functions.identity.letters import Letter
from shared.clock import SHANGHAI
from shared.i18n import Locale
from shared.money import Money

_TEMPLATE = "SMS_RENEWAL_NOTICE"
_MEANS: dict[str, tuple[str, str]] = {
    "agreement": ("将从您签约的支付账户自动扣款", "will be debited by the agreement you signed"),
    "balance": ("将从您的账户余额中扣款", "will be taken from your balance"),
    "pay_link": ("到期后请在订单页支付", "is to be paid by you on the order's page when the period ends"),
}
_SUBJECTS: dict[str, tuple[str, str]] = {
    "renewal": ("订阅即将续费", "your subscription is about to renew"),
    "reminder": ("订阅即将到期", "your subscription is about to end"),
    "failed": ("订阅续费未成功", "your renewal was not paid"),
    "expired": ("订阅已到期", "your subscription has ended"),
}


def renewal_letter(notice: RenewalNoticeDue, locale: Locale) -> Letter:
    """The letter of one notice: what, how much, when and how, and what to do about it. Times are those of Shanghai."""
    english = locale == "en"
    amount = "" if notice.amount is None else Money(notice.amount).to_yuan()
    moment, until = _moment(notice.due_at), "" if notice.until is None else _moment(notice.until)
    text = _english(notice, amount, moment, until) if english else _chinese(notice, amount, moment, until)
    zh, en = _SUBJECTS[notice.kind]
    subject = f"ShareStack: {en}" if english else f"【ShareStack】{zh}"
    values = {"title": notice.title, "amount": amount, "date": moment}
    return Letter(subject, text, "", locale, _TEMPLATE, values)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def _chinese(notice: RenewalNoticeDue, amount: str, moment: str, until: str) -> str:
    title = f"您的订阅“{notice.title}”"
    match notice.kind:
        case "renewal" if notice.needs_consent:
            return (
                f"{title}将于北京时间 {moment} 续费，价格为 {amount} 元，高于您此前同意的金额。"
                "未经您确认不会扣款；您可在订阅页确认新价格，或到期后自行支付。"
            )
        case "renewal":
            return (
                f"{title}将于北京时间 {moment} 续费，金额 {amount} 元，{_MEANS[notice.means][0]}。"
                "如不再续费，请在此之前于订阅页关闭自动续费。"
            )
        case "reminder":
            return f"{title}将于北京时间 {moment} 到期，届时不会自动续费。如需继续，请在订阅页开启续费。"
        case "failed":
            return f"{title}已到期，续费金额 {amount} 元尚未付清（订单 {notice.order_no}）。访问权限保留至北京时间 {until}，请在此之前支付。"
        case "expired":
            return f"{title}因续费未付清已到期，自动续费已关闭。您可以随时重新订阅。"


def _english(notice: RenewalNoticeDue, amount: str, moment: str, until: str) -> str:
    title = f'Your subscription "{notice.title}"'
    match notice.kind:
        case "renewal" if notice.needs_consent:
            return (
                f"{title} renews on {moment} (Beijing time) at CNY {amount}, more than you agreed to. Nothing is debited unless "
                "you confirm the new price on your subscriptions page; you may also pay it yourself when the period ends."
            )
        case "renewal":
            return (
                f"{title} renews on {moment} (Beijing time): CNY {amount} {_MEANS[notice.means][1]}. If you do not want that, "
                "turn automatic renewal off on your subscriptions page before then."
            )
        case "reminder":
            return f"{title} ends on {moment} (Beijing time) and is not renewed. To keep it, turn renewal on before then."
        case "failed":
            return (
                f"{title} has run out, and its renewal of CNY {amount} is unpaid (order {notice.order_no}). You keep access "
                f"until {until} (Beijing time); please pay it before then."
            )
        case "expired":
            return f"{title} has ended because its renewal was not paid. Automatic renewal is off; you may subscribe again."
