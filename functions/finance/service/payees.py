"""Where the money of a withdrawal goes: checked by the means of payout, sealed for its row, masked for everybody else."""

import re
from dataclasses import dataclass

from functions.finance.withdrawal import Withdrawal
from shared import crypto
from shared.chain_addresses import is_address

_NAME = re.compile(r"[^\x00-\x1f]+")
_ALIPAY = re.compile(r"2088\d{12}|1[3-9]\d{9}|[^\s@]{1,64}@[^\s@]+\.[^\s@]+")
_OPENID = re.compile(r"[0-9A-Za-z_-]{20,64}")
_CARD = re.compile(r"[1-9]\d{11,18}")
_TX_HASH = {"TRC20": re.compile(r"[0-9a-f]{64}"), "ERC20": re.compile(r"0x[0-9a-f]{64}")}

_WRONG = {
    "alipay": "须为支付宝登录手机号、邮箱或 2088 开头的用户号|must be the phone, the e-mail or the 2088… id of Alipay",
    "wechat": "须为微信 openid|must be the openid WeChat knows the payee by",
    "bank": "银行卡号有误|is not the number of a bank card",
    "usdt": "地址与网络不符或校验失败|is not an address of this network with a right checksum",
}

Problem = tuple[str, str]
"""A field of the account, and what is wrong with it as `zh|en`."""


@dataclass(frozen=True, slots=True)
class Target:
    """An account and its owner: an Alipay login or id, a WeChat openid, a card, an address on `network`."""

    method: str
    number: str
    name: str
    bank: str = ""
    network: str = ""

    def problem(self, networks: list[str]) -> Problem | None:
        """The first thing that is wrong; `networks` are those open for USDT."""
        if not _NAME.fullmatch(self.name) or not _NAME.fullmatch(self.bank or "-"):
            return ("name", "不能包含控制字符|must not hold control characters")
        if self.method == "usdt" and self.network not in networks:
            return ("network", f"只能是 {', '.join(networks)}|must be one of {', '.join(networks)}")
        return None if self._can_be_paid() else ("number", _WRONG[self.method])

    def _can_be_paid(self) -> bool:
        match self.method:
            case "alipay":
                return bool(_ALIPAY.fullmatch(self.number))
            case "wechat":
                return bool(_OPENID.fullmatch(self.number))
            case "bank":
                return bool(_CARD.fullmatch(self.number)) and luhn(self.number)
        return is_address(self.network, self.number)  # type: ignore[arg-type]  # one of the open networks

    @property
    def masked(self) -> str:
        """What anybody but the payer sees."""
        if self.method == "alipay" and self.number.isdecimal():
            return crypto.mask_phone(self.number)
        return crypto.mask_account(self.number)

    def sealed(self, request_no: str) -> str:
        """For the database, bound to its row."""
        return crypto.encrypt(f"{self.number}\n{self.name}\n{self.bank}\n{self.network}", _context(request_no))

    @classmethod
    def opened(cls, method: str, sealed: str, request_no: str) -> "Target":
        """As given with the request. Raises Undecipherable when the row was tampered with."""
        return cls(method, *crypto.decrypt(sealed, _context(request_no)).split("\n"))

    @classmethod
    def unsealed(cls, withdrawal: Withdrawal) -> "Target":
        """The same, of a withdrawal."""
        return cls.opened(withdrawal.method, withdrawal.account, withdrawal.request_no)


def _context(request_no: str) -> crypto.Context:
    return {"table": "withdrawal_requests", "request_no": request_no}


def luhn(number: str) -> bool:
    """Whether the last digit of a card's number checks the others (ISO/IEC 7812)."""
    digits = [int(digit) for digit in reversed(number)]
    return sum(digits[::2] + [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]) % 10 == 0


def is_tx_hash(network: str, text: str) -> bool:
    """Whether a text can be the hash of a transaction on a chain."""
    return bool(_TX_HASH["TRC20" if network == "TRC20" else "ERC20"].fullmatch(text))
