"""A customer who renews by agreement, and both vendors in memory."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions.subscriptions import look_after_agreements
from functions.subscriptions.gateways import registry
from functions.subscriptions.gateways.null import NullAgreementGateway
from functions.subscriptions.withholding import handler
from shared.ids import new_ulid
from tests.fixtures.api import Api, Reply
from tests.subscriptions.conftest import Shop


@pytest.fixture
def vendors() -> Iterator[dict[str, NullAgreementGateway]]:
    """Both vendors in memory."""
    registry.use(None)
    made = {channel: NullAgreementGateway(channel) for channel in ("alipay", "wechat")}
    for one in made.values():
        registry.use(one)
    yield made
    registry.use(None)


class Desk:
    """A customer with a paid subscription, and both vendors."""

    def __init__(self, shop: Shop, api: Callable[..., Api], vendors: dict[str, NullAgreementGateway]) -> None:
        self.shop, self.vendors = shop, vendors
        self.api = api(handler, "subscriptions")
        self.subscription_id = shop.pay(shop.plan())

    def turn_on(self, channel: str = "alipay", subscription_id: int | None = None, **options: Any) -> Reply:
        """SUB-010."""
        path = f"/subscriptions/auto-renew/{subscription_id or self.subscription_id}"
        headers = {"idempotency-key": new_ulid()}
        return self.api.post(path, {"channel": channel}, token=options.get("token", self.shop.token), headers=headers)

    def turn_off(self, subscription_id: int | None = None) -> Reply:
        """SUB-011."""
        path = f"/subscriptions/cancel-renew/{subscription_id or self.subscription_id}"
        return self.shop.api.post(path, token=self.shop.token)

    def hear(self, body: bytes, channel: str = "alipay") -> Reply:
        """A notice arrives."""
        return self.api.call("POST", f"/subscriptions/agreements/{channel}/callback", form=body.decode())

    def look_after(self) -> int:
        with self.shop.house.acting("subscriptions"):
            return int(look_after_agreements.handler({}, None)["done"])

    def rows(self) -> list[dict[str, Any]]:
        names = ("agreement_id", "external_no", "status", "end_reason", "unsign_owed", "agreement_no", "channel")
        found = self.shop.house.sql(
            """
            SELECT agreement_id, external_no, status, end_reason, unsign_owed, agreement_no, channel
            FROM subscriptions.payment_agreements ORDER BY agreement_id
            """
        )
        return [dict(zip(names, row, strict=True)) for row in found]

    def last(self) -> dict[str, Any]:
        return self.rows()[-1]

    def signed(self, channel: str = "alipay", subscription_id: int | None = None) -> dict[str, Any]:
        """The customer asks, agrees on the vendor's page, and we hear of it."""
        assert self.turn_on(channel, subscription_id).data["agreement"]["status"] == "signing"
        notice = self.vendors[channel].agree(self.last()["external_no"])
        assert self.hear(notice, channel).text == "success"
        return self.last()

    def bound(self, subscription_id: int | None = None) -> tuple[bool, int | None]:
        [row] = self.shop.house.sql(
            "SELECT auto_renew, agreement_id FROM subscriptions.user_subscriptions WHERE subscription_id = %s",
            (subscription_id or self.subscription_id,),
        )
        return row


@pytest.fixture
def desk(shop, api, vendors) -> Desk:
    return Desk(shop, api, vendors)
