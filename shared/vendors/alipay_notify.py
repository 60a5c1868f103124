"""Alipay's asynchronous notification: what it must look like to be believed, and what it says.

Believed means: signed by Alipay, for our app, for our seller account. Whether the order exists and the amount
is right only the caller can tell. A refund notifies too (`refund_fee`, `gmt_refund`; a partial one keeps
TRADE_SUCCESS), so money is credited on the order's own change of state, never on the arrival of a
notification.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import parse_qsl

from shared.money import Money
from shared.vendors import alipay_sign, rsa_text
from shared.vendors.alipay_config import AlipayConfig
from shared.vendors.alipay_results import TradeStatus, optional_time

ACKNOWLEDGED = "success"
"""The whole body of the 200 that stops the resends."""

_MOST_FIELDS = 200
_UNSIGNED = frozenset({"sign", "sign_type", "alipay_cert_sn"})


class NotificationFault(StrEnum):
    """Why a notification is not believed."""

    MALFORMED = "malformed"
    SIGNATURE = "signature"
    APP_ID = "app_id"
    SELLER_ID = "seller_id"


class NotificationRefusedError(Exception):
    """The notification is not Alipay's word to us; `fault` says why."""

    def __init__(self, fault: NotificationFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True)
class Notification:
    """A believed notification. `notify_id` is the same on every resend.

    `out_request_no` is the number of the refund it tells of, `passback` what we sent along with the order.
    """

    notify_id: str
    out_trade_no: str
    trade_no: str
    status: TradeStatus
    total: Money
    refunded_total: Money | None
    out_request_no: str | None
    passback: str | None
    paid_at: datetime | None
    refunded_at: datetime | None


def form_pairs(body: bytes) -> list[tuple[str, str]]:
    """Decode a form body, keeping empty values, which are signed too. Raises NotificationRefusedError."""
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise NotificationRefusedError(NotificationFault.MALFORMED) from error


def believed(config: AlipayConfig, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The fields of what Alipay signed for our app. Raises NotificationRefusedError."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise NotificationRefusedError(NotificationFault.MALFORMED)
    text = alipay_sign.text_to_sign(pair for pair in pairs if pair[0] not in _UNSIGNED)
    if fields.get("sign_type", "RSA2") != "RSA2" or not rsa_text.is_signed(
        text, fields.get("sign", ""), config.verifying_key
    ):
        raise NotificationRefusedError(NotificationFault.SIGNATURE)
    if fields.get("app_id") != config.app_id:
        raise NotificationRefusedError(NotificationFault.APP_ID)
    return fields


def verify_notification(config: AlipayConfig, pairs: Sequence[tuple[str, str]]) -> Notification:
    """Check who speaks and to whom, then read what is said. Raises NotificationRefusedError."""
    fields = believed(config, pairs)
    if fields.get("seller_id") != config.seller_id:
        raise NotificationRefusedError(NotificationFault.SELLER_ID)
    try:
        return _read(fields)
    except (KeyError, ValueError) as error:
        raise NotificationRefusedError(NotificationFault.MALFORMED) from error


def _read(fields: dict[str, str]) -> Notification:
    refund_fee = fields.get("refund_fee")
    return Notification(
        notify_id=fields["notify_id"],
        out_trade_no=fields["out_trade_no"],
        trade_no=fields["trade_no"],
        status=TradeStatus(fields["trade_status"]),
        total=Money.from_yuan(fields["total_amount"]),
        refunded_total=Money.from_yuan(refund_fee) if refund_fee else None,
        out_request_no=fields.get("out_biz_no") or None,
        passback=fields.get("passback_params") or None,
        paid_at=optional_time(fields.get("gmt_payment")),
        refunded_at=optional_time(fields.get("gmt_refund")),
    )
