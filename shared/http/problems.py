"""Listing a route's refusals once, so that the documentation cannot disagree with the behaviour."""

from collections import defaultdict
from typing import Any

from shared.errors import Refusal
from shared.http.envelope import Problem


def problems(*refusals: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route: each status with the stable names that may come under it."""
    by_status: dict[int, list[type[Refusal]]] = defaultdict(list)
    for refusal in refusals:
        by_status[refusal.status].append(refusal)
    return {
        status: {
            "model": Problem,
            "description": "; ".join(f"{refusal.error}: {refusal.en}" for refusal in group),
            "x-errors": [refusal.error for refusal in group],
        }
        for status, group in by_status.items()
    }
