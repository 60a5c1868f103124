"""All orders as the back office sees them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from shared import clock
from tests.fixtures.api import Api
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House
from tests.payments.build import BUYER, MortalGateway, add_work

FRAME = 4


@pytest.fixture
def staff(sign_in: Callable[..., str]) -> str:
    return sign_in(9, permissions=("payment:read",))


@pytest.fixture
def orders(shop: Api, house: House, sign_in: Callable[..., str], vendor: MortalGateway) -> list[str]:
    """Three orders of two buyers: one at the end of a day in Shanghai, two on the next; the last one is paid."""
    make_user(house.sql, BUYER, "reader")
    numbers = []
    for uid, at in (
        (BUYER, datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)),
        (BUYER, datetime(2026, 3, 1, 16, 0, 0, tzinfo=UTC)),
        (BUYER + 5, datetime(2026, 3, 2, 1, 0, 0, tzinfo=UTC)),
    ):
        with clock.frozen(at):
            token = sign_in(uid)
            body = {"kind": "content", "target_id": add_work(house.sql)}
            numbers.append(shop.post("/payments/orders", body, token=token).data["order_no"])
    with clock.frozen(datetime(2026, 3, 2, 1, 5, 0, tzinfo=UTC)):
        token = sign_in(BUYER + 5)
        payment = shop.post("/payments/alipay/create", {"order_no": numbers[2]}, token=token).data
        vendor.pay(payment["payment_no"])
        shop.post(f"/payments/verify/{numbers[2]}", token=token)
    return numbers


def test_every_order_comes_with_its_buyer_and_its_transactions_in_one_statement(
    shop: Api, house: House, staff: str, orders: list[str]
) -> None:
    before = house.db.statements
    page = shop.get("/admin/payments/orders", token=staff).data
    assert house.db.statements - before - FRAME == 1
    assert [item["order_no"] for item in page["items"]] == orders[::-1]
    newest, oldest = page["items"][0], page["items"][-1]
    assert [(t["kind"], t["status"]) for t in newest["transactions"]] == [("pay", "succeeded")]
    assert newest["user"] is None, "an account that is gone"
    assert oldest["user"] == {
        "user_id": BUYER,
        "username": "reader",
        "display_name": "Reader",
        "avatar_url": None,
    }
    assert oldest["transactions"] == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"date_from": "2026-03-02"}, [2, 1]),
        ({"date_to": "2026-03-01"}, [0]),
        ({"date_from": "2026-03-02", "date_to": "2026-03-02"}, [2, 1]),
        ({"user_id": BUYER}, [1, 0]),
        ({"user_id": 2**63 - 1}, []),
        ({"status": "paid"}, [2]),
        ({"channel": "alipay"}, [2]),
        ({"channel": "wechat"}, []),
        ({"kind": "content", "status": "pending"}, [1, 0]),
        ({"sort_by": "created_at", "sort_order": "asc"}, [0, 1, 2]),
    ],
    ids=str,
)
def test_orders_are_found_by(shop: Api, staff: str, orders: list[str], query: dict[str, object], found: list[int]) -> None:
    items = shop.get("/admin/payments/orders", token=staff, query=query).data["items"]
    assert [item["order_no"] for item in items] == [orders[n] for n in found]


def test_one_order_is_found_by_its_number(shop: Api, staff: str, orders: list[str]) -> None:
    page = shop.get("/admin/payments/orders", token=staff, query={"order_no": orders[1]}).data
    assert [item["order_no"] for item in page["items"]] == [orders[1]]


@pytest.mark.parametrize(
    "query", [{"user_id": 2**63}, {"user_id": "me"}, {"date_from": "yesterday"}, {"order_no": "9" * 33}]
)
def test_what_cannot_be_asked_is_refused(shop: Api, staff: str, query: dict[str, object]) -> None:
    assert shop.get("/admin/payments/orders", token=staff, query=query).error == (422, "validation_error")
