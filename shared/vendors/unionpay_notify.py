"""UnionPay's back notices: an ordinary form, proved by the certificate it brings, meant for our merchant."""

from datetime import datetime
from typing import Final

from shared.vendors import unionpay_sign
from shared.vendors.unionpay_config import UnionpayConfig
from shared.vendors.unionpay_results import Trade
from shared.vendors.unionpay_sign import NotSignedError
from shared.vendors.unionpay_wire import parse_form

ACKNOWLEDGED: Final = "ok"
"""UnionPay looks at the 200 only; the word is our contract's."""
PAYMENT: Final = "01"
REFUNDS: Final = frozenset({"04", "31"})


def claimed_id(body: bytes) -> str:
    """The number a notice gives its transaction, before anyone believes it; empty when it gives none."""
    try:
        return parse_form(body).get("queryId", "")
    except ValueError:
        return ""


def verify_notice(config: UnionpayConfig, body: bytes, at: datetime) -> Trade:
    """Check who speaks and to whom, as of `at` (aware), then read what is said. Raises NotSignedError."""
    try:
        told = parse_form(body)
    except ValueError as error:
        raise NotSignedError("malformed") from error
    unionpay_sign.check(config, told, at)
    try:
        said = Trade.read(told, told["respCode"])
    except (KeyError, ValueError) as error:
        raise NotSignedError("malformed") from error
    if said.kind != PAYMENT and said.kind not in REFUNDS:
        raise NotSignedError("of another kind")
    return said
