"""WeChat Pay 委托代扣: contracts by which a buyer is debited, and the debits (docs/agreements.md).

The buyer agrees on a page inside WeChat. A debit that was accepted is not yet made: its notice or the query tells. Calls
are of the older wire (`wechat_v2`), but for the announcement of a debit, which is of version 3.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, Self, TypeVar
from urllib.parse import quote, urlencode

from shared.clock import SHANGHAI
from shared.money import Money
from shared.vendors import wechat_sign, wechat_v2
from shared.vendors.outcome import Declined, Done, Said, Unknown
from shared.vendors.wechat_config import WechatConfig
from shared.vendors.wechat_gateway import WechatGateway

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

_VERSION: Final = "1.0"
_OK: Final = "SUCCESS"
# Both spellings occur; what these mean is known later.
_OPEN = frozenset({"SYSTEMERROR", "BANKERROR", "USERPAYING"})
_NO_CONTRACT = frozenset({"CONTRACTNOTEXIST", "CONTRACTNOTEXISTS", "CONTRACTTERMINATED", "CONTRACTEXPIRED"})
_NO_ORDER = frozenset({"ORDERNOTEXIST"})
_BODY_LENGTH = 127


class DebitState(StrEnum):
    """The states of a debit."""

    SUCCESS = "SUCCESS"
    REFUND = "REFUND"  # taken, and something of it given back
    ACCEPT = "ACCEPT"  # waits for its hour
    NOTPAY = "NOTPAY"
    USERPAYING = "USERPAYING"
    CLOSED = "CLOSED"
    REVOKED = "REVOKED"
    PAY_FAIL = "PAY_FAIL"
    PAYERROR = "PAYERROR"


@dataclass(frozen=True)
class Contract:
    """A contract as the query sees it."""

    contract_id: str
    in_force: bool
    signed_at: datetime | None


@dataclass(frozen=True)
class DebitOrder:
    """What is to be taken. `out_trade_no` is ours, unique; the same one takes money once."""

    out_trade_no: str
    amount: Money
    description: str
    attach: str
    contract_id: str
    notify_url: str


@dataclass(frozen=True)
class Debit:
    """A debit as query and notice tell it; `code` says why it took nothing."""

    out_trade_no: str
    state: DebitState
    transaction_id: str | None
    amount: Money | None
    paid_at: datetime | None
    code: str

    @classmethod
    def read(cls, said: Mapping[str, str]) -> Self:
        """From an answer or a notice; a notice without a state tells by its result."""
        failed = said.get("result_code", _OK) != _OK
        return cls(
            out_trade_no=said["out_trade_no"],
            state=DebitState(said.get("trade_state") or (DebitState.PAY_FAIL if failed else DebitState.SUCCESS)),
            transaction_id=said.get("transaction_id") or None,
            amount=Money(int(said["total_fee"]), said.get("fee_type") or "CNY") if said.get("total_fee") else None,
            paid_at=_compact_time(said.get("time_end")),
            code=_code(said),
        )


@dataclass(frozen=True)
class ContractNotice:
    """A believed notice that a contract was signed, or ended by whomever."""

    contract_code: str
    contract_id: str
    kind: Literal["signed", "ended"]
    at: datetime | None


class WechatPapay:
    """The calls about contracts, for one merchant. Keep one per environment: it holds the connection.

    Raises ValueError when the secret has no `api_v2_key` or `papay_plan_id`.
    """

    def __init__(self, config: WechatConfig, *, timeout_seconds: float = 10.0) -> None:
        if not config.api_v2_key or not config.papay_plan_id:
            message = "the wechat secret lacks api_v2_key or papay_plan_id, without which nothing is withheld"
            raise ValueError(message)
        self.config = config
        self._timeout = timeout_seconds
        self._http: httpx.Client | None = None
        self._gateway = WechatGateway(config, timeout_seconds)

    def sign_url(self, *, contract_code: str, serial: int, account: str, notify_url: str, at: datetime) -> str:
        """The address, to be opened inside WeChat, on which the buyer agrees. Makes no call."""
        fields = {
            "appid": self.config.appid,
            "mch_id": self.config.mchid,
            "plan_id": self.config.papay_plan_id,
            "contract_code": contract_code,
            "request_serial": str(serial),
            "contract_display_account": account,
            "notify_url": notify_url,
            "version": _VERSION,
            "timestamp": str(int(at.timestamp())),
            "return_web": "1",
        }
        signed = fields | {"sign": wechat_v2.sign(fields, self.config.api_v2_key, "MD5")}
        return f"{self.config.base_url}/papay/entrustweb?{urlencode(signed)}"

    def query_contract(self, contract_code: str) -> Said[Contract | None]:
        """What became of a contract. None: nobody signed it."""
        return _absent(_NO_CONTRACT, self._call("/papay/querycontract", self._named(contract_code), _contract))

    def delete_contract(self, contract_code: str) -> Said[None]:
        """End a contract. One that is over, or was never signed, counts as ended."""
        fields = self._named(contract_code) | {"contract_termination_remark": "subscriber"}
        said = _absent(_NO_CONTRACT, self._call("/papay/deletecontract", fields, lambda _: True, how="MD5"))
        return Done(None) if isinstance(said, Done) else said

    def announce(self, contract_id: str, amount: Money, *, days: int) -> Said[None]:
        """Tell the buyer, through WeChat, of a debit of at most so much, on one of `days` days after the next one."""
        fields = {
            "mchid": self.config.mchid,
            "appid": self.config.appid,
            "deduct_duration": {"count": days, "unit": "DAY"},
            "estimated_amount": {"amount": amount.minor, "currency": amount.currency},
        }
        path = f"/v3/papay/contracts/{quote(contract_id, safe='')}/notify"
        return self._gateway.call("POST", path, lambda _: None, fields)

    def apply(self, order: DebitOrder) -> Said[None]:
        """Ask for a debit; accepted is not made. The same number again is the same debit."""
        fields = {
            "body": order.description[:_BODY_LENGTH],
            "attach": order.attach,
            "out_trade_no": order.out_trade_no,
            "total_fee": str(order.amount.minor),
            "fee_type": order.amount.currency,
            "spbill_create_ip": "127.0.0.1",
            "notify_url": order.notify_url,
            "trade_type": "PAP",
            "contract_id": order.contract_id,
        }
        return self._call("/pay/pappayapply", fields | {"nonce_str": wechat_sign.nonce()}, lambda _: None)

    def query(self, out_trade_no: str) -> Said[Debit | None]:
        """What became of a debit. None: WeChat never heard of the number."""
        fields = {"out_trade_no": out_trade_no, "nonce_str": wechat_sign.nonce()}
        return _absent(_NO_ORDER, self._call("/pay/paporderquery", fields, Debit.read, how="MD5"))

    def _named(self, contract_code: str) -> dict[str, str]:
        return {"plan_id": self.config.papay_plan_id, "contract_code": contract_code, "version": _VERSION}

    def _call(
        self,
        path: str,
        fields: Mapping[str, str],
        read: Callable[[Mapping[str, str]], T],
        *,
        how: wechat_v2.Hash = "HMAC-SHA256",
    ) -> Said[T]:
        import httpx

        told = {"appid": self.config.appid, "mch_id": self.config.mchid, **fields}
        told |= {"sign": wechat_v2.sign(told, self.config.api_v2_key, how)}
        try:
            answer = self._client().post(f"{self.config.base_url}{path}", content=wechat_v2.written(told).encode())
        except httpx.HTTPError as error:
            return Unknown(type(error).__name__)
        if answer.status_code != httpx.codes.OK:
            return Unknown(f"HTTP {answer.status_code}")
        return self._outcome(answer.content, read)

    def _outcome(self, body: bytes, read: Callable[[Mapping[str, str]], T]) -> Said[T]:
        """Take only what is signed: a refusal, if forged, would let money move twice."""
        try:
            said = wechat_v2.read(body)
        except ValueError:
            return Unknown("unreadable answer")
        if not wechat_v2.is_signed(said, self.config.api_v2_key):
            return Unknown(f"unsigned answer: {said.get('return_msg', '')}"[:80])
        code = _code(said)
        if said.get("return_code") != _OK or code in _OPEN:
            return Unknown(code or said.get("return_msg", ""))
        if said.get("result_code") != _OK:
            return Declined(code, said.get("err_code_des", ""), throttled=code in {"FREQUENCYLIMITED", "RATELIMITED"})
        try:
            return Done(read(said))
        except (KeyError, ValueError):
            return Unknown("signed answer with a missing or unknown field")

    def _client(self) -> "httpx.Client":
        if self._http is None:
            import httpx

            headers = {"Content-Type": "text/xml; charset=utf-8"}
            self._http = httpx.Client(timeout=httpx.Timeout(self._timeout, connect=3), trust_env=False, headers=headers)
        return self._http


def verify_contract_notice(config: WechatConfig, body: bytes) -> ContractNotice:
    """Check who speaks and to whom, then read what is said of a contract. Raises NotSignedError."""
    said = _believed(config, body)
    kind: dict[str, Literal["signed", "ended"]] = {"ADD": "signed", "DELETE": "ended"}
    if said.get("plan_id", config.papay_plan_id) != config.papay_plan_id:
        raise wechat_sign.NotSignedError("another plan's")
    try:
        at = _spaced_time(said.get("operate_time"))
        return ContractNotice(said["contract_code"], said["contract_id"], kind[said["change_type"]], at)
    except (KeyError, ValueError) as error:
        raise wechat_sign.NotSignedError("malformed") from error


def verify_debit_notice(config: WechatConfig, body: bytes) -> Debit:
    """The same of a debit. Raises NotSignedError."""
    said = _believed(config, body)
    if said.get("appid", config.appid) != config.appid:
        raise wechat_sign.NotSignedError("another app's")
    try:
        return Debit.read(said)
    except (KeyError, ValueError) as error:
        raise wechat_sign.NotSignedError("malformed") from error


def _believed(config: WechatConfig, body: bytes) -> dict[str, str]:
    try:
        said = wechat_v2.read(body)
    except ValueError as error:
        raise wechat_sign.NotSignedError("malformed") from error
    if not wechat_v2.is_signed(said, config.api_v2_key):
        raise wechat_sign.NotSignedError("signature")
    if said.get("mch_id") != config.mchid:
        raise wechat_sign.NotSignedError("another merchant's")
    return said


def _contract(said: Mapping[str, str]) -> Contract:
    """`contract_state` 0 is in force, 1 is over, 9 waits for its buyer."""
    return Contract(said["contract_id"], said["contract_state"] == "0", _spaced_time(said.get("contract_signed_time")))


def _code(said: Mapping[str, str]) -> str:
    code = said.get("err_code") or ("" if said.get("result_code", _OK) == _OK else said.get("result_msg", ""))
    return code.replace("_", "")


def _absent(codes: frozenset[str], said: Said[T]) -> Said[T | None]:
    if isinstance(said, Declined) and said.code in codes:
        return Done(None)
    return Done(said.value) if isinstance(said, Done) else said


def _spaced_time(text: str | None) -> datetime | None:
    """`yyyy-MM-dd HH:mm:ss` of Beijing, or seconds since 1970; None when there is none. Raises ValueError."""
    if not text:
        return None
    return (
        datetime.fromtimestamp(int(text), UTC) if text.isdigit() else datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
    )


def _compact_time(text: str | None) -> datetime | None:
    """`yyyyMMddHHmmss` of Beijing."""
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI) if text else None
