"""How a call reaches Alipay and when its answer is believed: signing, transport, the three outcomes."""

import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from shared import clock
from shared.vendors import alipay_sign, rsa_text
from shared.vendors.alipay_config import AlipayConfig
from shared.vendors.alipay_results import Done, Outcome, Refused, Unknown, beijing_text

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

_OK = "10000"
# Payment in progress; service unavailable, after it may have acted.
_OUTCOME_OPEN = frozenset({"10003", "20000"})


class AlipayGateway:
    """The gateway of one config, over one kept connection."""

    def __init__(self, config: AlipayConfig, timeout_seconds: float) -> None:
        self.config = config
        self._timeout = timeout_seconds
        self._http: httpx.Client | None = None

    def call(
        self,
        method: str,
        biz: Mapping[str, object],
        read: Callable[[dict[str, Any]], T],
        *,
        notify_url: str = "",
    ) -> Outcome[T]:
        """Call `method`; `read` turns the fields of a signed success into a value."""
        import httpx  # 60 ms that a function pays only when it calls

        try:
            answer = self._client().post(
                self.config.gateway_url,
                data=dict(self.signed(method, biz, notify_url=notify_url)),
                headers={"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"},
            )
        except httpx.HTTPError as error:
            return Unknown(type(error).__name__)
        if answer.status_code != httpx.codes.OK:
            return Unknown(f"HTTP {answer.status_code}")
        return self._outcome(method, answer.content, read)

    def _outcome(self, method: str, body: bytes, read: Callable[[dict[str, Any]], T]) -> Outcome[T]:
        said = self._believed(method, body)
        if isinstance(said, Unknown):
            return said
        code, sub_code = str(said.get("code", "")), str(said.get("sub_code", ""))
        if code in _OUTCOME_OPEN or sub_code.endswith("SYSTEM_ERROR"):
            return Unknown(f"{code} {sub_code}".strip())
        if code != _OK:
            return Refused(code, sub_code, str(said.get("sub_msg", said.get("msg", ""))))
        try:
            return Done(read(said))
        except (KeyError, ValueError, TypeError, AttributeError):
            return Unknown("signed answer with a missing or unknown field")

    def _believed(self, method: str, body: bytes) -> dict[str, Any] | Unknown:
        """Take only what is signed: even a refusal, if forged or mangled, would let money move twice."""
        try:
            answer = alipay_sign.members(body.decode())
        except ValueError:
            return Unknown("unreadable answer")
        said, signature = answer.get(method.replace(".", "_") + "_response"), answer.get("sign")
        if said is None or signature is None:
            complaint = answer.get("error_response") or said
            return Unknown(f"unsigned answer: {_gist(complaint.value if complaint else None)}")
        if not rsa_text.is_signed(said.raw, str(signature.value), self.config.verifying_key):
            return Unknown("badly signed answer")
        return said.value if isinstance(said.value, dict) else Unknown("unreadable answer")

    def fetch(self, address: str) -> bytes | Unknown:
        """Download what Alipay pointed to."""
        import httpx

        try:
            answer = self._client().get(address)
            answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Unknown(type(error).__name__)
        return answer.content

    def signed(
        self,
        method: str,
        biz: Mapping[str, object],
        *,
        notify_url: str = "",
        return_url: str = "",
        at: datetime | None = None,
    ) -> list[tuple[str, str]]:
        """The parameters of a request of now, or of `at`, empty ones left out, and their signature."""
        params = {
            "app_id": self.config.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing_text(at or clock.now()),
            "version": "1.0",
            "notify_url": notify_url,
            "return_url": return_url,
            "app_cert_sn": self.config.app_cert_sn,
            "alipay_root_cert_sn": self.config.alipay_root_cert_sn,
            "biz_content": json.dumps(biz, ensure_ascii=False, separators=(",", ":")),
        }
        pairs = [(name, value) for name, value in params.items() if value]
        return [*pairs, ("sign", rsa_text.sign(alipay_sign.text_to_sign(pairs), self.config.signing_key))]

    def _client(self) -> "httpx.Client":
        if self._http is None:
            import httpx

            logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO lines hold whole addresses
            # A proxy of the environment is for people; what moves money goes straight to the gateway.
            self._http = httpx.Client(timeout=httpx.Timeout(self._timeout, connect=3.0), trust_env=False)
        return self._http


def _gist(said: object) -> str:
    if not isinstance(said, dict):
        return "no code"
    return f"{said.get('code', '')} {said.get('sub_code', '')}".strip()
