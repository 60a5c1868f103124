"""Alipay 周期扣款: agreements by which a buyer is debited once a period, and the debits (docs/agreements.md).

The buyer agrees on a page of Alipay's; from then on `alipay.trade.pay` with the agreement's number takes money within the
days agreed. Their notices (`dut_user_sign`, `dut_user_unsign`) name our number and Alipay's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, Self
from urllib.parse import urlencode

from shared.money import Money
from shared.vendors.alipay import Order, order_fields
from shared.vendors.alipay_config import AlipayConfig
from shared.vendors.alipay_gateway import AlipayGateway
from shared.vendors.alipay_notify import NotificationFault, NotificationRefusedError, believed
from shared.vendors.alipay_results import Done, Outcome, Refused, optional_time

_PRODUCT: Final = "CYCLE_PAY_AUTH"
_PERSONAL_PRODUCT: Final = "CYCLE_PAY_AUTH_P"
_SCENE: Final = "INDUSTRY|DIGITAL_MEDIA"
_NO_AGREEMENT: Final = "USER_AGREEMENT_NOT_EXIST"
_IN_FORCE: Final = "NORMAL"
_NOTICES: Final[dict[str, Literal["signed", "ended"]]] = {"dut_user_sign": "signed", "dut_user_unsign": "ended"}


@dataclass(frozen=True)
class Offer:
    """What the buyer is asked to agree to. `external_no` is ours, `[A-Za-z0-9]{1,32}`; the first debit is made from five
    days before `debit_day` (never after the 28th) to that day, each further one `period_months` later.
    """

    external_no: str
    single_amount: Money
    period_months: int
    debit_day: date
    account: str
    notify_url: str
    return_url: str
    at: datetime


@dataclass(frozen=True)
class Agreement:
    """An agreement as `alipay.user.agreement.query` sees it."""

    agreement_no: str
    in_force: bool
    signed_at: datetime | None

    @classmethod
    def read(cls, said: dict[str, Any]) -> Self:
        """From the answer of the query; TEMP waits for its buyer, STOP is over."""
        return cls(said["agreement_no"], said["status"] == _IN_FORCE, optional_time(said.get("sign_time")))


@dataclass(frozen=True)
class Debited:
    """A debit that took its money."""

    trade_no: str
    amount: Money
    paid_at: datetime | None

    @classmethod
    def read(cls, said: dict[str, Any]) -> Self:
        """From the answer of `alipay.trade.pay`."""
        return cls(said["trade_no"], Money.from_yuan(said["total_amount"]), optional_time(said.get("gmt_payment")))


@dataclass(frozen=True)
class AgreementNotice:
    """A believed notice that an agreement was signed, or ended by whomever."""

    notice_id: str
    external_no: str
    agreement_no: str
    kind: Literal["signed", "ended"]
    at: datetime | None


class AlipayAgreements:
    """The calls about agreements, for one config. Keep one per environment: it holds the connection."""

    def __init__(self, config: AlipayConfig, *, timeout_seconds: float = 10.0) -> None:
        self.config = config
        self._gateway = AlipayGateway(config, timeout_seconds)

    def sign_url(self, offer: Offer) -> str:
        """The address of the page on which the buyer agrees; the same offer has the same address. Makes no call."""
        biz = {
            "product_code": _PRODUCT,
            "personal_product_code": _PERSONAL_PRODUCT,
            "sign_scene": _SCENE,
            "external_agreement_no": offer.external_no,
            "external_logon_id": offer.account,
            "access_params": {"channel": "QRCODEORSMS"},
            "period_rule_params": {
                "period_type": "MONTH",
                "period": str(offer.period_months),
                "execute_time": offer.debit_day.isoformat(),
                "single_amount": offer.single_amount.to_yuan(),
            },
        }
        pairs = self._gateway.signed(
            "alipay.user.agreement.page.sign", biz, notify_url=offer.notify_url, return_url=offer.return_url, at=offer.at
        )
        return f"{self.config.gateway_url}?{urlencode(pairs)}"

    def query(self, external_no: str) -> Outcome[Agreement | None]:
        """What became of an agreement. None: nobody signed it, or it is over."""
        return _absent(self._gateway.call("alipay.user.agreement.query", _named(external_no), Agreement.read))

    def unsign(self, external_no: str, agreement_no: str | None, *, notify_url: str) -> Outcome[None]:
        """End an agreement. One that is over, or was never signed, counts as ended."""
        biz = _named(external_no) if agreement_no is None else {"agreement_no": agreement_no}
        said = _absent(self._gateway.call("alipay.user.agreement.unsign", biz, lambda _: True, notify_url=notify_url))
        return Done(None) if isinstance(said, Done) else said

    def pay(self, order: Order, agreement_no: str) -> Outcome[Debited]:
        """Debit an order; the same number again is the same debit."""
        biz = {**order_fields(order), "product_code": _PRODUCT, "agreement_params": {"agreement_no": agreement_no}}
        return self._gateway.call("alipay.trade.pay", biz, Debited.read, notify_url=order.notify_url)


def verify_notice(config: AlipayConfig, pairs: Sequence[tuple[str, str]]) -> AgreementNotice:
    """Check who speaks and to whom, then read what is said. Raises NotificationRefusedError."""
    fields = believed(config, pairs)
    kind = _NOTICES.get(fields.get("notify_type", ""))
    numbers = fields.get("external_agreement_no"), fields.get("agreement_no")
    if kind is None or not all(numbers) or fields.get("personal_product_code", _PERSONAL_PRODUCT) != _PERSONAL_PRODUCT:
        raise NotificationRefusedError(NotificationFault.MALFORMED)
    try:
        at = optional_time(fields.get("sign_time" if kind == "signed" else "unsign_time"))
        return AgreementNotice(fields["notify_id"], str(numbers[0]), str(numbers[1]), kind, at)
    except (KeyError, ValueError) as error:
        raise NotificationRefusedError(NotificationFault.MALFORMED) from error


def _named(external_no: str) -> dict[str, object]:
    return {
        "external_agreement_no": external_no,
        "personal_product_code": _PERSONAL_PRODUCT,
        "sign_scene": _SCENE,
    }


def _absent(said: Outcome[Any]) -> Outcome[Any]:
    if isinstance(said, Refused) and said.sub_code.endswith(_NO_AGREEMENT):
        return Done(None)
    return said
