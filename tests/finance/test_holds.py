"""Holds by themselves: set aside, then posted, voided or expired, once, whoever comes first and whatever dies."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from functions.finance import expire_holds
from functions.finance.errors import InsufficientBalance
from functions.finance.models import Entry
from functions.finance.store import holds, ledger
from functions.finance.store.holds import Hold
from shared.sql.connection import Connection, current
from shared.sql.edge import unit_of_work
from tests.finance.books import IN, in_parallel, off
from tests.finance.build import START, Desk
from tests.payments.build import Crash, dying_before_statement

FREE, COLD = "creator:7:available", "creator:7:frozen"
UNTIL = START + timedelta(days=1)


def hold(reference: str = "h", amount: int = 400, **fields: Any) -> Hold:
    """Something set aside for a day."""
    told: dict[str, Any] = {
        "kind": "test",
        "ref_type": "test",
        "ref_id": reference,
        "at": START,
        "currency": "CNY",
        "expires_at": UNTIL,
    }
    return Hold(reference=reference, account=FREE, held_in=COLD, amount=amount, **(told | fields))


@pytest.fixture
def funded(desk: Desk) -> Desk:
    """A creator with ten yuan, in either currency."""
    with desk.time(), unit_of_work() as db:
        for currency in ("CNY", "USDT"):
            db.execute(
                "SELECT finance.post_entry(%s, 'test', 'test', '1', %s, %s, %s, %s)",
                (f"funds {currency}", START, currency, [IN, FREE], [-1_000, 1_000]),
            )
    return desk


def standing(desk: Desk, currency: str = "CNY") -> tuple[int, int]:
    """What is free, what is held."""
    found: dict[str, int] = dict(
        desk.sql("SELECT name, balance FROM finance.ledger_accounts WHERE currency = %s", (currency,))
    )
    return found[FREE], found.get(COLD, 0)


def books_hold(desk: Desk) -> None:
    """The ledger and its holds: the creator is nobody's, so nothing was sold or settled."""
    with desk.time():
        assert off(current()) == []


def status(desk: Desk, reference: str = "h") -> str:
    return str(desk.sql("SELECT status FROM finance.holds WHERE reference = %s", (reference,))[0][0])


def refusal(end: Callable[[], None]) -> str | None:
    """The state by which the database refuses, if it does."""
    try:
        end()
    except psycopg.Error as error:
        return error.sqlstate
    return None


def post(db: Connection, amount: int = 400, at: Any = START) -> None:
    holds.post(db, "h", {IN: amount, "platform:income": 0}, at)


def test_what_is_held_cannot_be_spent_and_a_repeat_holds_nothing_more(funded: Desk) -> None:
    with funded.time():
        db = current()
        assert holds.place(db, hold()) == 600
        assert holds.place(db, hold(expires_at=None)) == 600, "the same again"
        with pytest.raises(InsufficientBalance):
            holds.place(db, hold("other", 601))
        with pytest.raises(psycopg.Error, match="was posted as"):
            holds.place(db, hold(amount=401))
        assert holds.place(db, hold("usdt", 1_000, currency="USDT")) == 0
    assert (standing(funded), standing(funded, "USDT")) == ((600, 400), (0, 1_000))
    assert funded.sql("SELECT count(*) FROM finance.holds") == [(2,)]
    books_hold(funded)


@pytest.mark.parametrize(
    ("end", "outcome", "left"),
    [
        (post, "posted", (600, 0)),
        (lambda db: post(db, 150), "posted", (850, 0)),
        (lambda db: holds.void(db, "h", START), "voided", (1_000, 0)),
        (lambda db: holds.void(db, "h", UNTIL), "voided", (1_000, 0)),
        (lambda db: holds.expire(db, "h", UNTIL), "expired", (1_000, 0)),
    ],
)
def test_a_hold_ends_once_and_the_same_end_again_changes_nothing(
    funded: Desk, end: Callable[[Connection], None], outcome: str, left: tuple[int, int]
) -> None:
    with funded.time():
        db = current()
        holds.place(db, hold())
        end(db)
        end(db)
        others: list[Callable[[], None]] = [
            lambda: post(db, 399),
            lambda: holds.void(db, "h", START),
            lambda: holds.expire(db, "h", UNTIL),
        ]
        said = Counter(refusal(other) for other in others)
    assert said == ({"LG002": 3} if outcome == "posted" else {"LG002": 2, None: 1})
    assert (status(funded), standing(funded)) == (outcome, left)
    books_hold(funded)


