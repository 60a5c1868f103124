"""How a call reaches UnionPay and when its answer is believed: signing, transport, the three outcomes."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from shared import clock
from shared.vendors import unionpay_sign
from shared.vendors.outcome import Declined, Done, Said, Unknown
from shared.vendors.unionpay_config import UnionpayConfig
from shared.vendors.unionpay_results import OPEN, SUCCESS
from shared.vendors.unionpay_wire import parse_reply

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

_OK = 200
_TOO_MANY = "37"
# What a reply repeats of the question: another's answer, or an old one, is none.
_REPEATED = ("merId", "orderId", "txnTime", "txnType")


class UnionpayGateway:
    """The gateway of one config, over one kept connection."""

    def __init__(self, config: UnionpayConfig, timeout_seconds: float) -> None:
        self.config = config
        self._timeout = timeout_seconds
        self._http: httpx.Client | None = None

    def call(self, address: str, fields: Mapping[str, str], read: Callable[[Mapping[str, str]], T]) -> Said[T]:
        """Post fields that `signed` made; `read` turns those of a proved success into a value."""
        import httpx

        try:
            answer = self._client().post(address, data=dict(fields))
        except httpx.HTTPError as error:
            return Unknown(type(error).__name__)
        if answer.status_code != _OK:
            return Unknown(f"HTTP {answer.status_code}")
        try:
            said = parse_reply(answer.content)
        except ValueError:
            return Unknown("unreadable answer")
        # A forged refusal would let money move twice, so that one is proved as well.
        try:
            unionpay_sign.check(self.config, said, clock.now())
        except unionpay_sign.NotSignedError as error:
            return Unknown(f"not believed: {error}")
        if any(said.get(name, fields[name]) != fields[name] for name in _REPEATED if name in fields):
            return Unknown("the answer to another question")
        return _outcome(said, read)

    def signed(self, fields: Mapping[str, str]) -> dict[str, str]:
        """These fields with the merchant's own and its signature."""
        own = {
            "version": unionpay_sign.VERSION,
            "encoding": "UTF-8",
            "signMethod": unionpay_sign.METHOD,
            "certId": self.config.cert_id,
            "merId": self.config.mer_id,
            "accessType": "0",
        }
        return unionpay_sign.signed(own | dict(fields), self.config.signing_key)

    def _client(self) -> "httpx.Client":
        import httpx

        if self._http is None:
            self._http = httpx.Client(timeout=httpx.Timeout(self._timeout, connect=3), trust_env=False)
        return self._http


def _outcome(said: Mapping[str, str], read: Callable[[Mapping[str, str]], T]) -> Said[T]:
    code = said.get("respCode", "")
    if not code or code in OPEN:
        return Unknown(f"respCode {code}".strip())
    if code not in SUCCESS:
        return Declined(code, said.get("respMsg", ""), throttled=code == _TOO_MANY)
    try:
        return Done(read(said))
    except (KeyError, ValueError):
        return Unknown("proved answer with a missing or unknown field")
