"""An applicant is told how a verification was decided, once, in their language; nothing of the document leaks."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from events.identity import VerificationDecided
from functions.identity import on_verification_decided, send_email_code, send_sms_code
from functions.identity.gateways.sms_aliyun import AliyunSms, SmsConfig
from functions.identity.letters import verification_letter
from shared import aws
from tests.fixtures.api import Api, SignIn
from tests.fixtures.people import make_file, make_user
from tests.fixtures.postgres import House
from tests.fixtures.sandbox import Sandbox
from tests.identity.conftest import CARD, CONTEXT, Post, queued

NAME = "欧阳修远"
IDENTITY = {"real_name": NAME, "id_number": CARD}
PHONE = "+8613800138000"
Register = Callable[..., dict[str, Any]]


@pytest.fixture
def reviewer(sign_in: SignIn, keys: None) -> str:
    return sign_in(1, permissions=("verification:read", "verification:review"))


@pytest.fixture
def review(api_of_self: Api, reviewer: str) -> Callable[..., Any]:
    return lambda number, **body: api_of_self.post(f"/admin/verifications/{number}/review", body, token=reviewer).data


def hear(house: House) -> list[dict[str, Any]]:
    """Let the listener hear every decision there was; each twice, as the bus may."""
    facts = house.facts("identity.verification_decided.v1")
    records = [{"messageId": fact["event_id"], "body": json.dumps({"detail": fact})} for fact in facts * 2]
    with house.acting("identity"):
        assert on_verification_decided.handler({"Records": records}, CONTEXT) == {"batchItemFailures": []}
    return facts


def test_a_decision_is_announced_and_told_once_and_a_rejected_one_may_be_handed_in_again(
    api_of_self: Api, register: Register, sign_in: SignIn, review: Callable[..., Any], house: House, post: Post
) -> None:
    uid = register(locale="zh-CN")["user"]["user_id"]
    ann = sign_in(uid)
    first = api_of_self.post("/users/identity-verify", IDENTITY, token=ann).data["verification_id"]
    review(first, action="reject", comment="照片不清晰")
    (fact,) = hear(house)
    assert (fact["verification_id"], fact["uid"], fact["kind"]) == (first, uid, "identity")
    assert (fact["status"], fact["comment"]) == ("rejected", "照片不清晰")
    post.deliver()
    post.again()
    (letter,) = post.letters
    assert letter.destinations["ToAddresses"] == ["ann@example.com"]
    assert "实名认证未通过。原因：照片不清晰。您可以修改后重新提交" in letter.body
    second = api_of_self.post("/users/identity-verify", IDENTITY, token=ann).data["verification_id"]
    review(second, action="approve")
    hear(house)
    post.deliver()
    assert len(post.letters) == 2
    assert "实名认证已通过" in post.letters[1].body


def test_the_letter_is_in_the_applicants_language(
    api_of_self: Api, register: Register, sign_in: SignIn, review: Callable[..., Any], house: House, post: Post
) -> None:
    ann = sign_in(register(locale="en")["user"]["user_id"])
    number = api_of_self.post("/users/identity-verify", IDENTITY, token=ann).data["verification_id"]
    review(number, action="approve")
    hear(house)
    post.deliver()
    assert "Your real-name verification on ShareStack was approved." in post.letters[-1].body


@pytest.mark.parametrize(
    ("email", "email_at", "phone", "phone_at", "queue", "target"),
    [
        ("a@b.cd", True, PHONE, True, "email", "a@b.cd"),
        ("a@b.cd", False, PHONE, True, "sms", PHONE),
        ("a@b.cd", False, PHONE, False, "email", "a@b.cd"),
        (None, False, PHONE, True, "sms", PHONE),
        (None, False, PHONE, False, None, None),
    ],
)
def test_the_letter_goes_where_its_reader_was_proved_to_be(
    *,
    keys: None,
    house: House,
    email: str | None,
    email_at: bool,
    phone: str,
    phone_at: bool,
    queue: str | None,
    target: str | None,
) -> None:
    make_user(house.sql, 100_001, "ann")
    house.sql(
        """
        UPDATE identity.users SET email = %s, email_verified_at = CASE WHEN %s THEN now() END, phone_number = %s,
            phone_verified_at = CASE WHEN %s THEN now() END
        """,
        (email, email_at, phone, phone_at),
    )
    fact = VerificationDecided.model_validate(
        {
            "event_id": "E1", "occurred_at": "2026-01-01T00:00:00Z", "verification_id": 1, "uid": 100_001, "kind": "creator",
            "status": "approved", "comment": None, "decided_at": "2026-01-01T00:00:00Z",
        }
    )  # fmt: skip
    record = {"messageId": "1", "body": json.dumps({"detail": fact.model_dump(mode="json")})}
    with house.acting("identity"):
        assert on_verification_decided.handler({"Records": [record]}, CONTEXT) == {"batchItemFailures": []}
    sent = {name: [json.loads(one["body"])["target"] for one in queued(name)] for name in ("email", "sms")}
    assert sent == {"email": [], "sms": []} | ({queue: [target]} if queue else {})


def test_an_sms_fills_the_template_of_the_notice(sandbox: Sandbox, keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    config = SmsConfig.model_validate(sandbox.http.get("/sms/credentials").json())
    letter = verification_letter("identity", "rejected", None, "zh-CN")
    AliyunSms(config).send(PHONE, letter)
    registered = {"SMS_VERIFICATION_RESULT": {"zh-CN": "SMS_77"}}
    AliyunSms(config.model_copy(update={"notice_codes": registered})).send(PHONE, letter)
    newest, before = sandbox.http.get("/_control/sms/messages", params={"to": PHONE}).json()["items"][:2]
    assert (newest["template"], before["template"]) == ("SMS_77", "SMS_VERIFICATION_RESULT")
    assert newest["params"] == {"kind": "实名认证", "result": "未通过"}
    monkeypatch.setenv("SECRET_SMS", "sharestack/test/sms-of-notices")
    content = json.dumps(config.model_dump())
    aws.client("secretsmanager").create_secret(Name="sharestack/test/sms-of-notices", SecretString=content)
    body = {
        "letter_id": "L1", "target": PHONE, "subject": letter.subject, "text": letter.text, "locale": "zh-CN",
        "template": letter.template, "values": dict(letter.values),
    }  # fmt: skip
    records = [{"messageId": "1", "body": json.dumps(body)}] * 2
    count = len(sandbox.http.get("/_control/sms/messages", params={"to": PHONE}).json()["items"])
    assert send_sms_code.handler({"Records": records}, CONTEXT) == {"batchItemFailures": []}
    assert len(sandbox.http.get("/_control/sms/messages", params={"to": PHONE}).json()["items"]) == count + 1


def test_a_letter_whose_sending_failed_is_sent_when_it_comes_again(
    house: House, keys: None, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {
        "letter_id": "L2", "target": "a@b.cd", "subject": "s", "text": "t", "locale": "en", "template": "x", "values": {},
    }  # fmt: skip
    records = [{"messageId": "1", "body": json.dumps(body)}]
    with monkeypatch.context() as broken:
        broken.setenv("MAIL_FROM", "nobody@elsewhere.test")
        assert send_email_code.handler({"Records": records}, CONTEXT)["batchItemFailures"] == [{"itemIdentifier": "1"}]
    assert post.letters == []
    for _ in range(2):
        assert send_email_code.handler({"Records": records}, CONTEXT) == {"batchItemFailures": []}
    assert len(post.letters) == 1


def test_name_and_number_in_clear_are_nowhere_but_under_encryption(
    *,
    api_of_self: Api,
    register: Register,
    sign_in: SignIn,
    reviewer: str,
    review: Callable[..., Any],
    house: House,
    post: Post,
    capfd: pytest.CaptureFixture[str],
) -> None:
    uid = register(email="bob@example.com")["user"]["user_id"]
    bob = sign_in(uid)
    pictures = {"front_media_id": make_file(house.sql, uid), "back_media_id": make_file(house.sql, uid)}
    said: list[str] = []

    def told(reply: Any) -> Any:
        said.append(reply.text)
        return reply

    path = "/users/identity-verify"
    told(api_of_self.post(path, IDENTITY | {"id_number": CARD[:-1] + "9"}, token=bob))
    number = told(api_of_self.post(path, IDENTITY | pictures, token=bob)).data["verification_id"]
    told(api_of_self.post(path, IDENTITY, token=bob))
    told(api_of_self.get(path, token=bob))
    told(api_of_self.get("/users/profile", token=bob))
    told(api_of_self.get(f"/users/profile/{uid}"))
    told(api_of_self.get("/admin/verifications", token=reviewer))
    review(number, action="reject", comment=f"号码 {CARD} 与照片不符")
    again = told(api_of_self.post(path, IDENTITY | pictures, token=bob)).data["verification_id"]
    said.append(json.dumps(review(again, action="approve"), ensure_ascii=False))
    hear(house)
    post.records = queued("email")
    said += [str(one["body"]) for one in post.records]
    post.again()
    said += [letter.body for letter in post.letters]
    said += list(capfd.readouterr())
    for table in ("platform.outbox_events", "platform.processed_events", "admin.operator_audit_logs",
                  "admin.admin_operation_logs", "identity.user_verifications", "identity.user_profiles"):  # fmt: skip
        said.append(str(house.sql(f"SELECT to_jsonb(t)::text FROM {table} t")))
    assert len(said) > 15
    for text in said:
        assert CARD not in text
        assert CARD[6:14] not in text
        assert NAME not in text
        assert NAME not in text.encode().decode("unicode_escape", "ignore")
    assert any("110***" in text for text in said)


@pytest.mark.parametrize("which", ["someone else's", "not ready", "no image", "deleted", "unknown"])
def test_pictures_of_a_document_are_ones_own_images_that_are_ready(
    api_of_self: Api, register: Register, sign_in: SignIn, house: House, which: str
) -> None:
    uid = register()["user"]["user_id"]
    wrong = {
        "someone else's": lambda: make_file(house.sql, uid + 1),
        "not ready": lambda: make_file(house.sql, uid, status="scanning"),
        "no image": lambda: make_file(house.sql, uid, "document"),
        "deleted": lambda: make_file(house.sql, uid, status="deleted"),
        "unknown": lambda: 2**62,
    }[which]()
    own = make_file(house.sql, uid)
    ann = sign_in(uid)
    for pictures in ({"front_media_id": wrong}, {"front_media_id": own, "back_media_id": wrong}):
        reply = api_of_self.post("/users/identity-verify", IDENTITY | pictures, token=ann)
        assert reply.error == (404, "media_not_found")
    assert house.sql("SELECT 1 FROM identity.user_verifications") == []
    both = {"front_media_id": own, "back_media_id": own}
    assert api_of_self.post("/users/identity-verify", IDENTITY | both, token=ann).status == 201