def test_what_is_no_end_of_this_hold_is_refused(funded: Desk) -> None:
    with funded.time():
        db = current()
        holds.place(db, hold())
        holds.place(db, hold("owned", 100, expires_at=None))
        for end, state in (
            (lambda: post(db, 401), "LG003"),
            (lambda: post(db, 0), "LG003"),
            (lambda: post(db, -1), "LG003"),
            (lambda: holds.void(db, "nobody's", START), "LG003"),
            (lambda: holds.expire(db, "h", UNTIL - timedelta(microseconds=1)), "LG004"),
            (lambda: holds.expire(db, "owned", UNTIL), "LG004"),
            (lambda: post(db, 400, UNTIL), "LG004"),
        ):
            assert refusal(end) == state
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("SELECT finance.end_hold('h', 'voided', %s, '{}', '{}')", (START,))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            db.execute("UPDATE finance.holds SET status = 'open'")
    assert standing(funded) == (500, 500)


def test_post_void_and_expire_at_once_have_one_winner(funded: Desk, fresh_database: Callable[..., str]) -> None:
    for number in range(5):
        with funded.time(), unit_of_work() as db:
            holds.place(db, hold(f"h{number}", 100))

        def end(db: Connection, index: int, reference: str = f"h{number}") -> str:
            with db.transaction():
                match index % 3:
                    case 0:
                        holds.post(db, reference, {IN: 10 + index}, START)
                    case 1:
                        holds.void(db, reference, START)
                    case _:
                        holds.expire(db, reference, UNTIL)
            return ("posted", "voided", "expired")[index % 3]

        said = Counter(in_parallel(fresh_database("finance"), 8, end))
        ended = status(funded, f"h{number}")
        # Whoever says the same as the winner is told so; each of the three that post wants another amount.
        assert said[ended] == (1 if ended == "posted" else {"voided": 3, "expired": 2}[ended])
        assert said["LG002"] == 8 - said[ended]
    assert funded.sql("SELECT count(*) FROM finance.ledger_entries WHERE reference LIKE '%:outcome'") == [(5,)]
    books_hold(funded)


def test_the_schedule_expires_what_is_overdue_and_owned_by_nobody(funded: Desk) -> None:
    with funded.time(), unit_of_work() as db:
        for reference, until in (("due", UNTIL), ("later", UNTIL + timedelta(seconds=1)), ("owned", None), ("ended", UNTIL)):
            holds.place(db, hold(reference, 100, expires_at=until))
        holds.void(db, "ended", START)
    funded.at = UNTIL
    with funded.time():
        assert [expire_holds.handler({}, None)["done"] for _ in range(2)] == [1, 0]
    found: dict[str, str] = dict(funded.sql("SELECT reference, status FROM finance.holds"))
    assert found == {"due": "expired", "later": "open", "owned": "open", "ended": "voided"}
    assert standing(funded) == (800, 200)
    books_hold(funded)


def test_one_that_cannot_be_expired_does_not_keep_the_others(funded: Desk) -> None:
    with funded.time(), unit_of_work() as db:
        holds.place(db, hold("off", 100))
        holds.place(db, hold("due", 100))
    funded.sql("UPDATE finance.holds SET amount = 5000 WHERE reference = 'off'")
    funded.at = UNTIL
    with funded.time():
        expire_holds.handler({}, None)
    assert dict(funded.sql("SELECT reference, status FROM finance.holds")) == {"off": "open", "due": "expired"}


def test_the_schedule_killed_before_every_statement_gives_back_once(funded: Desk) -> None:
    with funded.time(), unit_of_work() as db:
        for number in range(3):
            holds.place(db, hold(f"h{number}", 100))
    funded.at = UNTIL
    for number in range(1, 50):
        try:
            with funded.time(), dying_before_statement(number):
                expire_holds.handler({}, None)
        except Crash:
            free, held = standing(funded)
            assert free + held == 1_000
            books_hold(funded)
            continue
        break
    assert number > 3
    assert standing(funded) == (1_000, 0)
    assert funded.sql("SELECT count(*) FROM finance.ledger_entries WHERE kind = 'test_expired'") == [(3,)]


def test_an_exchange_is_two_entries_through_a_clearing_account(desk: Desk) -> None:
    """Each in its own currency: an entry has one, and so has an account's balance."""
    with desk.time():
        db = current()
        for reference, currency, lines in (
            ("exchange:5:sold", "USDT", {"channel:usdt": 13_927_577, "platform:exchange": -13_927_577}),
            ("exchange:5:bought", "CNY", {"channel:alipay": -10_000, "platform:exchange": 10_000}),
        ):
            ledger.post(db, Entry(reference, "exchange", "exchange", "5", START, lines, currency))
    books_hold(desk)
