"""Draws docs/withdrawals.md from the tables that withdrawals obey: `python -m infra.withdrawal_states`."""

from collections.abc import Iterator
from pathlib import Path

from functions.finance.withdrawal import ACTIONS, LEASE, MAX_RETRIES, MOVES
from functions.finance.words import REASONS
from shared.money import Money
from shared.sql.tunables import DEFAULTS

FILE = Path(__file__).parents[1] / "docs" / "withdrawals.md"

_HEAD = """\
# Withdrawals

Drawn from `functions/finance/withdrawal.py` and `words.py` by `python -m infra.withdrawal_states`; a test compares the two.
How each is booked stands in [ledger.md](ledger.md).
"""

_MEANS = """\
## Means of payout

| method | account | who sends it | what else may come of it |
|---|---|---|---|
| `alipay` | login or 2088… id, and name | `alipay.fund.trans.uni.transfer`, `TRANS_ACCOUNT_NO_PWD` | comes back: `REFUND` |
| `bank` | card (checked by Luhn), name, bank if wanted | the same with `TRANS_BANKCARD_NO_PWD`: from what Alipay holds for us | bounces days later: `REFUND` |
| `wechat` | openid of our app, and name | `mch-transfer`, scene 1005; the name is sealed, and absent below 0.30 yuan | the payee confirms within 24 h, or it is closed |
| `usdt` | address with a right checksum, on an open network | a person, who enters the hash (`mark_paid`): wallets do not sign yet | given up by `reject` |

All stand behind one protocol, `gateways/base.py`. Accounts are encrypted under their row, masked in every answer, and told to
the channel; where USDT has to go, and how much of it at the rate of the request, is shown to who may approve. The method's
fee (`finance.withdraw_fees`) stays with the platform: `net` arrives.
"""

_NEVER_TWICE = """\
## Never paid twice

- A number is written down and committed before a channel hears it; it is the channel's idempotency key.
- The database allows one live number per withdrawal, and one outcome per hold.
- A new number needs an explicit failure of the last. Unknown stays unknown: an open number is asked for, at last hourly, and
  sent again only under itself, when the channel says that it never got it a minute after the last call.
- One execution alone talks to the channel: it holds the lease of the row for {lease} s, longer than a step may run. Whoever
  lost it neither sends nor writes down what it was told: each lease has a number, looked at under the row's lock.
- `mark_paid` is refused while a lease is held or a number of ours could still move money. Who pays by hand what a channel can
  pay marks it first, and sends when that was accepted. One hash of a chain pays one withdrawal.
- WeChat's notices are a hint: stored and believed by payments, told as `payments.transfer_ended.v1`, and then the number is
  asked for. What was paid is asked for twice a day for a week; what came back is booked back, whole, and the request failed.
"""


def drawn() -> str:
    """The page."""
    return "\n".join([_HEAD, *_states(), *_actions(), *_reasons(), _MEANS, _never_twice().rstrip("\n")]) + "\n"


def _states() -> Iterator[str]:
    rows = [(now, to, cause) for now, following in MOVES.items() for to, cause in following.items()]
    yield "## States\n"
    yield "```mermaid\nstateDiagram-v2\n    [*] --> pending"
    yield from (f"    {now} --> {to}: {cause}" for now, to, cause in rows)
    yield from (f"    {now} --> [*]" for now in MOVES if now in {"paid", "rejected", "failed"})
    yield "```\n"
    yield "| from | to | when |\n|---|---|---|"
    yield from (f"| `{now}` | `{to}` | {cause} |" for now, to, cause in rows)
    yield ""


def _actions() -> Iterator[str]:
    above = DEFAULTS["finance.withdraw_two_person_above"]
    yield "A person acts by `POST /withdrawals/process/{id}`; never on their own request, and twice on none. Above"
    yield f"`finance.withdraw_two_person_above` ({Money(above).to_yuan()} yuan) two different people approve.\n"
    yield "| action | from |\n|---|---|"
    yield from (
        f"| `{name}` | {', '.join(f'`{one}`' for one in MOVES if one in froms)} |" for name, froms in ACTIONS.items()
    )
    yield f"\nA failed number is tried again {MAX_RETRIES} times, after 1, 5 and 15 minutes; none when the payee is at fault.\n"


def _reasons() -> Iterator[str]:
    yield "## What waits for a person\n"
    yield "| reason | |\n|---|---|"
    yield from (f"| `{name}` | {en} |" for name, (_, en) in REASONS.items())
    yield "\nThe limits are settings, `finance.withdraw_*`. An identity that is no longer verified is rejected at once.\n"


def _never_twice() -> str:
    return _NEVER_TWICE.format(lease=int(LEASE.total_seconds()))


if __name__ == "__main__":
    FILE.write_text(drawn())
