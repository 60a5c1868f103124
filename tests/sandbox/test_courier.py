"""The resend ladder, on a clock that stands still unless told."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from infra.local.sandbox.alipay.notices import LADDER_SECONDS
from infra.local.sandbox.courier import Courier, Delivery
from infra.local.sandbox.shelf import Shelf, open_database
from shared import clock

START = datetime(2026, 11, 21, 2, 0, tzinfo=UTC)


class Post:
    """Answers as laid out, and notes when it was tried."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.tried: list[tuple[float, str]] = []

    async def __call__(self, delivery: Delivery) -> str:
        self.tried.append(((clock.now() - START).total_seconds(), delivery.body))
        return self.answers.pop(0) if self.answers else "fail"


def courier(folder: Path, post: Post) -> Courier:
    return Courier(Shelf(open_database(folder), "deliveries", Delivery), post)


def delivery(of: Courier, body: str = "a=1", due: float = 0, **more) -> Delivery:
    return Delivery(
        id=of.next_id(),
        vendor="alipay",
        numbers=[],
        url="http://127.0.0.1:1/",
        body=body,
        expected="success",
        due_at=START + timedelta(seconds=due),
        waits=list(LADDER_SECONDS),
        **more,
    )


def at(seconds: float, of: Courier) -> int:
    with clock.frozen(START + timedelta(seconds=seconds)):
        return asyncio.run(of.deliver_due())


def test_the_ladder_is_eight_attempts_in_about_a_day(tmp_path):
    post = Post()
    tested = courier(tmp_path, post)
    tested.post(delivery(tested))
    minutes = range(26 * 60)

    for minute in minutes:
        at(minute * 60, tested)

    gaps = [later - earlier for (earlier, _), (later, _) in zip(post.tried, post.tried[1:], strict=False)]
    assert [gap / 60 for gap in gaps] == [4, 10, 10, 60, 120, 360, 900]
    assert tested.pending("alipay") == []


def test_the_agreed_answer_ends_it(tmp_path):
    post = Post("fail", "success")
    tested = courier(tmp_path, post)
    tested.post(delivery(tested))

    assert [at(second, tested) for second in (0, 239, 240, 10_000)] == [1, 0, 1, 0]


def test_what_is_under_way_survives_a_restart(tmp_path):
    first = courier(tmp_path, Post())
    first.post(delivery(first))
    at(0, first)

    post = Post("success")
    second = courier(tmp_path, post)

    assert second.next_id() > first.pending("alipay")[0].id
    assert [at(second_, second) for second_ in (239, 240, 241)] == [0, 1, 0]


def test_a_delivery_waits_until_the_one_before_it_was_tried(tmp_path):
    post = Post("fail", "success")
    tested = courier(tmp_path, post)
    first = delivery(tested, "first", due=60)
    tested.post(delivery(tested, "second", after=first.id))
    tested.post(first)

    assert at(0, tested) == 0
    assert at(60, tested) == 1
    assert at(60, tested) == 1
    assert [body for _, body in post.tried] == ["first", "second"]


def test_nothing_is_tried_twice_at_once_and_a_hanging_listener_holds_up_nobody(tmp_path):
    release = asyncio.Event()
    tried: list[str] = []

    async def send(told: Delivery) -> str:
        tried.append(told.body)
        if told.body == "hangs":
            await release.wait()
        return "success"

    async def story() -> None:
        tested = Courier(Shelf(open_database(tmp_path), "deliveries", Delivery), send)
        tested.post(delivery(tested, "hangs"))
        hanging = asyncio.create_task(tested.deliver_due())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tested.post(delivery(tested, "quick"))
        assert await tested.deliver_due() == 1
        assert tried == ["hangs", "quick"]
        release.set()
        assert await hanging == 1
        assert tested.pending("alipay") == []

    with clock.frozen(START):
        asyncio.run(story())


def test_forgotten_deliveries_are_not_made(tmp_path):
    post = Post()
    tested = courier(tmp_path, post)
    tested.post(delivery(tested))
    tested.forget("alipay")

    assert at(0, tested) == 0
