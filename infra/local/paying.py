"""Payments and what comes of them: three gateways, another method, a tier more, money that nobody expected, a bill that differs."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx

from infra.local.playing import Failed, House, Person, yuan

if TYPE_CHECKING:
    from infra.local.journey import Journey

PRICE = 9_900
UPGRADED = 9_900
_GATEWAYS = {"alipay": ("Alipay", "pc"), "wechat": ("WeChat Pay", "h5"), "unionpay": ("UnionPay", "pc")}


class Payments:
    """Plays after the money journey, with its people."""

    def __init__(self, journey: "Journey") -> None:
        self.journey = journey
        self.house: House = journey.house
        self.made = 0

    @property
    def creator(self) -> Person:
        """Who sells."""
        return self.journey.people["creator"]

    @property
    def reader(self) -> Person:
        """Who buys."""
        return self.journey.people["reader"]

    def play(self) -> None:
        """The whole chapter."""
        self.arrive()
        paid = [self.by(channel) for channel in _GATEWAYS]
        self.another_method()
        self.upgrade()
        self.too_late()
        self.twice()
        self.bill_that_differs(paid[0])

    def arrive(self) -> None:
        """Tokens live 15 minutes, and the clock may have moved since."""
        self.journey.relogin(self.creator)
        self.journey.relogin(self.reader)
        self.journey.staff.clear()

    # -- buying

    def order(self) -> str:
        """An order of a new work."""
        self.made += 1
        work = self.creator.post(
            "/contents/create",
            {"title": f"Lesson {self.made}", "kind": "article", "body": "Listen.", "access_level": "paid", "price": PRICE},
        )
        self.creator.post(f"/contents/publish/{work['content_id']}")
        order = self.reader.post(
            "/payments/orders",
            {"kind": "content", "target_id": work["content_id"]},
            key=f"lesson-{self.journey.stamp}-{self.made}",
        )
        return str(order["order_no"])

    def start(self, channel: str, order_no: str) -> dict[str, Any]:
        """Start a payment at a gateway, as a browser would be sent there."""
        started: dict[str, Any] = self.reader.post(
            f"/payments/{channel}/create",
            {"order_no": order_no, "scene": _GATEWAYS[channel][1]},
            key=f"{channel}-{order_no}",
        )
        return started

    def press_pay(self, channel: str, payment_no: str, **how: Any) -> None:
        """The buyer presses Pay on the simulator's page."""
        self.house.local("POST", f"/sandbox/{channel}/pay", {"order_no": payment_no} | how)

    def status(self, order_no: str) -> dict[str, Any]:
        """The order with its payments."""
        found: dict[str, Any] = self.reader.get(f"/payments/status/{order_no}")
        return found

    def until_paid(self, order_no: str) -> dict[str, Any]:
        """Wait for the notice."""
        return self.house.until("the notice", lambda: (found := self.status(order_no))["status"] == "paid" and found)

    def by(self, channel: str) -> str:
        """Pay at one gateway's page; the payment's number."""
        name, _ = _GATEWAYS[channel]
        self.house.title(f"Paying by {name}")
        order_no = self.order()
        payment = self.start(channel, order_no)
        page = httpx.get(payment["pay_url"], timeout=30, follow_redirects=True)
        self.house.check(f"the address it gives for {yuan(PRICE)} is a page", holds=page.status_code == httpx.codes.OK)
        self.press_pay(channel, payment["payment_no"])
        paid = self.until_paid(order_no)
        self.house.check(f"order {order_no} is paid by {name}", holds=paid["channel"] == channel)
        return str(payment["payment_no"])

    def another_method(self) -> None:
        """The buyer thinks again: the same order, another gateway."""
        self.house.title("Another method for the same order")
        order_no = self.order()
        first, second = self.start("alipay", order_no), self.start("wechat", order_no)
        self.press_pay("wechat", second["payment_no"])
        self.until_paid(order_no)

        def settled() -> Any:
            told = {one["payment_no"]: one["status"] for one in self.status(order_no)["transactions"]}
            return told if told[first["payment_no"]] != "created" else None

        told = self.house.until("Alipay to close what it was asked for", settled, patience=150)
        self.house.check(
            "WeChat Pay settled it, and Alipay takes no money for it any more",
            holds=(told[first["payment_no"]], told[second["payment_no"]]) == ("closed", "succeeded"),
        )

    # -- a subscription that grows

    def upgrade(self) -> None:
        """A higher tier at once: what the preview says is what the order says."""
        self.house.title("An upgrade, with what is left of the old plan")
        plan = self.creator.post(
            "/subscriptions/create-plan",
            {"name": f"Friends {self.journey.stamp}", "amount": UPGRADED, "interval": "month", "tier": 2},
        )
        path = f"/subscriptions/change-plan/{self.journey.subscription_id}"
        preview = self.reader.get(f"{path}/preview", plan_id=plan["plan_id"], when="now")
        for line in preview["lines"]:
            self.house.say(f"{yuan(line['amount']):>12}  {line['label']}")
        made = self.reader.post(path, {"plan_id": plan["plan_id"]}, key=f"upgrade-{self.journey.stamp}")
        order = made["order"]
        self.house.check(
            f"the order has these lines, and their sum {yuan(preview['amount_due'])} is what it costs",
            holds=[line["amount"] for line in order["price_lines"]] == [line["amount"] for line in preview["lines"]]
            and order["payable_amount"] == preview["amount_due"] == made["proration_amount"],
        )
        self.press_pay("unionpay", self.opened("unionpay", order["order_no"]))
        self.until_paid(order["order_no"])
        state = f"/subscriptions/status/{self.journey.subscription_id}"
        self.house.until("the tier", lambda: self.reader.get(state)["plan"]["plan_id"] == plan["plan_id"])
        self.house.check(f"the subscription is of plan {plan['plan_id']} now", holds=True)

    def opened(self, channel: str, order_no: str) -> str:
        """A started payment whose page was opened; its number."""
        return str(self.start(channel, order_no)["payment_no"])

    # -- money that nobody expected

    def too_late(self) -> None:
        """The buyer cancels and pays all the same."""
        self.house.title("A payment that comes too late")
        order_no = self.order()
        payment_no = self.opened("unionpay", order_no)
        self.reader.post(f"/payments/orders/{order_no}/cancel")
        self.press_pay("unionpay", payment_no, late=True)
        self.until_paid(order_no)
        case = self.case(order_no, "late")
        finance = self.journey.operator("finance")
        finance.post(f"/admin/payments/cases/{case['case_id']}/assign")
        ended = self.resolve(finance, case, "fulfil", "The buyer wants it: it stays.")
        self.house.check("the order is fulfilled, and its case ends so", holds=ended["resolution"] == "fulfilled")

    def twice(self) -> None:
        """One order is paid at two gateways."""
        self.house.title("An order that is paid twice")
        order_no = self.order()
        first, second = self.opened("alipay", order_no), self.opened("wechat", order_no)
        before = self.reader.get("/payments/balance")["available"]
        self.press_pay("alipay", first)
        self.until_paid(order_no)
        self.press_pay("wechat", second, late=True)
        case = self.case(order_no, "surplus")
        self.house.check(
            f"{yuan(case['amount'])} by {case['channel']} are a case that {case['owner']} answers for",
            holds=case["status"] == "open" and case["amount"] == PRICE,
        )
        ended = self.resolve(self.journey.operator("finance"), case, "credit", "The buyer would rather have a balance.")
        after = self.reader.get("/payments/balance")
        self.house.check(
            f"it is the buyer's balance now: {yuan(after['available'])}",
            holds=ended["resolution"] == "credited" and after["available"] == before + PRICE,
        )
        lesson = self.order()
        self.reader.post("/payments/balance/pay", {"order_no": lesson}, key=f"balance-{lesson}")
        self.house.check(
            "and it pays for another lesson",
            holds=self.status(lesson)["status"] == "paid" and self.reader.get("/payments/balance")["available"] == before,
        )

    def case(self, order_no: str, kind: str) -> dict[str, Any]:
        """The case about an order."""
        finance = self.journey.operator("finance")

        def found() -> Any:
            items = finance.get("/admin/payments/cases", order_no=order_no, kind=kind)["items"]
            return items[0] if items else None

        case: dict[str, Any] = self.house.until(f"the case {kind}", found, patience=150)
        self.house.say(f"case {case['case_id']}: {kind}, {yuan(case['amount'])} by {case['channel']}")
        return case

    def resolve(self, operator: Person, case: dict[str, Any], action: str, comment: str) -> dict[str, Any]:
        """An operator's word."""
        ended: dict[str, Any] = operator.post(
            f"/admin/payments/cases/{case['case_id']}/resolve", {"action": action, "comment": comment}
        )
        return ended

    # -- the bill

    def bill_that_differs(self, payment_no: str) -> None:
        """Alipay's bill of the day has another amount for one payment; a person says what holds."""
        self.house.title("A bill that differs by one fen")
        day = self.today()
        self.house.local("POST", "/sandbox/alipay/behaviour", {"order_no": payment_no, "bill": "wrong_amount"})
        self.house.say(f"Alipay will bill a fen too much for payment {payment_no}")
        self.house.move_clock("26h")
        self.arrive()
        finance = self.journey.operator("finance")
        run = self.reconciled(finance, day)
        self.house.say(
            f"{run['matched']} agree, {run['mismatched']} differ; in all the bill has {yuan(run['amount_diff'])} more"
        )
        path = f"/admin/payments/reconciliations/{run['reconciliation_id']}"
        ours = self.status_of_payment(payment_no)
        planted = [item for item in finance.get(path)["items"] if (item["kind"], item["order_no"]) == ("amount_diff", ours)]
        self.house.check(
            "the planted difference is found, and nothing but it",
            holds=len(planted) == 1 and run["mismatched"] == 1 and run["missing_local"] == run["missing_remote"] == 0,
        )
        item = planted[0]
        self.house.check(
            f"bill {yuan(item['remote_amount'])}, books {yuan(item['local_amount'])}",
            holds=item["remote_amount"] - item["local_amount"] == 1,
        )
        done = finance.post(
            f"{path}/items/{item['item_id']}/resolve",
            {"action": "accept_local", "comment": "Alipay's console shows what the buyer paid: our amount."},
        )
        after = finance.get(path)
        self.house.check(
            "a person resolved it, and the day with it",
            holds=(done["status"], done["resolution"], after["status"]) == ("resolved", "accept_local", "resolved"),
        )

    def status_of_payment(self, payment_no: str) -> str:
        """The order a payment is of."""
        for order in self.reader.get("/payments/orders", page_size=50)["items"]:
            if any(one["payment_no"] == payment_no for one in self.status(order["order_no"])["transactions"]):
                return str(order["order_no"])
        raise Failed(f"nobody ordered what {payment_no} paid")

    def reconciled(self, finance: Person, day: date) -> dict[str, Any]:
        """The day's run: asked for here, unless the schedule was first."""
        wanted = {"channel": "alipay", "date_from": day.isoformat(), "date_to": day.isoformat()}
        if not finance.get("/admin/payments/reconciliations", **wanted)["items"]:
            finance.call("POST", "/admin/payments/reconciliations", {"channel": "alipay", "date": day.isoformat()})

        def done() -> Any:
            items = finance.get("/admin/payments/reconciliations", **wanted)["items"]
            return items[0] if items and items[0]["status"] != "running" else None

        run: dict[str, Any] = self.house.until("the reconciliation", done, patience=150)
        return run

    def today(self) -> date:
        """The day in Shanghai, which is the bill's."""
        return datetime.fromisoformat(self.house.local("GET", "/clock")["now"]).astimezone(ZoneInfo("Asia/Shanghai")).date()
