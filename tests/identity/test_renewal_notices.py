"""What subscribers are written about renewals: what it costs, when, and what they can do about it, in their language."""

from datetime import UTC, datetime
from typing import Any

import pytest

from events.subscriptions import RenewalNoticeDue
from functions.identity import on_renewal_notice_due
from functions.identity.renewal_letters import renewal_letter
from shared.ids import new_ulid
from tests.fixtures.people import make_user
from tests.fixtures.postgres import House
from tests.identity.conftest import CONTEXT, Post


def notice(kind: str, **fields: Any) -> RenewalNoticeDue:
    """A notice about a plan of 29 yuan that ends on 27 November at half past one, Beijing time."""
    return RenewalNoticeDue.model_validate(
        {
            "event_id": new_ulid(),
            "occurred_at": datetime(2026, 11, 21, tzinfo=UTC),
            "notice_id": 7,
            "kind": kind,
            "subscription_id": 1,
            "user_id": 100009,
            "title": "林 · 读者",
            "amount": 2900,
            "due_at": datetime(2026, 11, 26, 17, 30, tzinfo=UTC),
            "until": datetime(2026, 12, 4, 17, 30, tzinfo=UTC),
            "means": "agreement",
            "needs_consent": False,
            "order_no": "R1",
        }
        | fields
    )


@pytest.mark.parametrize(
    ("told", "zh", "en"),
    [
        (
            notice("renewal"),
            ["29.00", "2026-11-27 01:30", "签约", "关闭自动续费"],
            ["CNY 29.00", "agreement", "turn automatic"],
        ),
        (notice("renewal", means="balance"), ["余额"], ["balance"]),
        (notice("renewal", means="pay_link"), ["订单页支付"], ["paid by you"]),
        (notice("renewal", needs_consent=True), ["不会扣款", "确认新价格"], ["Nothing is debited", "confirm the new price"]),
        (notice("reminder", amount=None), ["不会自动续费"], ["is not renewed"]),
        (notice("failed"), ["R1", "2026-12-05 01:30"], ["R1", "2026-12-05 01:30"]),
        (notice("expired"), ["自动续费已关闭"], ["renewal is off"]),
    ],
    ids=lambda value: f"{value.kind}-{value.means}" if isinstance(value, RenewalNoticeDue) else "",
)
def test_the_letter_says_what_when_and_what_to_do(told: RenewalNoticeDue, zh: list[str], en: list[str]) -> None:
    for locale, words in (("zh-CN", zh), ("en", en)):
        letter = renewal_letter(told, locale)  # type: ignore[arg-type]  # a Locale
        assert "林 · 读者" in letter.text
        assert [word for word in words if word not in letter.text] == []
        assert letter.variables == {
            "title": "林 · 读者",
            "amount": "" if told.amount is None else "29.00",
            "date": "2026-11-27 01:30",
        }


def test_one_letter_is_sent_however_often_the_notice_is_heard_and_that_is_said_once(house: House, post: Post) -> None:
    make_user(house.sql, 100009, "ann")
    house.sql("UPDATE identity.users SET email = 'ann@example.com', locale = 'en' WHERE uid = 100009")
    fact = notice("renewal")
    records = [{"messageId": "1", "body": f'{{"detail": {fact.model_dump_json()}}}'}] * 2
    with house.acting("identity"):
        assert on_renewal_notice_due.handler({"Records": records}, CONTEXT) == {"batchItemFailures": []}
    post.deliver()
    post.again()
    (letter,) = post.letters
    assert letter.destinations["ToAddresses"] == ["ann@example.com"]
    assert "is about to renew" in letter.subject
    (sent,) = house.facts("identity.renewal_notice_sent.v1")
    assert (sent["notice_id"], sent["uid"], sent["channel"]) == (7, 100009, "email")


def test_who_cannot_be_reached_is_not_said_to_have_been_told(house: House, post: Post) -> None:
    make_user(house.sql, 100009, "ann")
    house.sql("UPDATE identity.users SET email = NULL, phone_number = NULL WHERE uid = 100009")
    records = [{"messageId": "1", "body": f'{{"detail": {notice("renewal").model_dump_json()}}}'}]
    with house.acting("identity"):
        assert on_renewal_notice_due.handler({"Records": records}, CONTEXT) == {"batchItemFailures": []}
    assert house.facts("identity.renewal_notice_sent.v1") == []
    assert post.letters == []
