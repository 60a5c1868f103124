"""How a local command ends: quietly, or with one line on standard error that says what stands in the way."""

import sys
from collections.abc import Callable

from infra.local.settings import Unusable


def exit_code(work: Callable[[], object]) -> int:
    """Do the work; 0 when it ends or is interrupted by a person, 1 when it is refused as Unusable."""
    try:
        work()
    except Unusable as problem:
        print(f"sharestack: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    return 0
