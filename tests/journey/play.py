"""The money path of the journey, played on a little house, and the end state it must reach."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared import clock
from shared.dynamo.sessions import JwksItem
from shared.sql.connection import connect
from shared.views.entitlements import EntitlementItem
from tests.fixtures.api import JWKS, open_session
from tests.fixtures.people import make_user
from tests.fixtures.sandbox import Merchant
from tests.journey.house import LittleHouse

CREATOR, READER, STAFF = 100001, 100002, 100003
WORK, SECOND_WORK = 1, 2

_MOST_LOOKS = 240


class Play:
    """One run of the money path; every verb asserts that it went well."""

    def __init__(self, house: LittleHouse, merchant: Merchant, clock_file: Path) -> None:
        self.house = house
        self.merchant = merchant
        self.clock_file = clock_file

    def arrange(self) -> None:
        """The people and works that identity and content would have made."""
        JwksItem("JWKS", "JWKS", jwks=json.dumps(JWKS)).save()
        for uid, name in ((CREATOR, "wang"), (READER, "reader"), (STAFF, "finance")):
            make_user(self.house.sql, uid, name)
        self.house.sql(
            "UPDATE identity.user_profiles SET identity_status = 'approved', is_creator = true WHERE uid = %s", (CREATOR,)
        )
        for number in (WORK, SECOND_WORK):
            self.house.sql(
                """
                INSERT INTO content.contents (author_id, kind, title, body, body_format, status, access_level, price,
                    preview_percent, is_original, published_version, published_at, created_at, updated_at)
                VALUES (%s, 'article', %s, 'text', 'markdown', 'published', 'paid', 200000, 10, true, 1, %s, %s, %s)
                """,
                (CREATOR, f"Work {number}", clock.now(), clock.now(), clock.now()),
            )

    def sign_in(self) -> None:
        """Tokens for everyone, as of now."""
        self.creator = open_session(CREATOR, roles=("creator",))
        self.reader = open_session(READER)
        self.staff = open_session(STAFF, permissions=("payment:*", "finance:*"))

    def move_clock(self, **span: float) -> None:
        """Let time pass, for us and for the vendor."""
        told = json.loads(self.clock_file.read_text())["offset_seconds"] + timedelta(**span).total_seconds()
        self.clock_file.write_text(json.dumps({"offset_seconds": told}))
        self.sign_in()

    def post(self, path: str, body: dict[str, Any], token: str, key: str) -> Any:
        """A request that goes well."""
        return self.house.request("POST", path, body, token=token, key=key).data

    def pay(self, order_no: str) -> None:
        """Start a payment, pay it on the vendor's page, carry the notice to the callback as often as it comes."""
        payment = self.post("/payments/alipay/create", {"order_no": order_no}, self.reader, f"pay-{order_no}")
        self.house.pay_on_the_page(payment)
        self.carry_notice()

    def carry_notice(self) -> None:
        """What the vendor posted reaches our callback."""
        notice = self.merchant.next().decode()
        reply = self.house.request("POST", "/payments/alipay/callback", form=notice)
        assert (reply.status, reply.text) == (200, "success")
        self.house.deliver()

    def buy(self, work: int) -> str:
        """Order and pay a single work."""
        order = self.post("/payments/orders", {"kind": "content", "target_id": work}, self.reader, f"buy-{work}")
        self.pay(order["order_no"])
        return str(order["order_no"])

    def run(self) -> None:
        """Subscribe, pay, buy, settle, withdraw, refund."""
        self.sign_in()
        plan = self.post(
            "/subscriptions/create-plan", {"name": "Monthly", "amount": 3900, "interval": "month"}, self.creator, "plan"
        )
        made = self.post("/subscriptions/subscribe", {"plan_id": plan["plan_id"]}, self.reader, "subscribe")
        self.pay(made["order"]["order_no"])
        self.buy(WORK)
        self.move_clock(days=7, hours=1)
        self.house.tick()  # a sale whose fact a crash held back is swept now, and settled by the next run
        self.house.tick()
        account = {"name": "王小明", "number": "wang@example.com"}
        asked = self.post(
            "/withdrawals/request", {"amount": 150000, "method": "alipay", "account": account}, self.creator, "withdraw"
        )
        self.house.deliver()
        self.decide(asked["withdrawal_id"])
        refunded = self.buy(SECOND_WORK)
        refund = self.post(f"/payments/refund/{refunded}", {"reason": "by mistake"}, self.reader, "refund")
        self.post(f"/admin/payments/refunds/{refund['refund_id']}/process", {"action": "approve"}, self.staff, "approve")
        self.rest()

    def decide(self, withdrawal_id: int) -> None:
        """Approve the payout when it waits for a person, then let it run to its end."""
        state = self.house.request("GET", f"/withdrawals/{withdrawal_id}", token=self.creator).data
        if state["status"] == "pending":
            self.post(f"/withdrawals/process/{withdrawal_id}", {"action": "approve"}, self.staff, "decide")
        self.rest()

    def rest(self) -> None:
        """Let sweepers, ladders and polls finish: an hour passes in steps."""
        for _ in range(4):
            self.house.tick()
            self.move_clock(minutes=16)
        for look in range(1, _MOST_LOOKS):
            if not self.house.sql("SELECT 1 FROM finance.withdrawal_requests WHERE status IN ('approved', 'processing')"):
                break
            # Each crash while the vendor was talked to leaves a lease, which runs out before anybody talks to it again.
            self.move_clock(minutes=2)
            self.house.deliver() if look % 60 else self.house.tick()
        while not self.merchant.heard.empty():
            self.carry_notice()
        self.house.tick()


