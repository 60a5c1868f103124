"""Outputs of the deployed stacks, from the file that `cdk deploy` writes."""

import json

from infra.local.settings import Local


def read_outputs(local: Local) -> dict[str, str]:
    """Every output of every stack by its name; empty before the first deployment."""
    if not local.outputs.exists():
        return {}
    stacks: dict[str, dict[str, str]] = json.loads(local.outputs.read_text())
    return {name: value for stack in stacks.values() for name, value in stack.items()}
