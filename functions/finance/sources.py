"""What can be sold, and by which of a creator's rates it is shared. No other place knows the kinds of orders."""

from typing import Final, Literal

RateKind = Literal["article", "audio", "video", "subscription"]
"""What a rate of its own can be set for: the kinds of works, and subscriptions of whatever plan."""
ANY: Final = "any"
"""The kind of a rate that holds where there is none of its own."""
BY_WORK: Final = "work"

RATED: Final[dict[str, Literal["subscription", "work"]]] = {
    "subscription": "subscription",
    "renewal": "subscription",
    "change_plan": "subscription",
    "gift": "subscription",
    "membership": "subscription",
    "content": BY_WORK,
}
"""Each kind of order: a work is shared by its own kind. Memberships are the platform's (seller 0), where no rate counts."""


class SourceUnknownError(Exception):
    """An order of a kind nobody told finance about: it waits in the queue until somebody has."""


def rated(source: str) -> str:
    """By what a sale is rated: `subscription`, or `work` for the kind of the work sold. Raises SourceUnknownError."""
    try:
        return RATED[source]
    except KeyError as error:
        raise SourceUnknownError(source) from error
