"""Which channel pays a method of withdrawal, built from what the function was granted."""

from collections.abc import Callable

from functions.finance.gateways.base import Payouts


def _alipay() -> Payouts:
    from functions.finance.gateways.alipay import AlipayPayouts  # only who calls a vendor pays for its client

    return AlipayPayouts.from_environment()


def _bank() -> Payouts:
    from functions.finance.gateways.alipay import AlipayPayouts

    return AlipayPayouts.from_environment(to_card=True)


def _wechat() -> Payouts:
    from functions.finance.gateways.wechat import WechatPayouts

    return WechatPayouts.from_environment()


def _usdt() -> Payouts:
    from functions.finance.gateways.by_hand import ByHand

    return ByHand()


_BUILDERS: dict[str, Callable[[], Payouts]] = {"alipay": _alipay, "bank": _bank, "wechat": _wechat, "usdt": _usdt}


def rail(method: str) -> Payouts:
    """The channel of a method. Raises KeyError for one that nobody pays."""
    return _BUILDERS[method]()
