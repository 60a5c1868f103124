"""The first money journey, step by step: publish, pay, unlock, settle, pay out, refund."""

import hashlib
import time
from datetime import UTC, datetime
from typing import Any

import httpx

from infra.local.playing import Failed, House, Person, cover_png, yuan
from infra.local.totp import totp_now

PLAN_PRICE = 3900
WORK_PRICE = 200_000
PAYOUT = 150_000
GOLD = "This sentence is for subscribers only."
ARTICLE = (
    "# Learning to listen\n\n"
    + "A free paragraph about hearing well, open to everyone. " * 6
    + "\n\n"
    + "\n\n".join(f"Paragraph {n}: what comes here is worth paying for. {GOLD}" for n in range(1, 30))
)


class Journey:
    """Plays the journey on a house; each step leaves what the next one needs."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.stamp = f"{int(time.time())}"
        self.logins = {login["email"].split("@")[0]: login for login in house.local("GET", "/seed")["logins"]}
        self.staff: dict[str, Person] = {}
        self.people: dict[str, Person] = {}
        self.pairs: dict[str, dict[str, Any]] = {}

    def play(self) -> None:
        """The whole journey."""
        creator = self.register("creator")
        self.sessions(creator)
        self.certify(creator)
        cover = self.upload_cover(creator)
        article = self.publish(creator, cover)
        work = self.publish_work(creator)
        plan = self.make_plan(creator)
        reader = self.register("reader")
        order = self.subscribe(reader, plan, article)
        self.pay(reader, order["order_no"])
        self.unlocked(reader, article)
        gross_first = order["payable_amount"]
        second = self.buy(reader, work)
        self.settle(creator, gross_first + second["payable_amount"])
        self.withdraw(creator)
        self.refund(reader, creator)
        self.statement(creator)

    # -- people

    def register(self, name: str) -> Person:
        """Register with an e-mail code."""
        self.house.title(f"{name.capitalize()} registers")
        email = f"{name}-{self.stamp}@example.com"
        person = Person(self.house, name)
        person.post("/auth/verification-codes", {"channel": "email", "target": email, "purpose": "register"})
        code = self.house.mail_code(email)
        self.house.say(f"the code {code} came by mail")
        pair = person.post(
            "/auth/register",
            {
                "email": email,
                "code": code,
                "password": "Journey-2026",
                "username": f"{name}_{self.stamp}",
                "agree_terms": True,
            },
        )
        person.token, person.uid = pair["access_token"], pair["user"]["user_id"]
        self.house.check(f"{name} is user {person.uid} with a verified address", holds=pair["user"]["email_verified"])
        self.people[name] = person
        self.pairs[name] = pair | {"email": email}
        return person

    def sessions(self, person: Person) -> None:
        """Log out, log in, refresh."""
        self.house.title("Sessions")
        person.post("/auth/logout")
        self.house.until("the old token to die", lambda: person.call("GET", "/users/profile").status_code == 401)  # noqa: PLR2004
        self.house.check("after logout the token is dead", holds=True)
        pair = person.post_anew("/auth/login", {"account": self.pairs[person.name]["email"], "password": "Journey-2026"})
        fresh = person.post("/auth/refresh", {"refresh_token": pair["refresh_token"]})
        person.token = fresh["access_token"]
        self.house.check(
            "login and refresh give a working token", holds=person.get("/users/profile")["user_id"] == person.uid
        )
        self.pairs[person.name] |= fresh

    def operator(self, role: str) -> Person:
        """A seeded operator, signed in with password and one-time password."""
        if role not in self.staff:
            login = self.logins[role]
            person = Person(self.house, role)
            code = totp_now(login["totp_secret"], datetime.fromisoformat(self.house.local("GET", "/clock")["now"]))
            signed = person.post(
                "/admin/auth/login", {"email": login["email"], "password": login["password"], "totp_code": code}
            )
            person.token, person.uid = signed["access_token"], signed["admin"]["user_id"]
            self.staff[role] = person
            self.house.say(f"operator {role} ({signed['admin']['role']}) signs in with a one-time password")
        return self.staff[role]

    def certify(self, creator: Person) -> None:
        """Real name, then creator certification, each reviewed by an operator."""
        self.house.title("Becoming a creator")
        number = id_number(self.stamp)
        creator.post("/users/identity-verify", {"real_name": "王小明", "id_number": number})
        self.review(creator, "identity")
        creator.post("/users/creator-apply", {"field": "education", "introduction": "I teach people to listen."})
        self.review(creator, "creator")
        renewed = creator.post("/auth/refresh", {"refresh_token": self.pairs["creator"]["refresh_token"]})
        creator.token = renewed["access_token"]
        self.house.check("the role creator is held", holds="creator" in creator.get("/users/profile")["roles"])

    def review(self, creator: Person, kind: str) -> None:
        """Approve the creator's pending verification."""
        operator = self.operator("ops")
        found = operator.get("/admin/verifications", kind=kind, status="pending", user_id=creator.uid)["items"]
        decided = operator.post(f"/admin/verifications/{found[0]['verification_id']}/review", {"action": "approve"})
        self.house.check(
            f"{kind} verification {decided['verification_id']} is approved", holds=decided["status"] == "approved"
        )

    # -- publishing

    def upload_cover(self, creator: Person) -> int:
        """Presigned upload; the inspector makes renditions."""
        self.house.title("A cover image")
        picture = cover_png()
        start = creator.post(
            "/media/upload",
            {
                "filename": "cover.png", "content_type": "image/png", "size": len(picture),
                "checksum_sha256": hashlib.sha256(picture).hexdigest(), "visibility": "public",
            },
        )  # fmt: skip
        target = start["upload"]
        sent = httpx.request(target["method"], target["url"], content=picture, headers=target["headers"], timeout=60)
        if sent.is_error:
            raise Failed(f"the presigned upload answered {sent.status_code}: {sent.text[:300]}")
        media_id: int = start["media"]["media_id"]
        creator.post(f"/media/{media_id}/complete")

        def ready() -> Any:
            media = creator.get(f"/media/{media_id}")
            return media if media["status"] != "scanning" else None

        media = self.house.until("the inspector", ready)
        names = [variant["name"] for variant in media["variants"]]
        self.house.check(
            f"media {media_id} is ready with renditions {', '.join(names)}", holds=media["status"] == "ready" and bool(names)
        )
        return media_id

    def publish(self, creator: Person, cover: int) -> dict[str, Any]:
        """An article in Markdown behind a paywall with a free preview, published at a time."""
        self.house.title("Publishing")
        draft = creator.post(
            "/contents/create",
            {
                "title": "Learning to listen",
                "kind": "article",
                "body": ARTICLE,
                "cover_media_id": cover,
                "access_level": "subscribers",
            },
        )
        content_id = draft["content_id"]
        publish_at = datetime.fromisoformat(self.house.local("GET", "/clock")["now"]).timestamp() + 3600
        creator.post(f"/contents/schedule/{content_id}", {"publish_at": datetime.fromtimestamp(publish_at, UTC).isoformat()})
        self.house.say(f"content {content_id} is scheduled in an hour")
        self.house.move_clock("61m")
        self.relogin(creator)
        self.house.until("the schedule", lambda: creator.get(f"/contents/detail/{content_id}")["status"] == "published")
        anonymous: dict[str, Any] = Person(self.house, "a visitor").get(f"/contents/detail/{content_id}")
        self.house.check(
            "it is published, and a visitor sees the preview only",
            holds=anonymous["is_preview"] and GOLD not in (anonymous["body"] or "") + (anonymous["body_html"] or ""),
        )
        return anonymous

    def publish_work(self, creator: Person) -> dict[str, Any]:
        """A single work with a price."""
        work: dict[str, Any] = creator.post(
            "/contents/create",
            {"title": "The long course", "kind": "article", "body": ARTICLE, "access_level": "paid", "price": WORK_PRICE},
        )
        creator.post(f"/contents/publish/{work['content_id']}")
        self.house.check(f"work {work['content_id']} is on sale for {yuan(WORK_PRICE)}", holds=True)
        return work

    def make_plan(self, creator: Person) -> dict[str, Any]:
        """A monthly plan."""
        plan: dict[str, Any] = creator.post(
            "/subscriptions/create-plan", {"name": f"Listeners {self.stamp}", "amount": PLAN_PRICE, "interval": "month"}
        )
        self.house.check(f"plan {plan['plan_id']} costs {yuan(plan['amount'])} a month", holds=plan["amount"] == PLAN_PRICE)
        return plan

    # -- buying

    def subscribe(self, reader: Person, plan: dict[str, Any], article: dict[str, Any]) -> dict[str, Any]:
        """Subscribe: an order, and no access yet."""
        self.house.title("Subscribing")
        before = reader.get("/subscriptions/access-check", content_id=article["content_id"])
        self.house.check("before paying access is refused, and says what to buy", holds=not before["allowed"])
        made = reader.post(
            "/subscriptions/subscribe", {"plan_id": plan["plan_id"], "channel": "alipay"}, key=f"sub-{self.stamp}"
        )
        again = reader.call(
            "POST", "/subscriptions/subscribe", {"plan_id": plan["plan_id"], "channel": "alipay"}, key=f"sub-{self.stamp}"
        )
        self.house.check("the same Idempotency-Key gives the same order", holds=again.json()["data"] == made)
        order: dict[str, Any] = made["order"]
        self.subscription_id, self.article = made["subscription"]["subscription_id"], article
        self.house.say(f"order {order['order_no']} over {yuan(order['payable_amount'])}")
        return order

    def pay(self, reader: Person, order_no: str) -> None:
        """Pay on the simulator's page; the notice does the rest."""
        payment = reader.post("/payments/alipay/create", {"order_no": order_no, "scene": "pc"}, key=f"pay-{order_no}")
        page = httpx.get(payment["pay_url"], timeout=30)
        self.house.check("Alipay shows its page for the signed request", holds=page.status_code == httpx.codes.OK)
        self.house.local("POST", "/sandbox/alipay/pay", {"order_no": payment["payment_no"]})
        self.house.say(f"the reader presses Pay for {payment['payment_no']}")
        self.house.until(
            "the notice to settle the order", lambda: reader.get(f"/payments/status/{order_no}")["status"] == "paid"
        )
        self.house.check(f"order {order_no} is paid", holds=True)

    def unlocked(self, reader: Person, article: dict[str, Any]) -> None:
        """The entitlement reaches the article."""
        path = f"/contents/detail/{article['content_id']}"
        self.house.until("the entitlement", lambda: not reader.get(path)["is_preview"])
        self.house.check("the article is unlocked", holds=GOLD in reader.get(path)["body"])
        state = reader.get(f"/subscriptions/status/{self.subscription_id}")
        self.house.check(
            f"the subscription is active until {state['current_period_end']}", holds=state["status"] == "active"
        )

    def buy(self, reader: Person, work: dict[str, Any]) -> dict[str, Any]:
        """A second purchase: one single work."""
        self.house.title("A second purchase")
        order: dict[str, Any] = reader.post(
            "/payments/orders", {"kind": "content", "target_id": work["content_id"]}, key=f"buy-{self.stamp}"
        )
        self.pay(reader, order["order_no"])
        self.house.until("the work", lambda: not reader.get(f"/contents/detail/{work['content_id']}")["is_preview"])
        self.house.check("the work is unlocked", holds=True)
        self.second, self.work = order, work
        return order

    # -- the creator's money

    def settle(self, creator: Person, gross: int) -> None:
        """Seven days later the earnings are available."""
        self.house.title("Settlement at T+7")
        expected = sum(creator_part(amount) for amount in (PLAN_PRICE, WORK_PRICE))
        self.house.until("the earnings", lambda: creator.get("/earnings/summary")["pending"] == expected)
        self.house.check(f"of {yuan(gross)} the creator's part {yuan(expected)} is pending", holds=True)
        self.house.move_clock("8d")
        self.relogin(creator)
        summary = self.house.until(
            "the settlement run", lambda: (s := creator.get("/earnings/summary"))["available"] == expected and s
        )
        self.house.check("it is available now", holds=summary["pending"] == 0)

    def withdraw(self, creator: Person) -> None:
        """A payout above the limit: hold, risk check, an operator's approval, transfer."""
        self.house.title("Withdrawal")
        available = creator.get("/earnings/summary")["available"]
        amount = PAYOUT
        asked = creator.post(
            "/withdrawals/request",
            {"amount": amount, "method": "alipay", "account": {"name": "王小明", "number": "wang@example.com"}},
            key=f"withdraw-{self.stamp}",
        )
        number = asked["withdrawal_id"]
        frozen = creator.get("/earnings/summary")
        self.house.check(
            f"withdrawal {number} holds {yuan(amount)}",
            holds=frozen["frozen"] == amount and frozen["available"] == available - amount,
        )
        finance = self.operator("finance")

        def settled() -> Any:
            state = creator.get(f"/withdrawals/{number}")
            if state["status"] == "pending":  # above the limit a person decides, once the risk check has looked
                finance.call("POST", f"/withdrawals/process/{number}", {"action": "approve"}, key=f"approve-{number}")
            return state if state["status"] in {"paid", "failed", "rejected"} else None

        done = self.house.until("the workflow", settled)
        for step in done["steps"]:
            self.house.say(f"{step['at']}  {step['status']}  {step['comment'] or ''}")
        after = creator.get("/earnings/summary")
        self.house.check(
            f"it is paid: {yuan(after['withdrawn'])} withdrawn, nothing frozen",
            holds=done["status"] == "paid" and after["withdrawn"] == amount and after["frozen"] == 0,
        )

    def refund(self, reader: Person, creator: Person) -> None:
        """A third purchase is given back: access goes, earnings are reversed."""
        self.house.title("Refund")
        self.relogin(reader)
        work = self.publish_work(creator)
        self.stamp += "r"
        order = self.buy(reader, work)
        before = self.house.until(
            "the earning", lambda: (s := creator.get("/earnings/summary"))["pending"] == creator_part(WORK_PRICE) and s
        )
        asked = reader.post(
            f"/payments/refund/{order['order_no']}", {"reason": "bought by mistake"}, key=f"refund-{self.stamp}"
        )
        finance = self.operator("finance")
        finance.post(
            f"/admin/payments/refunds/{asked['refund_id']}/process",
            {"action": "approve"},
            key=f"process-{asked['refund_id']}",
        )
        self.house.until("the refund", lambda: reader.get(f"/payments/status/{order['order_no']}")["status"] == "refunded")
        self.house.check(f"refund {asked['refund_id']} gave {yuan(asked['amount'])} back", holds=True)
        self.house.until("access to end", lambda: reader.get(f"/contents/detail/{work['content_id']}")["is_preview"])
        self.house.check("the work is locked again", holds=True)
        self.house.until("the reversal", lambda: creator.get("/earnings/summary")["pending"] == 0)
        self.house.check(f"{yuan(before['pending'])} of earnings are reversed", holds=True)

    def statement(self, creator: Person) -> None:
        """The month's statement ties out."""
        self.house.title("Statement")
        month = datetime.fromisoformat(self.house.local("GET", "/clock")["now"]).strftime("%Y-%m")
        told = creator.get("/finance/statements", month=month)
        self.house.say(f"opening balance {yuan(told['opening_balance'])}")
        for line in told["lines"]:
            self.house.say(
                f"{line['at'][:19]}  {line['kind']:<10} {yuan(line['amount']):>12} {yuan(line['balance']):>12}  {line['ref']}"
            )
        total = told["opening_balance"] + sum(line["amount"] for line in told["lines"])
        self.house.check(
            f"the lines sum to the closing balance {yuan(told['closing_balance'])}", holds=total == told["closing_balance"]
        )

    def relogin(self, person: Person) -> None:
        """A token lives 15 minutes; the clock has moved further."""
        pair = person.post_anew("/auth/login", {"account": self.pairs[person.name]["email"], "password": "Journey-2026"})
        person.token = pair["access_token"]


def creator_part(gross: int) -> int:
    """floor((gross - 0.6 % fee) x 80 %), rules.md §7."""
    from shared.money import Money

    return (Money(gross) - Money(gross).portion_bp(60)).floor_bp(8000).minor


def id_number(stamp: str) -> str:
    """A well-formed resident id number (GB 11643), its serial taken from the clock."""
    body = f"110105{1950 + int(stamp[-6:-4]) % 50}{1 + int(stamp[-4]) % 9:02d}{1 + int(stamp[-3]):02d}{int(stamp[-3:]):03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]
