"""Agreements by which a subscriber is debited: their states, when a vendor may debit, whom one serves; no I/O."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final, Literal

from shared.clock import SHANGHAI

AgreementChannel = Literal["alipay", "wechat"]
AgreementStatus = Literal["signing", "signed", "terminated"]
EndReason = Literal["user", "unused", "vendor", "expired"]

MOVES: Final[Mapping[AgreementStatus, frozenset[AgreementStatus]]] = {
    "signing": frozenset({"signed", "terminated"}),
    "signed": frozenset({"terminated"}),
    "terminated": frozenset(),
}
"""Which state may follow which. Who agrees anew makes a new agreement."""

SIGNING_LIVES: Final = timedelta(days=1)
"""How long the vendor is asked whether somebody agreed."""
OFFER_LIVES: Final = timedelta(minutes=10)
"""How long an address of the vendor's page is handed out before it is made anew, for the same agreement."""
_LONGEST_WAIT_MINUTES = 60

# WeChat's template allows 500 yuan a debit to begin with; at Alipay the limit is what was agreed.
WECHAT_LIMIT: Final = 50_000
# Alipay debits from five days before a day of the month to that day; it takes no day after the 28th.
_LAST_DAY = 28
_SPARE_DAYS = 4
_LONGEST_MONTH = 31

Said = Literal["signed", "ended"]
Verdict = Literal["sign", "end", "nothing", "ask", "undo", "confirm"]
"""What a vendor's word does: nothing, or it signs or ends the agreement; `ask` the vendor which of two numbers lives; `undo`
what was signed too late; `confirm` that the vendor has ended it too.
"""

_VERDICTS: Final[Mapping[tuple[AgreementStatus, Said, bool], Verdict]] = {
    ("signing", "signed", True): "sign",
    ("signing", "signed", False): "sign",
    ("signing", "ended", True): "end",
    ("signing", "ended", False): "end",
    ("signed", "signed", True): "nothing",
    ("signed", "signed", False): "ask",
    ("signed", "ended", True): "end",
    ("signed", "ended", False): "nothing",
    ("terminated", "signed", True): "nothing",
    ("terminated", "signed", False): "undo",
    ("terminated", "ended", True): "confirm",
    ("terminated", "ended", False): "nothing",
}


def verdict(status: AgreementStatus, said: Said, *, same_number: bool) -> Verdict:
    """What it means that a vendor says so of an agreement in this state, under the number we know or another one."""
    return _VERDICTS[(status, said, same_number)]


def debit_day(period_end: datetime) -> date:
    """The last day of Alipay's six for the debit at the end of a period: every later month's six have that end in them too.

    Four days are left for retries, as far as the calendar allows.
    """
    ends = period_end.astimezone(SHANGHAI).date()
    due = ends.day + _SPARE_DAYS
    if due < _LONGEST_MONTH:
        return ends.replace(day=min(due, _LAST_DAY))
    following = (ends.replace(day=1) + timedelta(days=_LONGEST_MONTH + 1)).replace(day=1)
    return following.replace(day=max(due - _LONGEST_MONTH, 1))


def limit(channel: AgreementChannel, amount: int) -> int:
    """The most that one debit may take, in fen."""
    return max(WECHAT_LIMIT, amount) if channel == "wechat" else max(amount, 1)


def wait_after(looks: int) -> timedelta:
    """How long to wait after the `looks`-th fruitless look: 1, 2, 4 … minutes, an hour at most."""
    return timedelta(minutes=min(2 ** min(max(looks - 1, 0), 10), _LONGEST_WAIT_MINUTES))
