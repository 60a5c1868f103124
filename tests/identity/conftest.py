"""People, operators and their letters, for the tests of identity."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.client import BaseClient
from moto.ses.models import ses_backends

from functions.identity import auth, http, keyed, send_email_code, signing
from functions.identity.gateways import sms_aliyun
from functions.identity.service.second_factor import totp_context
from functions.identity.totp import code_at, new_secret, step_of
from shared import aws, clock, crypto
from tests.fixtures.api import Api, Handler, Reply
from tests.fixtures.postgres import House
from tests.fixtures.signing import hand_over_signing_key

PASSWORD = "correct horse 1"
CARD = "11010519491231002X"
SENDER = "no-reply@house.test"
CONTEXT = SimpleNamespace(aws_request_id="test")


def forget_keys() -> None:
    keyed.forget_key()
    signing.forget_key()
    sms_aliyun.forget_gateway()


@pytest.fixture
def keys(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The account as the deploy task leaves it, but for the first operator."""
    forget_keys()
    monkeypatch.setenv("MAIL_FROM", SENDER)
    aws.client("sesv2").create_email_identity(EmailIdentity=SENDER)
    keyed.ensure_key()
    hand_over_signing_key()
    yield
    forget_keys()


@pytest.fixture
def auth_api(api: Callable[[Handler, str], Api], keys: None) -> Api:
    """The function that opens sessions."""
    return api(auth.handler, "identity")


@pytest.fixture
def api_of_self(api: Callable[[Handler, str], Api], keys: None) -> Api:
    """The function of one's own account, of verification and of the keys."""
    return api(http.handler, "identity")


def api_call_of_botocore() -> Callable[[BaseClient, str, Any], Any]:
    """What every call of AWS passes through, ours and PynamoDB's."""
    call: Callable[[BaseClient, str, Any], Any] = vars(BaseClient)["_make_api_call"]
    return call


@pytest.fixture
def one_call_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB carries out conditional writes one after another; moto, in threads of this process, would not."""
    make_api_call, lock = api_call_of_botocore(), Lock()

    def call(client: BaseClient, name: str, parameters: Any) -> Any:
        with lock:
            return make_api_call(client, name, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)


def registration(**fields: Any) -> dict[str, Any]:
    return {"email": "ann@example.com", "password": PASSWORD, "agree_terms": True} | fields


@pytest.fixture
def register(auth_api: Api) -> Callable[..., dict[str, Any]]:
    """Open an account; returns its TokenPair."""

    def opened(**fields: Any) -> dict[str, Any]:
        reply = auth_api.post("/auth/register", registration(**fields))
        data: dict[str, Any] = reply.data
        return data

    return opened


def log_in(auth_api: Api, **fields: Any) -> Reply:
    return auth_api.post("/auth/login", {"account": "ann@example.com", "password": PASSWORD} | fields)


class Operator:
    """An operator: an account with a role and, if wanted, a second factor."""

    def __init__(self, house: House, uid: int, email: str, role: str, *, totp: bool) -> None:
        self.uid, self.email, self.secret = uid, email, new_secret() if totp else None
        house.sql("INSERT INTO admin.admins (user_id, role) VALUES (%s, %s)", (uid, role))
        if self.secret:
            sealed = crypto.encrypt(self.secret, totp_context(uid))
            house.sql(
                "UPDATE identity.user_auth SET totp_secret = %s, totp_confirmed_at = now() WHERE uid = %s", (sealed, uid)
            )

    @property
    def code(self) -> str:
        """What the app shows now."""
        assert self.secret
        return code_at(self.secret, step_of(clock.now()))

    def body(self, **fields: Any) -> dict[str, Any]:
        """The body of a staff sign-in."""
        return {"email": self.email, "password": PASSWORD} | ({"totp_code": self.code} if self.secret else {}) | fields


@pytest.fixture
def operator(register: Callable[..., dict[str, Any]], house: House) -> Callable[..., Operator]:
    """Appoint somebody: `operator("user_manager", totp=True)`."""

    def appointed(role: str = "user_manager", *, totp: bool = False, email: str = "ops@example.com") -> Operator:
        uid = register(email=email)["user"]["user_id"]
        return Operator(house, uid, email, role, totp=totp)

    return appointed


def queued(name: str) -> list[dict[str, Any]]:
    """Take every message of a queue, as Lambda would get them."""
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName=f"sharestack-test-{name}")["QueueUrl"]
    records = []
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            records.append({"messageId": message["MessageId"], "body": message["Body"]})
    return records


class Post:
    """The mail: delivers what is queued, and shows what was sent."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def deliver(self) -> None:
        """Let the worker work off the queue."""
        self.records = queued("email")
        self.again()

    def again(self) -> None:
        """The queue delivers the same messages once more."""
        assert send_email_code.handler({"Records": self.records}, CONTEXT) == {"batchItemFailures": []}

    @property
    def letters(self) -> list[Any]:
        """Every letter sent, oldest first."""
        return list(ses_backends["123456789012"]["us-east-1"].sent_messages)

    @property
    def code(self) -> str:
        """The code in the last letter."""
        found = re.search(r"\d{6}", self.letters[-1].body)
        assert found
        return found[0]


@pytest.fixture
def post(keys: None) -> Post:
    """The post office."""
    return Post()


@pytest.fixture
def code_for(auth_api: Api, post: Post) -> Callable[..., str]:
    """Ask for a code by e-mail and read it in the letter."""

    def asked(target: str, purpose: str, **options: Any) -> str:
        body = {"channel": "email", "target": target, "purpose": purpose}
        assert auth_api.post("/auth/verification-codes", body, **options).data == {"expires_in": 300, "retry_after": 60}
        post.deliver()
        return post.code

    return asked


@contextmanager
def counted(house: House) -> Iterator[list[int]]:
    """How many statements the enclosed request sends, without those by which the fixture changes roles."""
    start = house.db.statements
    with house.acting("identity"):
        pass
    before = house.db.statements
    result: list[int] = []
    yield result
    result.append(house.db.statements - before - (before - start))


def secret_keys() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(
        aws.client("secretsmanager").get_secret_value(SecretId="sharestack/test/signing-keys")["SecretString"]
    )
    return stored
