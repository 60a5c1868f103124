"""Which gateway serves a channel: built on first use from what the function was granted, kept for its life."""

from collections.abc import Callable

from functions.payments.gateways.base import Gateway
from functions.payments.models import Channel


def _alipay() -> Gateway:
    from functions.payments.gateways.alipay import AlipayGateway  # only who calls a vendor pays for its client

    return AlipayGateway.from_environment()


def _wechat() -> Gateway:
    from functions.payments.gateways.wechat import WechatGateway

    return WechatGateway.from_environment()


def _unionpay() -> Gateway:
    from functions.payments.gateways.unionpay import UnionpayGateway

    return UnionpayGateway.from_environment()


_BUILDERS: dict[Channel, Callable[[], Gateway]] = {"alipay": _alipay, "wechat": _wechat, "unionpay": _unionpay}
_made: dict[Channel, Gateway] = {}


def gateway(channel: Channel) -> Gateway:
    """The gateway of a channel. Raises KeyError for one that no vendor serves."""
    if channel not in _made:
        _made[channel] = _BUILDERS[channel]()
    return _made[channel]


def has_gateway(channel: Channel) -> bool:
    """Whether a vendor serves the channel."""
    return channel in _BUILDERS


def use(made: Gateway | None) -> None:
    """Serve its channel by this gateway from now on; None: build them anew."""
    if made is None:
        _made.clear()
    else:
        _made[made.channel] = made
