"""What the finance desk sends and receives about earnings: the overview, recalculations, the pool."""

from shared.http.envelope import Out


class CountOut(Out):
    """How many, and how much in fen."""

    count: int
    amount: int


class UsdtOut(Out):
    """USDT received, as a decimal, and how many orders wait for it."""

    received: str
    pending: int


class ChannelOut(Out):
    """What buyers paid through a channel and what went back, in fen."""

    channel: str
    gmv: int
    orders: int
    refunds: int
    refund_count: int


class OverviewOut(Out):
    """ADM-024. `net_revenue` is gmv less refunds; `platform_income` what the platform's own account gained."""

    gmv: int
    net_revenue: int
    platform_income: int
    creator_payable: int
    withdrawals_pending: CountOut
    refunds: CountOut
    usdt: UsdtOut
    by_channel: list[ChannelOut]
