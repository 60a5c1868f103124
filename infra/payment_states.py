"""Draws docs/payments.md from the one table of states that payments obeys: `python -m infra.payment_states`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from functions.payments.cases import BOOKS, VERBS
from functions.payments.models import ATTEMPT_MOVES, ORDER_MOVES, REFUND_MOVES

FILE = Path(__file__).parents[1] / "docs" / "payments.md"
_Drawn = Mapping[Any, Mapping[Any, str]]

_HEAD = """\
# Orders, attempts, refunds

Drawn from `functions/payments/models.py` by `python -m infra.payment_states`; a test compares the two.

An order is paid by one of its attempts. A buyer may start several, of any channels, side by side: whichever is paid first
settles the order, the others are closed at their channel. Money that comes in ends in exactly one of these:

| what came in | what becomes of it |
|---|---|
| the first payment of a pending order | the order is fulfilled |
| the first payment of an order that was cancelled or had expired | the order is fulfilled; case `late` |
| a further payment of a paid order | it goes back, at once or when a person approves; case `surplus` until it went |
| another amount than was owed | the attempt failed; case `amount_mismatch` |
| a payment nobody knows | case `unknown_payment` |
| a refund nobody here asked for | case `foreign_refund`; nothing is credited |

Every case has a role that answers for it, and may be taken by a person of it. A payment is told of by notices, by queries and by the buyer's own `verify`, in
any order and any number; the order's row is held while one is taken in, so that all but the first find it done.

A rule of risk control that says `challenge` stops a payment with 403 `risk_challenge_required` until the buyer has proved to
be themselves since the order was placed: the client asks for a code (`POST /auth/verification-codes`, purpose `verify_email` or
`verify_phone`, to the buyer's own address), gives it to `POST /auth/verify-email` or `/auth/verify-phone`, and starts the
payment again.
"""

_CASES = """\
## Cases

What a person may say of a case (`POST /admin/payments/cases/{case_id}/resolve`). It ends as `fulfilled`, `refunded`, `credited`,
`adjusted` or `written_off`; money on its way back leaves it open until the channel says that it went. `adjust` and
`write_off` take a second person who says the same, and so does a credit above `payment.difference_approval_above`.

| kind | word | what becomes of it |
|---|---|---|
"""


def drawn() -> str:
    """The page."""
    return (
        "\n".join(
            [
                _HEAD,
                *_chapter("Orders", ORDER_MOVES, "pending"),
                *_chapter("Attempts", ATTEMPT_MOVES, "created"),
                *_chapter("Refunds", REFUND_MOVES, "pending"),
                _CASES + "\n".join(_words()),
            ]
        ).rstrip("\n")
        + "\n"
    )


def _chapter(title: str, moves: _Drawn, first: str) -> Iterator[str]:
    yield f"## {title}\n"
    yield "```mermaid\nstateDiagram-v2"
    yield f"    [*] --> {first}"
    yield from (f"    {now} --> {to}: {cause}" for now, to, cause in _rows(moves))
    yield from (f"    {now} --> [*]" for now, following in moves.items() if not following)
    yield "```\n"
    yield "| from | to | when |\n|---|---|---|"
    yield from (f"| `{now}` | `{to}` | {cause} |" for now, to, cause in _rows(moves))
    yield ""


def _words() -> Iterator[str]:
    for kind, words in VERBS.items():
        yield from (f"| `{kind}` | `{word}` | {what} |" for word, what in words.items() if word not in BOOKS)
    yield from (f"| any | `{word}` | {what} |" for word, what in BOOKS.items())


def _rows(moves: _Drawn) -> Iterator[tuple[str, str, str]]:
    return ((now, to, cause) for now, following in moves.items() for to, cause in following.items())


if __name__ == "__main__":
    FILE.write_text(drawn())
