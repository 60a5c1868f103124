"""The one access rule (shared/views/access.py), without database or cloud."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.views.access import NO, Coverage, Decision, Paywall, by_rights, depends_on_plan, standing
from shared.views.entitlements import Entitlement, Held

NOW = datetime(2030, 1, 1, tzinfo=UTC)
AUTHOR, READER = 1, 2
NOTHING = Held(None, None)
PURCHASE = Entitlement("purchase", None, None, None)


def subscription(plan_id=10, tier=2, source="subscription"):
    return Held(Entitlement(source, plan_id, tier, NOW), None)


WALLS = st.builds(
    Paywall,
    st.just(5),
    st.just(AUTHOR),
    st.sampled_from(["free", "subscribers", "paid"]),
    st.lists(st.integers(9, 12), max_size=2).map(tuple),
    st.sets(st.integers(2, 4), max_size=1).map(frozenset),
    st.sampled_from([None, NOW - timedelta(1), NOW + timedelta(1)]),
    st.sampled_from([None, NOW - timedelta(1), NOW + timedelta(1)]),
)
HELD = st.sampled_from([NOTHING, subscription(), subscription(source="trial"), Held(None, PURCHASE)])
COVERAGE = st.builds(Coverage, st.booleans(), st.sampled_from([None, 1, 2, 3]))


@given(WALLS, st.sampled_from([None, READER, 4]), HELD, COVERAGE)
def test_nobody_passes_a_paywall_without_a_reason(wall, uid, held, coverage):
    decision = standing(wall, uid, NOW) or by_rights(wall, held, coverage)

    if decision.allowed and decision.reason != "granted":
        assert wall.available_from != NOW + timedelta(1)
        assert wall.available_to != NOW - timedelta(1)
        assert {
            "free": wall.access_level == "free",
            "purchase": held.purchase is not None,
            "subscription": wall.access_level == "subscribers" and held.subscription is not None,
            "trial": wall.access_level == "subscribers" and held.subscription is not None,
        }[decision.reason]
    assert decision.allowed == (decision.reason != "none")


@given(WALLS, st.booleans())
def test_the_author_and_the_trusted_always_pass(wall, trusted):
    assert standing(wall, AUTHOR, NOW, trusted=trusted) == Decision(allowed=True, reason="owner")
    assert standing(wall, None, NOW, trusted=True) == Decision(allowed=True, reason="granted")


@given(WALLS)
def test_someone_without_a_name_has_no_rights_to_look_up(wall):
    assert standing(wall, None, NOW) is not None


@pytest.mark.parametrize(
    ("wall", "held", "coverage", "reason"),
    [
        (Paywall(5, AUTHOR, "paid"), NOTHING, None, "none"),
        (Paywall(5, AUTHOR, "paid"), subscription(), Coverage(in_scope=True, lowest_tier=None), "none"),
        (Paywall(5, AUTHOR, "paid"), Held(None, PURCHASE), None, "purchase"),
        (Paywall(5, AUTHOR, "subscribers"), Held(None, PURCHASE), None, "purchase"),
        (Paywall(5, AUTHOR, "subscribers"), subscription(), Coverage(in_scope=True, lowest_tier=None), "subscription"),
        (Paywall(5, AUTHOR, "subscribers"), subscription(), Coverage(in_scope=False, lowest_tier=None), "none"),
        (Paywall(5, AUTHOR, "subscribers"), subscription(), None, "none"),
        (Paywall(5, AUTHOR, "subscribers", (10,)), subscription(), None, "subscription"),
        (Paywall(5, AUTHOR, "subscribers", (11,)), subscription(tier=2), Coverage(in_scope=True, lowest_tier=3), "none"),
        (
            Paywall(5, AUTHOR, "subscribers", (11,)),
            subscription(tier=3),
            Coverage(in_scope=True, lowest_tier=3),
            "subscription",
        ),
        (Paywall(5, AUTHOR, "subscribers", (11,)), subscription(tier=9), Coverage(in_scope=True, lowest_tier=None), "none"),
        (Paywall(5, AUTHOR, "subscribers", (10,)), subscription(source="trial"), None, "trial"),
    ],
)
def test_rights_open_what_they_are_for(wall, held, coverage, reason):
    decision = by_rights(wall, held, coverage)

    assert decision.reason == reason
    if reason == "none":
        assert decision == NO
    assert depends_on_plan(wall, held) == (
        wall.access_level == "subscribers" and held.subscription is not None and 10 not in wall.plan_ids
    )
