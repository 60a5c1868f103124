"""What must be there before a deployment to AWS: `python -m infra.preflight <stage>` says in one line what is missing."""

import sys

from infra.bundling import CannotBundle, Target, require_bytecode
from infra.stage import stage_named


def main(stage: str) -> None:
    """Exit with one line when the stage cannot be bundled as it should run."""
    try:
        require_bytecode(Target(stage_named(stage).platform))
    except (CannotBundle, ValueError) as problem:
        sys.exit(f"sharestack: {problem}")


if __name__ == "__main__":
    main(sys.argv[1])
