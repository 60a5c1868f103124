"""Alipay, played: everything it remembers and can do, behind the gateway, the cashier page and the controls."""

import sqlite3

from infra.local.sandbox.alipay.agreements import Agreements
from infra.local.sandbox.alipay.bills import Bills
from infra.local.sandbox.alipay.keys import Keys
from infra.local.sandbox.alipay.notices import Notices
from infra.local.sandbox.alipay.records import Agreement, Behaviour, Refund, Trade, Transfer
from infra.local.sandbox.alipay.trades import Trades
from infra.local.sandbox.alipay.transfers import Transfers
from infra.local.sandbox.courier import Courier
from infra.local.sandbox.journal import Journal
from infra.local.sandbox.settings import SandboxSettings
from infra.local.sandbox.shelf import Shelf
from infra.local.sandbox.switches import Switches


class Alipay:
    """One Alipay with one merchant."""

    def __init__(self, settings: SandboxSettings, database: sqlite3.Connection, courier: Courier, journal: Journal) -> None:
        self.keys = Keys(settings.state)
        self.courier = courier
        self.journal = journal
        self.switches = Switches(Behaviour)
        self.trades = Trades(Shelf(database, "alipay.trades", Trade), Shelf(database, "alipay.refunds", Refund))
        self.transfers = Transfers(Shelf(database, "alipay.transfers", Transfer))
        self.bills = Bills(self.trades, self.switches)
        self.notices = Notices(self.keys, courier, settings.time_scale)
        self.agreements = Agreements(Shelf(database, "alipay.agreements", Agreement), self.trades, self.keys, self.notices)
        self.refunds_seen: set[str] = set()

    def pay(self, trade: Trade, amount: int | None = None, *, late: bool = False) -> None:
        """The buyer pays and the merchant is told. Raises DeclinedError."""
        self.trades.pay(trade, amount, late=late)
        self.notices.paid(trade, self.switches.of(trade.out_trade_no, trade.order_no))
        self.trades.trades.keep(trade.out_trade_no, trade)

    def forget(self) -> None:
        """Start over: no trades, transfers, agreements, deliveries, switches or journal. The keys stay."""
        for shelf in (self.trades.trades, self.trades.refunds, self.transfers.transfers, self.agreements.shelf):
            shelf.clear()
        self.courier.forget("alipay")
        self.journal.clear()
        self.switches.change({"reset": True})
        self.refunds_seen.clear()
