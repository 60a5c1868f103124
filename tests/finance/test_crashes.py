"""The process dies anywhere: after the redeliveries and the schedules, all is as if it had not, and nobody was paid twice.

Each way through the house is cut before every single statement it sends, around every call of the vendor, and around
every call of Step Functions.
"""

from typing import Any

import pytest

from tests.finance.build import Desk
from tests.finance.ways import PAYING, WAYS, Decide, Pay, Reject, Retry, Way, survive
from tests.payments.build import dying_before_statement

MORE_THAN_ANY_WAY_SENDS = 300


def undisturbed(desk: Desk, kind: type[Way]) -> dict[str, Any]:
    way = kind(desk)
    way.arrange()
    way.walk()
    return way.outcome()


@pytest.mark.parametrize("kind", WAYS, ids=lambda kind: kind.__name__)
def test_dying_before_any_statement_changes_nothing_in_the_end(desk: Desk, kind: type[Way]) -> None:
    expected = undisturbed(desk, kind)
    for number in range(1, MORE_THAN_ANY_WAY_SENDS):
        way = kind(desk)
        way.arrange()
        with dying_before_statement(number) as sent:
            survive(way.walk)
        if sent[0] < number:
            break
        survive(way.walk)
        assert way.outcome() == expected, f"died before statement {number}"
    else:
        pytest.fail("this way never ends")
    assert number > 5


@pytest.mark.parametrize("kind", PAYING, ids=lambda k: k.__name__)
def test_dying_around_a_call_of_the_vendor_pays_once_all_the_same(desk: Desk, kind: type[Way]) -> None:
    expected = undisturbed(desk, kind)
    for moment in ("before send", "after send", "before ask", "after ask"):
        way = kind(desk)
        way.arrange()
        desk.vendor.dies = moment
        survive(way.walk)
        survive(way.walk)
        found = way.outcome()
        for what in ("paid_out", "withdrawals", "balances"):
            assert found[what] == expected[what], f"died {moment}"


@pytest.mark.parametrize("kind", [Pay, Decide, Reject, Retry], ids=lambda k: k.__name__)
def test_dying_instead_of_calling_step_functions_is_made_good_by_the_sweeper(desk: Desk, kind: type[Way]) -> None:
    expected = undisturbed(desk, kind)
    for verb in ("start", "tell"):
        way = kind(desk)
        way.arrange()
        desk.machine.dies_on = verb
        survive(way.walk)
        assert way.outcome()["paid_out"] in {0, expected["paid_out"]}
        survive(way.walk)
        assert way.outcome() == expected, f"died on {verb}"
