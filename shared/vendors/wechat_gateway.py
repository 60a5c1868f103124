"""How a call reaches WeChat Pay and when its answer is believed: signing, transport, its keys, the three outcomes."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from shared import clock
from shared.vendors import wechat_sign
from shared.vendors.outcome import Declined, Done, Said, Unknown
from shared.vendors.wechat_config import WechatConfig

if TYPE_CHECKING:
    import httpx
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

T = TypeVar("T")

_SERVER_ERROR = 500
_ACCEPTED = 202  # the buyer is typing a password
_TOO_MANY = 429
# Both spellings occur in the documents and on the wire.
_OPEN = frozenset({"SYSTEMERROR", "BANKERROR", "USERPAYING"})


class WechatGateway:
    """The gateway of one config, over one kept connection, with WeChat's keys as far as we know them."""

    def __init__(self, config: WechatConfig, timeout_seconds: float) -> None:
        self.config = config
        self._timeout = timeout_seconds
        self._http: httpx.Client | None = None
        self._certificates: dict[str, RSAPublicKey] = {}

    @property
    def keys(self) -> dict[str, "RSAPublicKey"]:
        """The keys by which WeChat may sign: its public key, and the certificates fetched so far."""
        own = self.config.verifying_key
        return self._certificates | ({self.config.public_key_id: own} if own is not None else {})

    def sealing_key(self) -> "tuple[str, RSAPublicKey] | None":
        """WeChat's key, and its serial, by which a field only WeChat may read is sealed; None when we know none."""
        if not self.config.public_key_id and not self._certificates:
            self.fetch_certificates()
        known = list(self.keys.items())
        return known[-1] if known else None

    def call(
        self,
        method: str,
        path: str,
        read: Callable[[dict[str, Any]], T],
        fields: Mapping[str, object] | None = None,
        *,
        serial: str = "",
    ) -> Said[T]:
        """One signed request; `read` turns the fields of a proved answer into a value. `serial` names the key by which a
        field is sealed.
        """
        import httpx

        body = "" if fields is None else json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        try:
            answer = self._send(method, path, body, serial)
        except httpx.HTTPError as error:
            return Unknown(type(error).__name__)
        refused = self._unproved(answer)
        if refused is not None:
            return refused
        return _outcome(answer.status_code, answer.content, read)

    def _unproved(self, answer: "httpx.Response") -> Unknown | None:
        """None when WeChat signed it. A forged refusal would let money move twice, so that one is proved as well."""
        serial = answer.headers.get("wechatpay-serial", "")
        if serial and serial not in self.keys and not self.config.public_key_id:
            self.fetch_certificates()
        try:
            wechat_sign.check(dict(answer.headers), answer.content, self.keys, clock.now().timestamp())
        except wechat_sign.NotSignedError as error:
            return Unknown(f"HTTP {answer.status_code}, not believed: {error}")
        return None

    def fetch_certificates(self) -> bool:
        """Learn the platform certificates: sealed by a key only we and WeChat hold. False when that failed."""
        import httpx
        from cryptography import x509

        try:
            answer = self._send("GET", "/v3/certificates", "")
            found: dict[str, RSAPublicKey] = {}
            for item in answer.json()["data"]:
                pem = wechat_sign.unseal(self.config.api_v3_key, item["encrypt_certificate"])
                certificate = x509.load_pem_x509_certificate(pem.encode())
                if certificate.not_valid_before_utc <= clock.now() < certificate.not_valid_after_utc:
                    found[item["serial_no"]] = certificate.public_key()  # type: ignore[assignment]  # WeChat's are RSA
            wechat_sign.check(dict(answer.headers), answer.content, found, clock.now().timestamp())
        except (httpx.HTTPError, ValueError, KeyError, TypeError, wechat_sign.NotSignedError):
            return False
        self._certificates = found
        return True

    def fetch(self, address: str) -> bytes | Unknown:
        """Download what WeChat pointed to; the request is signed, the file is not: its hash was."""
        import httpx

        try:
            url = httpx.URL(address)
            answer = self._client().get(url, headers=self._headers("GET", url.raw_path.decode(), ""))
            answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Unknown(type(error).__name__)
        return answer.content

    def _send(self, method: str, path: str, body: str, serial: str = "") -> "httpx.Response":
        headers = self._headers(method, path, body, serial)
        return self._client().request(method, f"{self.config.base_url}{path}", content=body.encode(), headers=headers)

    def _headers(self, method: str, path: str, body: str, serial: str = "") -> dict[str, str]:
        at, nonce = int(clock.now().timestamp()), wechat_sign.nonce()
        headers = {
            "Authorization": wechat_sign.authorization(self.config, method, path, body, at=at, nonce_str=nonce),
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": "sharestack",
        }
        named = serial or self.config.public_key_id
        return headers | ({"Wechatpay-Serial": named} if named else {})

    def _client(self) -> "httpx.Client":
        import httpx

        if self._http is None:
            self._http = httpx.Client(timeout=httpx.Timeout(self._timeout, connect=3), trust_env=False)
        return self._http


def _outcome(status: int, body: bytes, read: Callable[[dict[str, Any]], T]) -> Said[T]:
    try:
        said = json.loads(body) if body else {}
    except ValueError:
        return Unknown("unreadable answer")
    if not isinstance(said, dict):
        return Unknown("unreadable answer")
    if status < 300 and status != _ACCEPTED:  # noqa: PLR2004 - what HTTP calls success
        try:
            return Done(read(said))
        except (KeyError, ValueError, TypeError, AttributeError):
            return Unknown("proved answer with a missing or unknown field")
    code = str(said.get("code", "")).replace("_", "")
    if status >= _SERVER_ERROR or status == _ACCEPTED or code in _OPEN or not code:
        return Unknown(f"HTTP {status} {code}".strip())
    return Declined(code, str(said.get("message", "")), throttled=status == _TOO_MANY)
