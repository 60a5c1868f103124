"""WeChat Pay's transfers to a payee's balance (商家转账, `mch-transfer`): asked for by us, confirmed by the payee.

One `out_bill_no` moves money once, and is never changed for another before WeChat says FAIL or CANCELLED of it. The scene
is 1005 (佣金报酬), whose two reports are fixed by name.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self
from urllib.parse import quote

from shared.money import Money
from shared.vendors import rsa_text
from shared.vendors.outcome import Declined, Done, Said, Unknown
from shared.vendors.wechat_gateway import WechatGateway

_PATH: Final = "/v3/fund-app/mch-transfer/transfer-bills"
_SCENE: Final = "1005"
_PERCEPTION: Final = "劳务报酬"
_REPORTS: Final = (("岗位类型", "内容创作者"), ("报酬说明", "平台内容创作收益"))
_REMARK_LENGTH: Final = 32
# A name may not be told below this; from 2 000 yuan on it must be. We tell it wherever we may.
_NAMELESS_BELOW: Final = Money(30)
_NO_BILL: Final = frozenset({"NOTFOUND", "ORDERNOTEXIST", "RESOURCENOTEXISTS"})


class TransferState(StrEnum):
    """The states of a transfer; one that waits for its payee is closed by WeChat after a day."""

    ACCEPTED = "ACCEPTED"
    PROCESSING = "PROCESSING"
    WAIT_USER_CONFIRM = "WAIT_USER_CONFIRM"
    TRANSFERING = "TRANSFERING"  # as WeChat spells it
    SUCCESS = "SUCCESS"
    FAIL = "FAIL"
    CANCELING = "CANCELING"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True)
class TransferBill:
    """What shall be paid to whom; `out_bill_no` is ours, up to 32 letters and digits. `name` is the payee's real name."""

    out_bill_no: str
    openid: str
    name: str
    amount: Money
    remark: str
    notify_url: str


@dataclass(frozen=True)
class Transfer:
    """A transfer as call, query and notice tell it. `package_info`, only in the answer to the call, is for the payee's app."""

    out_bill_no: str
    transfer_bill_no: str
    state: TransferState
    fail_reason: str | None
    package_info: str | None

    @classmethod
    def read(cls, said: dict[str, Any]) -> Self:
        """From a transfer. Raises KeyError or ValueError."""
        return cls(
            out_bill_no=said["out_bill_no"],
            transfer_bill_no=said["transfer_bill_no"],
            state=TransferState(said["state"]),
            fail_reason=said.get("fail_reason") or None,
            package_info=said.get("package_info") or None,
        )


def transfer(gateway: WechatGateway, bill: TransferBill) -> Said[Transfer]:
    """Ask for a transfer; the same bill again tells what became of it."""
    fields: dict[str, object] = {
        "appid": gateway.config.appid,
        "out_bill_no": bill.out_bill_no,
        "transfer_scene_id": _SCENE,
        "openid": bill.openid,
        "transfer_amount": bill.amount.minor,
        "transfer_remark": bill.remark[:_REMARK_LENGTH],
        "notify_url": bill.notify_url,
        "user_recv_perception": _PERCEPTION,
        "transfer_scene_report_infos": [{"info_type": kind, "info_content": content} for kind, content in _REPORTS],
    }
    if bill.amount < _NAMELESS_BELOW:
        return gateway.call("POST", _PATH, Transfer.read, fields)
    sealing = gateway.sealing_key()
    if sealing is None:
        return Unknown("no key of WeChat's to seal the name by")
    serial, key = sealing
    return gateway.call("POST", _PATH, Transfer.read, fields | {"user_name": rsa_text.seal(bill.name, key)}, serial=serial)


def query(gateway: WechatGateway, out_bill_no: str) -> Said[Transfer | None]:
    """What became of a transfer. None: WeChat never heard of the number."""
    said = gateway.call("GET", f"{_PATH}/out-bill-no/{quote(out_bill_no)}", Transfer.read)
    if isinstance(said, Declined) and said.code in _NO_BILL:
        return Done(None)
    return Done(said.value) if isinstance(said, Done) else said