STATE = {
    "balances": "SELECT name, balance FROM finance.ledger_accounts WHERE kind = 'owner' ORDER BY name",
    "platform": """
        SELECT a.name, sum(p.amount) FROM finance.ledger_postings p JOIN finance.ledger_accounts a USING (account_id)
        WHERE a.kind = 'platform' GROUP BY a.name ORDER BY a.name
    """,
    "entries": "SELECT kind, count(*) FROM finance.ledger_entries GROUP BY kind ORDER BY kind",
    "orders": """
        SELECT kind, title, status, payable_amount, refunded_amount FROM payments.payment_orders ORDER BY title
    """,
    "succeeded payments": """
        SELECT o.title, count(*) FROM payments.payment_transactions t JOIN payments.payment_orders o USING (order_no)
        WHERE t.kind = 'pay' AND t.status = 'succeeded' GROUP BY o.title ORDER BY o.title
    """,
    "refunds": "SELECT status, amount FROM payments.payment_refunds ORDER BY refund_id",
    "open cases": "SELECT count(*) FROM payments.payment_cases",
    "earnings": "SELECT gross, channel_fee, platform_amount, creator_amount, status FROM finance.creator_earnings ORDER BY earning_id",
    "settled": "SELECT creator_id, sum(creator_amount) FROM finance.settlements GROUP BY creator_id",
    "withdrawals": "SELECT amount, status FROM finance.withdrawal_requests ORDER BY withdrawal_id",
    "subscriptions": "SELECT user_id, status FROM subscriptions.user_subscriptions ORDER BY subscription_id",
    "purchases": "SELECT user_id, content_id, status FROM subscriptions.content_purchases ORDER BY content_id",
    "facts": "SELECT topic, count(*) FROM platform.outbox_events GROUP BY topic ORDER BY topic",
    "unsent": "SELECT count(*) FROM platform.outbox_events WHERE sent_at IS NULL",
}


def end_state(house: LittleHouse) -> dict[str, Any]:
    """Everything that matters, without the numbers and times that differ between runs."""
    with connect(house.dsn("postgres")) as db:
        found: dict[str, Any] = {name: db.execute(statement).fetchall() for name, statement in STATE.items()}
    found["rights"] = sorted(
        (item.sk.split("#")[0], item.source, int(item.revoked)) for item in EntitlementItem.query(f"U#{READER}")
    )
    vendor = house.sandbox.http
    trades = vendor.get("/_control/alipay/trades").json()["items"]
    found["vendor"] = sorted(
        (trade["status"], trade["amount"], len(trade.get("refunds", [])))
        for trade in trades
        if trade["status"] != "WAIT_BUYER_PAY"
    )
    transfers = vendor.get("/_control/alipay/transfers").json()["items"]
    found["paid out"] = sorted((transfer["status"], transfer["amount"]) for transfer in transfers)
    return found
