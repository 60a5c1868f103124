"""A shop that sells gifts: how they are bought, paid and redeemed in tests."""

from typing import Any

from functions.subscriptions.gifts import handler as gifts_handler
from shared.views.entitlements import held
from tests.fixtures.api import Reply
from tests.fixtures.postgres import House
from tests.subscriptions import build
from tests.subscriptions.conftest import Shop


class Counter(Shop):
    """A shop that sells gifts; the customer buys them, a friend redeems them."""

    def __init__(self, house: House, api: Any, sign_in: Any, handler: Any) -> None:
        super().__init__(house, api(handler, "subscriptions"), sign_in)
        self.gifts = api(gifts_handler, "subscriptions")
        self.friend = build.person(house.sql)

    def give(self, plan_id: int, **fields: Any) -> Reply:
        """SUB-037."""
        reply: Reply = self.gifts.post("/subscriptions/gifts", {"plan_id": plan_id} | fields, token=self.token)
        return reply

    def given(self, plan_id: int, **fields: Any) -> tuple[int, str]:
        """A gift that is not paid yet: its number and its order's."""
        data = self.give(plan_id, **fields).data
        return data["gift_id"], data["order_no"]

    def fact(self, made: tuple[int, str], kind: str, **fields: Any) -> Any:
        """What is said of a gift's order."""
        gift_id, order_no = made
        fields |= {} if kind == "closed" else {"seller_id": self.creator}
        return getattr(build, kind)(order_no, gift_id, self.customer, kind="gift", **fields)

    def code(self, gift_id: int) -> Any:
        """What the buyer is shown."""
        return self.gifts.get(f"/subscriptions/gifts/{gift_id}", token=self.token).data["redeem_code"]

    def bought(self, plan_id: int, **fields: Any) -> tuple[tuple[int, str], str]:  # type: ignore[override]
        """A paid gift and its code."""
        made = self.given(plan_id, **fields)
        self.hear(self.fact(made, "paid"))
        return made, self.code(made[0])

    def redeem(self, code: str, uid: int | None = None) -> Reply:
        """SUB-038."""
        token = self.sign_in(uid or self.friend)
        reply: Reply = self.gifts.post("/subscriptions/gifts/redeem", {"redeem_code": code}, token=token)
        self.project()
        return reply

    def has(self, uid: int | None = None) -> Any:
        """What somebody holds towards the creator."""
        return held(uid or self.friend, self.creator).subscription

    def state(self, made: tuple[int, str]) -> str:
        [(status,)] = self.house.sql("SELECT status FROM subscriptions.gifts WHERE gift_id = %s", (made[0],))
        return str(status)
