"""The whole table of states and events: what is not written here must mean nothing."""

from itertools import product
from typing import get_args

import pytest

from functions.subscriptions.states import GIVES_ACCESS, Event, Status, after

STATES = get_args(Status)
TABLE = {
    "pending": {"paid": "active", "order_closed": "expired", "refunded": "expired"},
    "trialing": {"paid": "active", "period_ended": "expired", "cancelled": "cancelled"},
    "active": {
        "paid": "active",
        "period_ended": "expired",
        "paused": "paused",
        "cancelled": "cancelled",
        "refunded": "cancelled",
        "renewal_failed": "past_due",
    },
    "past_due": {"paid": "active", "retries_exhausted": "expired", "cancelled": "cancelled", "refunded": "cancelled"},
    "paused": {"paid": "active", "cancelled": "cancelled"},
    "cancelled": {"paid": "active"},
    "expired": {"paid": "active"},
}


@pytest.mark.parametrize(("state", "event"), [*product(STATES, Event)])
def test_every_event_in_every_state_leads_where_the_contract_says(state: str, event: Event) -> None:
    assert after(state, event) == TABLE[state].get(event.value)


def test_paid_money_gives_access_in_every_state() -> None:
    assert all(after(state, Event.PAID) in GIVES_ACCESS for state in STATES)


def test_nothing_but_money_revives_what_has_ended() -> None:
    ended = {"cancelled", "expired"}
    assert {(state, event) for state in ended for event in Event if after(state, event)} == {(s, Event.PAID) for s in ended}
