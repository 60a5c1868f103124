"""Orders of an account that was merged into another: they keep their number, and whoever has the account now reads them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures.api import Api
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House
from tests.payments.build import BUYER, MortalGateway, add_work
from tests.payments.test_orders_http import pay

KEPT, STRANGER = BUYER + 500, BUYER + 501


@pytest.fixture
def merged(house: House, shop: Api, vendor: MortalGateway, sign_in: Callable[..., str]) -> Callable[[str], Any]:
    """A paid order of the buyer; then the state of a merge of the buyer into KEPT."""
    for uid, name in ((BUYER, "dropped"), (KEPT, "kept"), (STRANGER, "stranger")):
        if not house.sql("SELECT 1 FROM identity.users WHERE uid = %s", (uid,)):
            make_user(house.sql, uid, name)
    token = sign_in(BUYER)
    content_id = add_work(house.sql)
    order_no = shop.post("/payments/orders", {"kind": "content", "target_id": content_id}, token=token).data["order_no"]
    pay(shop, vendor, order_no, token)
    house.sql(
        """
        INSERT INTO identity.account_merges (into_uid, from_uid, status, proof, from_epoch, expires_at, merged_at, undo_until,
            undone_at, created_at, updated_at)
        VALUES (%s, %s, 'merged', 'code', 1, now(), now(), now(), NULL, now(), now())
        """,
        (KEPT, BUYER),
    )

    def undo(state: str) -> str:
        if state == "undone":
            house.sql("UPDATE identity.account_merges SET status = 'undone', undone_at = now()")
        return str(order_no)

    return undo


def test_who_has_the_account_now_sees_its_orders_and_may_ask_for_money_back(
    merged: Callable[[str], Any], shop: Api, sign_in: Callable[..., str]
) -> None:
    order_no = merged("merged")
    token = sign_in(KEPT)
    assert [order["order_no"] for order in shop.get("/payments/orders", token=token).data["items"]] == [order_no]
    assert shop.get(f"/payments/status/{order_no}", token=token).status == 200
    assert shop.post(f"/payments/refund/{order_no}", {"reason": "r"}, token=token).status < 300


def test_after_the_undoing_and_for_others_they_are_not_there(
    merged: Callable[[str], Any], shop: Api, sign_in: Callable[..., str]
) -> None:
    order_no = merged("merged")
    assert shop.get(f"/payments/status/{order_no}", token=sign_in(STRANGER)).error == (404, "order_not_found")
    merged("undone")
    token = sign_in(KEPT)
    assert shop.get("/payments/orders", token=token).data["items"] == []
    assert shop.get(f"/payments/status/{order_no}", token=token).error == (404, "order_not_found")
    assert shop.post(f"/payments/refund/{order_no}", {"reason": "r"}, token=token).error == (404, "order_not_found")
