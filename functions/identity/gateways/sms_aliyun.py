"""SMS by Alibaba Cloud (Dysms SendSms, signature ACS3-HMAC-SHA256), and the twin that sends nothing.

The secret `sms` is `{endpoint, access_key_id, access_key_secret, sign_name, template_codes?: {locale: code},
notice_codes?: {template: {locale: code}}}`; the templates of codes have one variable, `code`, those of notices the letter's
(functions/identity/letters.py). Without an access key nothing is sent, and the log says so.
"""

import hashlib
import hmac
import json
import os
import uuid
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel

from functions.identity.letters import Letter
from shared import aws, clock, observe
from shared.i18n import Locale

_ALGORITHM = "ACS3-HMAC-SHA256"
_TIMEOUT = httpx.Timeout(10, connect=3)
_CODES = "SMS_ONE_TIME_CODE"


class SmsRefused(Exception):  # noqa: N818 - what the vendor said
    """The vendor did not take the message; its code is the argument."""


class SmsConfig(BaseModel):
    """The content of the secret."""

    endpoint: str
    access_key_id: str
    access_key_secret: str
    sign_name: str
    template_codes: dict[Locale, str] = {}
    notice_codes: dict[str, dict[Locale, str]] = {}

    def template_of(self, letter: Letter) -> str:
        """The vendor's code of the letter's template in its language; our own name where none was registered."""
        by_locale = self.template_codes if letter.template == _CODES else self.notice_codes.get(letter.template, {})
        return by_locale.get(letter.locale, letter.template)


class SmsGateway(Protocol):
    """Sends a short message to one phone."""

    def send(self, phone: str, letter: Letter) -> None:
        """Send it, or raise."""


class NullSms:
    """No vendor configured: nothing is sent."""

    def send(self, phone: str, letter: Letter) -> None:
        """Say in the log that nobody was told."""
        observe.warn("no SMS vendor configured", phone=phone, locale=letter.locale)


class AliyunSms:
    """The vendor."""

    def __init__(self, config: SmsConfig) -> None:
        self._config = config
        self._client = httpx.Client(timeout=_TIMEOUT, trust_env=False)

    def send(self, phone: str, letter: Letter) -> None:
        """Send the letter by its template in its language.

        Raises SmsRefused, or TransportError when no connection was made, so that the queue tries again. Once the
        request may have arrived it is not repeated: the vendor knows no idempotency, and would send it twice.
        """
        query = {
            "PhoneNumbers": phone,
            "SignName": self._config.sign_name,
            "TemplateCode": self._config.template_of(letter),
            "TemplateParam": json.dumps(dict(letter.variables), ensure_ascii=False),
        }
        canonical = "&".join(f"{_encode(name)}={_encode(value)}" for name, value in sorted(query.items()))
        headers = signed_headers(self._config, canonical)
        try:
            answer = self._client.post(f"{self._config.endpoint}/?{canonical}", headers=headers)
        except (httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ReadError) as error:
            observe.warn("SMS vendor's answer was lost", reason=type(error).__name__)
            return
        code = answer.json().get("Code") if answer.headers.get("content-type", "").startswith("application/json") else None
        if code != "OK":
            raise SmsRefused(code or answer.status_code)


_configured: list[AliyunSms] = []


def signed_headers(config: SmsConfig, canonical_query: str) -> Mapping[str, str]:
    """The headers of a SendSms request with an empty body, signature included."""
    headers = {
        "host": urlsplit(config.endpoint).netloc,
        "x-acs-action": "SendSms",
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        "x-acs-date": f"{clock.now():%Y-%m-%dT%H:%M:%SZ}",
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-version": "2017-05-25",
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = "\n".join(("POST", "/", canonical_query, lines, names, headers["x-acs-content-sha256"]))
    text = f"{_ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(config.access_key_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    claim = f"{_ALGORITHM} Credential={config.access_key_id},SignedHeaders={names},Signature={signature}"
    return headers | {"authorization": claim}


def send(phone: str, letter: Letter) -> None:
    """Send through the configured gateway."""
    gateway().send(phone, letter)


def gateway() -> SmsGateway:
    """The gateway the secret describes; read once per environment, as soon as it describes one."""
    if not _configured:
        text = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_SMS"])["SecretString"]
        stored = json.loads(text)
        if "access_key_id" not in stored:
            return NullSms()
        _configured.append(AliyunSms(SmsConfig.model_validate(stored)))
    return _configured[0]


def forget_gateway() -> None:
    """Read the secret again at the next use (tests)."""
    _configured.clear()


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")
