import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.identity import send_email_code
from functions.identity.errors import CodeInvalid
from functions.identity.letters import Letter
from functions.identity.service import codes
from functions.identity.store.codes import CodeItem
from shared import clock
from tests.fixtures.api import Api, Reply
from tests.fixtures.postgres import House
from tests.identity.conftest import CONTEXT, Post, queued

NOW = datetime(2027, 1, 1, 4, tzinfo=UTC)  # noon in Shanghai
ANN = "ann@example.com"


def ask(auth_api: Api, target: str = ANN, purpose: str = "login", channel: str = "email", **options: Any) -> Reply:
    return auth_api.post("/auth/verification-codes", {"channel": channel, "target": target, "purpose": purpose}, **options)


def test_known_and_unknown_targets_get_the_same_answer(auth_api: Api, register: Callable[..., dict[str, Any]]) -> None:
    register()
    assert ask(auth_api).data == ask(auth_api, "nobody@example.com").data == {"expires_in": 300, "retry_after": 60}
    assert len(queued("email")) == 2


def test_the_code_does_not_travel_through_the_queue(auth_api: Api, post: Post) -> None:
    ask(auth_api)
    post.deliver()
    (record,) = post.records
    assert post.code not in record["body"]
    assert set(json.loads(record["body"])) == {
        "send_id", "channel", "target", "purpose", "locale", "requested_at", "expires_at"
    }  # fmt: skip


@pytest.mark.parametrize(("language", "words"), [("en", "Your code to sign in is"), ("zh-CN", "您正在登录，验证码为")])
def test_the_letter_is_written_in_the_readers_language(auth_api: Api, post: Post, language: str, words: str) -> None:
    ask(auth_api, headers={"accept-language": language})
    post.deliver()
    (letter,) = post.letters
    assert words in letter.body
    assert letter.destinations["ToAddresses"] == [ANN]


def test_only_a_hash_of_the_code_is_kept(auth_api: Api, post: Post) -> None:
    ask(auth_api)
    post.deliver()
    (item,) = CodeItem.scan(CodeItem.sk == "CODE")
    assert post.code not in str(item.to_simple_dict())
    assert ANN not in str(item.to_simple_dict())


@pytest.mark.parametrize(
    ("channel", "target"), [("email", "ann"), ("email", "+8613800138000"), ("sms", ANN), ("sms", "13800138000")]
)
def test_a_target_that_is_none_is_refused(auth_api: Api, channel: str, target: str) -> None:
    assert ask(auth_api, target, channel=channel).error == (422, "target_invalid")
    assert queued(channel) == []


def test_one_code_a_minute(auth_api: Api) -> None:
    with clock.frozen(NOW):
        assert ask(auth_api).status == 200
        assert ask(auth_api, "Ann@Example.com").error == (429, "code_too_frequent")
    with clock.frozen(NOW + timedelta(seconds=59)):
        late = ask(auth_api)
        assert late.error == (429, "code_too_frequent")
        assert late.headers["retry-after"] == "1"
    with clock.frozen(NOW + timedelta(seconds=60)):
        assert ask(auth_api).status == 200
    assert len(queued("email")) == 2


def test_ten_codes_a_day_of_shanghai_for_one_target_whatever_for(auth_api: Api) -> None:
    for minute in range(10):
        with clock.frozen(NOW + timedelta(minutes=minute)):
            assert ask(auth_api, purpose="login" if minute % 2 else "reset_password").status == 200
    with clock.frozen(NOW + timedelta(minutes=10)):
        spent = ask(auth_api)
        assert spent.error == (429, "code_too_frequent")
        assert spent.headers["retry-after"] == str((12 * 60 - 10) * 60)
        assert ask(auth_api, "bob@example.com").status == 200
    with clock.frozen(NOW + timedelta(hours=12)):
        assert ask(auth_api).status == 200


def test_the_day_may_be_made_longer_by_a_setting(auth_api: Api, house: House) -> None:
    house.sql("INSERT INTO admin.system_settings VALUES ('auth.code_per_day', '1', NULL, now())")
    with clock.frozen(NOW):
        ask(auth_api)
    with clock.frozen(NOW + timedelta(minutes=1)):
        assert ask(auth_api).error == (429, "code_too_frequent")


def test_five_attempts_and_the_right_code_comes_too_late(code_for: Callable[..., str]) -> None:
    code = code_for(ANN, "login")
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for _ in range(5):
        with pytest.raises(CodeInvalid):
            codes.prove("login", ANN, wrong)
    with pytest.raises(CodeInvalid):
        codes.prove("login", ANN, code)


