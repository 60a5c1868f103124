"""The decision itself, whatever the rows say: money moves only when it may, and every wait ends."""

from datetime import UTC, datetime, timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as some

from functions.subscriptions.periods import Period, standing
from functions.subscriptions.renewals import Means, Renewal, Step, Terms, next_step
from functions.subscriptions.states import GIVES_ACCESS, Status
from shared.clock import SHANGHAI

DUE = datetime(2026, 4, 10, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TERMS = Terms.of_days(5, [1, 3, 7])
moments = some.integers(-24 * 8, 24 * 12).map(lambda hours: DUE + timedelta(hours=hours))


@some.composite
def renewal(draw: some.DrawFn) -> Renewal:
    """Any rows, also such as should never be."""
    tries = draw(some.integers(0, 5))
    ordered = draw(some.booleans())
    amount = draw(some.none() | some.integers(0, 5000))
    return Renewal(
        renewal_id=1,
        subscription_id=1,
        user_id=1,
        plan_id=1,
        next_plan_id=None,
        due_at=DUE,
        stage=draw(some.sampled_from(["open", "open", "open", "renewed", "lapsed", "dropped"])),
        status=draw(some.sampled_from(get_args(Status))),
        period_end=draw(some.sampled_from([DUE, DUE, DUE, DUE + DAY])),
        renews=draw(some.booleans()),
        ends=draw(some.booleans()),
        grace_until=draw(some.none() | moments),
        announced=draw(some.booleans()),
        announced_amount=draw(some.none() | some.integers(0, 5000)),
        notified_at=draw(some.none() | moments),
        order_no="1" if ordered else None,
        order_plan_id=1 if ordered else None,
        open_amount=amount if ordered else None,
        agreed=draw(some.none() | some.integers(0, 5000)),
        means=draw(some.sampled_from(get_args(Means))),
        agreement_id=None,
        tries=tries,
        in_flight=tries > 0 and draw(some.booleans()),
        hard=tries > 0 and draw(some.booleans()),
        reason=None,
        first_try=DUE if tries else None,
        next_attempt_at=draw(some.none() | moments),
        foretold=draw(some.booleans()),
        exempt_until=draw(some.none() | moments),
        telling=draw(some.booleans()),
        told_at=draw(some.none() | moments),
        told_amount=draw(some.none() | some.integers(0, 5000)),
        untellable=draw(some.booleans()),
    )


@given(renewal(), moments)
def test_money_moves_only_when_it_was_announced_agreed_to_and_is_due(rows: Renewal, now: datetime) -> None:
    step, _ = next_step(rows, TERMS, now)
    if step is not Step.DEBIT:
        return
    assert rows.stage == "open"
    assert rows.status in GIVES_ACCESS
    assert rows.renews
    assert rows.means != "pay_link"
    assert not rows.in_flight
    assert now >= rows.due_at
    assert rows.notified_at is not None
    assert now >= rows.notified_at + 5 * DAY
    assert rows.open_amount is not None
    assert rows.announced_amount is not None
    assert rows.agreed is not None
    assert rows.open_amount <= min(rows.announced_amount, rows.agreed)
    assert rows.next_attempt_at is None or now >= rows.next_attempt_at
    assert not rows.untellable
    if rows.foretold and rows.open_amount and (rows.exempt_until is None or now >= rows.exempt_until):
        assert not rows.telling
        assert rows.told_at is not None
        assert rows.told_amount is not None
        assert rows.open_amount <= rows.told_amount
        assert 2 <= (now.astimezone(SHANGHAI).date() - rows.told_at.astimezone(SHANGHAI).date()).days <= 4


@given(renewal(), moments)
def test_a_vendor_is_told_while_it_hears_and_only_of_what_may_be_debited(rows: Renewal, now: datetime) -> None:
    step, _ = next_step(rows, TERMS, now)
    if step is not Step.TELL_VENDOR:
        return
    assert rows.foretold
    assert not rows.telling
    assert not rows.untellable
    assert rows.renews
    assert rows.notified_at is not None
    assert 7 <= now.astimezone(SHANGHAI).hour < 22
    amount = rows.announced_amount if rows.open_amount is None else rows.open_amount
    assert amount is not None
    assert rows.agreed is not None
    assert 0 < amount <= rows.agreed


@given(renewal(), moments)
def test_a_wait_is_for_something_that_is_still_to_come(rows: Renewal, now: datetime) -> None:
    step, at = next_step(rows, TERMS, now)
    assert step is not Step.WAIT or at > now


@given(some.integers(0, 24 * 10))
def test_the_ladder_counts_from_the_first_try_and_never_goes_back(hours: int) -> None:
    failed_at = DUE + timedelta(hours=hours)
    again = TERMS.next_try(DUE, failed_at)
    assert again == next((DUE + days * DAY for days in (1, 3, 7) if DUE + days * DAY > failed_at), None)


@given(some.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=some.just(UTC)), some.integers(2, 40))  # noqa: DTZ001 - bounds are naive
def test_renewed_month_after_month_the_day_stays_as_far_as_the_month_has_it(start: datetime, count: int) -> None:
    periods = [Period(1, "order", 1, 1, 3000, 1, 0, start, start)]
    for number in range(2, count + 1):
        stands = standing(periods)
        assert stands is not None
        periods.append(Period(number, "renewal", 1, 1, 3000, 1, 0, stands.end, stands.end))
    last = standing(periods)
    assert last is not None
    began, ended = start.astimezone(SHANGHAI), last.end.astimezone(SHANGHAI)
    assert (ended.year * 12 + ended.month) - (began.year * 12 + began.month) == count
    tomorrow = ended + DAY
    assert ended.day == began.day or (ended.day < began.day and tomorrow.month != ended.month)
    assert last.worth == 3000
    assert last.start == periods[-1].granted_at
