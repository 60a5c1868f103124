"""What a client starts with."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.identity.service import api_keys, codes
from functions.platform import configuration
from functions.platform.configuration import is_on
from functions.platform.http import handler
from shared.dynamo import providers
from shared.http.paging import page_query
from shared.sql.tunables import forget_tunables
from tests.fixtures.api import Api, SignIn
from tests.fixtures.budget import statements
from tests.fixtures.postgres import House

PATH = "/config/client"


@pytest.fixture
def platform(api: Any) -> Iterator[Api]:
    providers.forget()
    yield api(handler, "platform")
    providers.forget()


def set_to(house: House, key: str, value: Any) -> None:
    """As an operator would; this environment has looked a minute ago."""
    house.sql(
        """
        INSERT INTO admin.system_settings (key, value, updated_at) VALUES (%s, %s, now())
        ON CONFLICT (key) DO UPDATE SET value = excluded.value
        """,
        (key, json.dumps(value)),
    )
    forget_tunables()


def test_a_client_learns_what_is_switched_on_and_what_will_be_refused(platform: Api) -> None:
    found = platform.get(PATH).data
    assert set(found) == {"payment_channels", "oauth_providers", "locales", "limits", "features"}
    assert found["payment_channels"] == ["alipay", "wechat", "unionpay", "usdt"]
    assert found["locales"] == ["zh-CN", "en"]
    assert found["limits"]["upload_bytes"] == {
        "image": 20 * 1024**2, "audio": 500 * 1024**2, "video": 5 * 1024**3, "document": 100 * 1024**2,
    }  # fmt: skip
    assert found["limits"]["quota_bytes"] == {"user": 10 * 1024**3, "creator": 100 * 1024**3}
    assert found["features"] == {}


def test_the_limits_are_those_of_the_code_that_refuses() -> None:
    assert configuration.CODE_RETRY_SECONDS == codes.GAP_SECONDS
    assert configuration.API_KEYS == api_keys.MOST
    size = page_query.__annotations__["page_size"].__metadata__[0]
    assert [bound.le for bound in size.metadata if hasattr(bound, "le")] == [configuration.PAGE_SIZE_MAX]
    assert page_query.__defaults__ is not None
    assert page_query.__defaults__[1] == configuration.PAGE_SIZE


def test_settings_are_followed(platform: Api, house: House) -> None:
    before = platform.get(PATH)
    set_to(house, "payment.enabled_channels", ["alipay"])
    set_to(house, "media.max_bytes.image", 1000)
    after = platform.get(PATH, headers={"if-none-match": before.headers["etag"]})
    assert after.data["payment_channels"] == ["alipay"]
    assert after.data["limits"]["upload_bytes"]["image"] == 1000


def test_what_has_not_changed_is_not_sent_again(platform: Api, house: House, sign_in: SignIn) -> None:
    set_to(house, "features.editor", {"enabled": True, "percent": 100})
    first = platform.get(PATH)
    assert first.headers["cache-control"] == "no-cache"
    assert {"Authorization", "X-API-Key", "X-Device-Id"} == set(first.headers["vary"].split(", "))
    same = platform.get(PATH, headers={"if-none-match": first.headers["etag"]})
    assert (same.status, same.text, same.headers["etag"]) == (304, "", first.headers["etag"])
    set_to(house, "features.editor", {"enabled": False, "percent": 100})
    assert platform.get(PATH, headers={"if-none-match": first.headers["etag"]}).data["features"] == {"editor": False}


def test_only_configured_providers_are_offered(platform: Api) -> None:
    assert platform.get(PATH).data["oauth_providers"] == []
    providers.forget()
    providers.publish(["wechat", "google"])
    assert platform.get(PATH).data["oauth_providers"] == ["wechat", "google"]


def test_a_feature_is_each_users_own_and_stays(platform: Api, house: House, sign_in: SignIn) -> None:
    set_to(house, "features.editor", {"enabled": True, "percent": 50})
    seen = {}
    for uid in range(100001, 100041):
        token = sign_in(uid)
        first = platform.get(PATH, token=token, headers={"x-device-id": "one"}).data["features"]["editor"]
        again = platform.get(PATH, token=token, headers={"x-device-id": "another"}).data["features"]["editor"]
        assert first == again == is_on("editor", {"enabled": True, "percent": 50}, f"user {uid}")
        seen[uid] = first
    assert set(seen.values()) == {True, False}


def test_without_a_token_a_feature_is_the_devices(platform: Api, house: House) -> None:
    set_to(house, "features.editor", {"enabled": True, "percent": 50})
    seen = {
        platform.get(PATH, headers={"x-device-id": f"device {number}"}).data["features"]["editor"] for number in range(20)
    }
    assert seen == {True, False}
    assert platform.get(PATH).data["features"] == {"editor": False}
    set_to(house, "features.editor", {"enabled": True, "percent": 100})
    assert platform.get(PATH).data["features"] == {"editor": True}


def test_a_rising_percentage_only_adds_and_is_true_to_its_number() -> None:
    people = [f"user {uid}" for uid in range(100_000, 102_000)]

    def share(percent: float) -> set[str]:
        return {person for person in people if is_on("flag", {"enabled": True, "percent": percent}, person)}

    assert share(0) == set()
    assert share(100) == set(people)
    assert share(10) < share(25) < share(60)
    assert len(share(25)) == pytest.approx(500, abs=60)
    assert len(share(0.5)) == pytest.approx(10, abs=9)
    other = {person for person in people if is_on("other", {"enabled": True, "percent": 25}, person)}
    assert len(other & share(25)) == pytest.approx(125, abs=40), "flags draw independently"


@pytest.mark.parametrize(
    "value",
    [{"enabled": False, "percent": 100}, {"percent": 100}, {"enabled": "yes"}, {"enabled": True, "percent": True},
     {"enabled": True, "percent": "100"}, True, None, 5, []],
)  # fmt: skip
def test_what_is_no_flag_that_is_on_is_off(value: Any) -> None:
    assert not is_on("flag", value, "user 1")


def test_a_warm_answer_asks_the_database_nothing(platform: Api, house: House) -> None:
    assert statements(house, "platform", lambda: platform.get(PATH)) == 0
    forget_tunables()
    before = statements(house, "platform", lambda: platform.get(PATH))
    assert before <= 1
