"""Everything that runs the house, as AWS CDK; `python -m infra.app` synthesizes it."""

import os
import sys
from pathlib import Path

# CDK talks to a Node process: the one of the virtual environment, whatever Node the machine may have.
_NODE = Path(sys.executable).parent / "node"
if _NODE.exists():
    os.environ.setdefault("JSII_NODE", str(_NODE))
