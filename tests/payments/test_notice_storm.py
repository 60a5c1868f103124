"""Mixed notices of three channels, valid, told again, forged, of other amounts and of nobody: answered and ended exactly.

Three hundred here; `make bench` sends five thousand through the same code.
"""

import os
import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from functions.payments import process_notice, sweep_notices
from functions.payments.gateways import registry
from shared import aws
from shared.ids import new_order_no
from tests.fixtures.api import Api
from tests.payments.build import PRICE, Till
from tests.payments.storm import ACKNOWLEDGED, CHANNELS, Letter, Vendors, orders_with_attempts

LETTERS = int(os.environ.get("STORM_LETTERS", "300"))
_EACH = 5
_SPAN = timedelta(seconds=200)
"""How long the storm blows by the product's clock: WeChat's signatures are good for five minutes, however slow the machine."""
EXTRAS = ("told anew", "surplus", "mismatch", "unknown")
ANSWERS = {"taken in": 200, "forged": 401, "unknown": 404, "mismatch": 409}


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Vendors]:
    """The three vendors' keys, and the product's gateways that know them."""
    yield Vendors(tmp_path)
    registry.use(None)


@pytest.mark.timeout(600)
def test_a_storm_of_notices_ends_exactly(till: Till, counter: Api, vendors: Vendors, notices_queue: str) -> None:
    with till.time():
        orders = orders_with_attempts(till, LETTERS // _EACH)
        letters: list[Letter] = []
        wanted: Counter[str] = Counter()
        for n, (_, (first, second)) in enumerate(orders):
            channel, extra = CHANNELS[n % 3], EXTRAS[n % len(EXTRAS)]
            number = f"{n:021d}"
            paid = vendors.letter(channel, first, number)
            letters += [paid, paid, paid, vendors.letter(channel, second, f"9{number[1:]}", said="forged")]
            wanted[extra] += 1
            if extra == "told anew":
                letters.append(vendors.letter(channel, first, number))
            elif extra == "surplus":
                letters.append(vendors.letter(channel, second, f"8{number[1:]}"))
            elif extra == "mismatch":
                letters.append(vendors.letter(channel, second, f"8{number[1:]}", PRICE + 1, said="mismatch"))
            else:
                letters.append(vendors.letter(channel, new_order_no(), f"8{number[1:]}", said="unknown"))
        random.Random(1).shuffle(letters)
    every = max(len(letters) // _SPAN.seconds, 1)
    for place, letter in enumerate(letters):
        if place % every == 0:
            till.pass_time(seconds=1)
            deliver(till, notices_queue)
        with till.time():
            reply = counter.call("POST", f"/payments/{letter.channel}/callback", form=letter.body, headers=letter.headers)
        assert reply.status == ANSWERS[letter.said], letter
        if letter.said == "taken in":
            assert reply.text == ACKNOWLEDGED[letter.channel]
    till.pass_time(minutes=2)
    while till.sql("SELECT 1 FROM payments.payment_notices WHERE processed_at IS NULL LIMIT 1"):
        with till.time():
            sweep_notices.handler({}, None)
    check(till, len(orders), wanted, len(letters))


def deliver(till: Till, queue: str) -> None:
    """What is in the queue by now, ten messages at a time."""
    sqs = aws.client("sqs")
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        records = [{"messageId": message["MessageId"], "body": message["Body"]} for message in messages]
        with till.time():
            assert process_notice.handler({"Records": records}, None) == {"batchItemFailures": []}
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def check(till: Till, orders: int, wanted: Counter[str], letters: int) -> None:
    """Every order fulfilled once and told of once; what was beyond is a refund or a case; the forged moved nothing."""
    assert till.sql("SELECT status, count(*) FROM payments.payment_orders GROUP BY 1") == [("paid", orders)]
    ((facts, told_of),) = till.sql(
        """
        SELECT count(*), count(DISTINCT payload ->> 'order_no') FROM platform.outbox_events
        WHERE topic = 'payments.order_paid.v1'
        """
    )
    assert (facts, told_of) == (orders, orders)
    assert dict(till.sql("SELECT kind, count(*) FROM payments.payment_cases GROUP BY kind")) == {
        "surplus": wanted["surplus"],
        "amount_mismatch": wanted["mismatch"],
        "unknown_payment": wanted["unknown"],
    }
    assert till.sql("SELECT origin, amount, count(*) FROM payments.payment_refunds GROUP BY 1, 2") == [
        ("surplus", PRICE, wanted["surplus"])
    ]
    assert dict(till.sql("SELECT status, count(*) FROM payments.payment_transactions WHERE kind = 'pay' GROUP BY 1")) == {
        "succeeded": orders + wanted["surplus"],
        "failed": wanted["mismatch"],
        "created": orders - wanted["surplus"] - wanted["mismatch"],
    }
    stored: dict[bool, int] = dict(
        till.sql("SELECT verified, sum(times)::int FROM payments.payment_notices GROUP BY verified")
    )
    assert stored == {False: orders, True: letters - orders}, "each was stored, told again it was counted"
