"""Which gateway keeps the agreements of a channel: built on first use from what the function was granted."""

from collections.abc import Callable

from functions.subscriptions.agreements import AgreementChannel
from functions.subscriptions.gateways.base import AgreementGateway


def _alipay() -> AgreementGateway:
    from functions.subscriptions.gateways.alipay import AlipayAgreementGateway  # only who calls a vendor pays for its client

    return AlipayAgreementGateway.from_environment()


def _wechat() -> AgreementGateway:
    from functions.subscriptions.gateways.wechat import WechatAgreementGateway

    return WechatAgreementGateway.from_environment()


_BUILDERS: dict[AgreementChannel, Callable[[], AgreementGateway]] = {"alipay": _alipay, "wechat": _wechat}
_made: dict[AgreementChannel, AgreementGateway] = {}


def gateway(channel: AgreementChannel) -> AgreementGateway:
    """The gateway of a channel."""
    if channel not in _made:
        _made[channel] = _BUILDERS[channel]()
    return _made[channel]


def use(made: AgreementGateway | None) -> None:
    """Serve its channel by this gateway from now on; None: build them anew."""
    if made is None:
        _made.clear()
    else:
        _made[made.channel] = made
