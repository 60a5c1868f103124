"""PynamoDB on the lean session: the same items, errors and binaries as stock botocore; limits that hold in parallel."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, ClassVar

import pytest
from pynamodb.attributes import BinaryAttribute, MapAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, PutError, UpdateError

from shared import aws, clock
from shared.dynamo.base import Item, condition_failed, meta
from shared.ratelimit import Limit, forget_leases, take
from shared.views import entitlements
from shared.views.entitlements import EntitlementItem


class Sample(Item):
    Meta = meta("ops")
    blob: ClassVar[BinaryAttribute] = BinaryAttribute(null=True, legacy_encoding=False)
    named: ClassVar[MapAttribute[str, Any]] = MapAttribute(null=True)
    text: ClassVar[UnicodeAttribute] = UnicodeAttribute(null=True)


def test_binary_and_tricky_names_survive(cloud) -> None:
    Sample("a", "b", blob=bytes(range(256)), named={"B": "a map entry called B", "S": "x"}, text="正文").save()
    found = Sample.get("a", "b")
    assert bytes(found.blob) == bytes(range(256))
    assert found.named.as_dict() == {"B": "a map entry called B", "S": "x"}
    assert found.text == "正文"
    assert [item.sk for item in Sample.query("a")] == ["b"]


def test_errors_come_through_the_lean_parser(cloud) -> None:
    with pytest.raises(DoesNotExist):
        Sample.get("no", "body")
    Sample("a", "b").save()
    with pytest.raises(PutError) as refused:
        Sample("a", "b").save(condition=Sample.pk.does_not_exist())
    assert condition_failed(refused.value)
    with pytest.raises(UpdateError) as broken:
        Sample("a", "b").update([Sample.text.set("x")], condition=Sample.text.exists())
    assert condition_failed(broken.value)
    client = aws.client("dynamodb")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_item(TableName="nope", Key={"pk": {"S": "a"}})


def test_a_bucket_lets_exactly_its_burst_through_in_parallel(cloud) -> None:
    aws.client("dynamodb")
    limit = Limit("race", 20)
    with clock.frozen(clock.now()), ThreadPoolExecutor(8) as pool:
        moments = [copy_context() for _ in range(60)]
        verdicts = list(pool.map(lambda moment: moment.run(take, limit, "1.2.3.4").allowed, moments))
    assert sum(verdicts) == 20, "nothing is refilled while the clock stands"


def test_leases_of_many_environments_stay_within_the_limit(cloud) -> None:
    limit, allowed, calls = Limit("leased", 100), 0, 0
    with clock.frozen(clock.now()):
        for _environment in range(30):
            forget_leases()
            for _ in range(7):
                calls += 1
                allowed += take(limit, "9.9.9.9").allowed
    assert calls > 100
    assert allowed <= 100


def test_a_lease_is_one_write_for_many_calls(cloud) -> None:
    limit = Limit("cheap", 600)
    with clock.frozen(clock.now()):
        remaining = [take(limit, "u").remaining for _ in range(30)]
        assert remaining == list(range(599, 569, -1))
        forget_leases()
        assert take(limit, "u").remaining == 569, "thirty calls were one lease of the bucket"


def test_a_bucket_refills_with_time(cloud) -> None:
    from datetime import timedelta

    limit, start = Limit("refill", 2), clock.now()
    with clock.frozen(start):
        assert [take(limit, "u").allowed for _ in range(3)] == [True, True, False]
        assert take(limit, "u").reset_seconds == 30
        assert take(limit, "other").allowed
    with clock.frozen(start + timedelta(seconds=30)):
        assert [take(limit, "u").allowed for _ in range(2)] == [True, False]


def right(version: int, **fields: Any) -> EntitlementItem:
    return EntitlementItem("U#1", "CREATOR#9", source="subscription", plan_id=3, tier=2, version=version, **fields)


def test_rights_never_turn_back(cloud) -> None:
    assert entitlements.put(right(1))
    assert entitlements.put(right(3, revoked=1))
    assert not entitlements.put(right(2)), "a late fact changes nothing"
    assert not entitlements.put(right(3)), "a repeated one neither"
    assert entitlements.held(1, 9).subscription is None
    assert entitlements.put(right(4))
    held = entitlements.held(1, 9, content_id=5)
    assert held.subscription is not None
    assert held.subscription.tier == 2
    assert held.purchase is None


def test_a_right_ends_on_time_without_anyone_writing(cloud) -> None:
    now = int(clock.now().timestamp())
    entitlements.put(right(1, valid_until=now - 1))
    assert entitlements.held(1, 9).subscription is None
