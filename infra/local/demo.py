"""`make demo`: the journey, played against the running system through public HTTP only.

A creator publishes, a reader pays, the creator is paid out; then a refund; three gateways and what may go wrong at them; a
renewal that fails and recovers; what the books give; then what operators do. Codes are read from the mailbox, payments go
through the simulators' pages. Every step prints what happened; the exit code says whether every check held.
"""

import os
import sys

import httpx

from infra.local.books import Books
from infra.local.journey import Journey
from infra.local.operations import Operations
from infra.local.paying import Payments
from infra.local.playing import Failed, House
from infra.local.renewing import Renewal


def main() -> int:
    """Play it; 0 when every check held, 1 at the first that did not."""
    base = os.environ.get("BASE_URL", f"http://127.0.0.1:{os.environ.get('PORT', '8000')}")
    house = House(base)
    try:
        house.wait_until_ready()
        journey = Journey(house)
        journey.play()
        Payments(journey).play()
        Renewal(journey).play()
        Books(journey).play()
        Operations(journey).play()
    except Failed as failure:
        print(f"\n  ✗ {failure}", file=sys.stderr)
        return 1
    except httpx.ConnectError:
        print(f"Nothing answers at {base}: start it with `make run` first.", file=sys.stderr)
        return 1
    print(f"\n  ✓ {house.checks} checks held.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