def test_the_fifth_attempt_still_counts(code_for: Callable[..., str]) -> None:
    code = code_for(ANN, "login")
    for wrong in ("", "x", "٠٠٠٠٠٠", "0" * 20):
        with pytest.raises(CodeInvalid):
            codes.prove("login", ANN, wrong)
    codes.prove("login", ANN, code).use()


def test_a_code_is_good_for_its_purpose_and_target_only(code_for: Callable[..., str]) -> None:
    code = code_for(ANN, "login")
    with pytest.raises(CodeInvalid):
        codes.prove("reset_password", ANN, code)
    with pytest.raises(CodeInvalid):
        codes.prove("login", "bob@example.com", code)
    codes.prove("login", ANN, code).use()


def test_a_code_ends_after_five_minutes(auth_api: Api, post: Post) -> None:
    with clock.frozen(NOW):
        ask(auth_api)
        post.deliver()
    with clock.frozen(NOW + timedelta(seconds=300)), pytest.raises(CodeInvalid):
        codes.prove("login", ANN, post.code)
    with clock.frozen(NOW + timedelta(seconds=299)):
        codes.prove("login", ANN, post.code).use()


def test_of_two_who_prove_one_code_one_may_use_it(code_for: Callable[..., str]) -> None:
    code = code_for(ANN, "login")
    first, second = codes.prove("login", ANN, code), codes.prove("login", ANN, code)
    second.use()
    with pytest.raises(CodeInvalid):
        first.use()


def test_a_message_delivered_again_sends_nothing_and_leaves_the_code_valid(auth_api: Api, post: Post) -> None:
    ask(auth_api)
    post.deliver()
    post.again()
    assert len(post.letters) == 1
    codes.prove("login", ANN, post.code).use()
    post.again()
    with pytest.raises(CodeInvalid):
        codes.prove("login", ANN, post.code)


class Crash(BaseException):
    """The environment is gone."""


def test_a_crash_around_sending_leads_to_the_same_code(auth_api: Api) -> None:
    ask(auth_api)
    (record,) = queued("email")
    body, sent = json.loads(record["body"]), []

    def crash_after(_address: str, letter: Letter) -> None:
        sent.append(letter.code)
        raise Crash

    with pytest.raises(Crash):
        codes.send(body, crash_after)
    codes.send(body, lambda _address, letter: sent.append(letter.code))
    codes.send(body, lambda _address, letter: sent.append(letter.code))
    assert len(sent) == 2
    assert len(set(sent)) == 1
    codes.prove("login", ANN, sent[0]).use()


def test_a_code_asked_for_later_wins_in_whatever_order_they_are_sent(auth_api: Api) -> None:
    bodies = []
    for minute in (0, 1):
        with clock.frozen(NOW + timedelta(minutes=minute)):
            ask(auth_api)
        bodies += [json.loads(record["body"]) for record in queued("email")]
    sent: list[str] = []
    with clock.frozen(NOW + timedelta(minutes=1)):
        for body in reversed(bodies):
            codes.send(body, lambda _address, letter: sent.append(letter.code))
        assert len(sent) == 1
        codes.prove("login", ANN, sent[0]).use()


def test_a_message_that_waited_too_long_sends_nothing(auth_api: Api, post: Post) -> None:
    with clock.frozen(NOW):
        ask(auth_api)
    with clock.frozen(NOW + timedelta(minutes=5)):
        post.deliver()
    assert post.letters == []


def test_a_bad_message_is_retried_alone(auth_api: Api, post: Post) -> None:
    ask(auth_api)
    records = [{"messageId": "bad", "body": "{}"}, *queued("email")]
    assert send_email_code.handler({"Records": records}, CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert len(post.letters) == 1


def test_an_address_is_bound_by_its_code(
    auth_api: Api, api_of_self: Api, register: Callable[..., dict[str, Any]], code_for: Callable[..., str]
) -> None:
    token = register()["access_token"]
    code = code_for("new@example.com", "verify_email")
    body = {"email": "New@example.com", "code": code}
    assert auth_api.post("/auth/verify-email", body).error == (401, "unauthenticated")
    assert auth_api.post("/auth/verify-email", body | {"code": "x"}, token=token).error == (400, "code_invalid")
    assert auth_api.post("/auth/verify-email", body, token=token).data == {
        "email": "new@example.com",
        "email_verified": True,
    }
    user = api_of_self.get("/users/profile", token=token).data
    assert (user["email"], user["email_verified"]) == ("new@example.com", True)


def test_an_address_of_another_account_is_not_bound(
    auth_api: Api, register: Callable[..., dict[str, Any]], code_for: Callable[..., str]
) -> None:
    register()
    token = register(email="bob@example.com")["access_token"]
    code = code_for(ANN, "verify_email")
    reply = auth_api.post("/auth/verify-email", {"email": ANN, "code": code}, token=token)
    assert reply.error == (409, "email_taken")
