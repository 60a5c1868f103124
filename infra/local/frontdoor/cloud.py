"""What the front door knows of the deployed stacks, from the file that `cdk deploy` writes."""

import json

from infra.local.settings import Local
from shared.errors import ServiceDegraded

API_ID = "ApiId"


class Cloud:
    """Outputs of the deployment, read again when it is deployed again."""

    def __init__(self, local: Local) -> None:
        self._local = local
        self._read_at = 0
        self._outputs: dict[str, str] = {}

    def output(self, name: str) -> str:
        """An output of whichever stack has it; raises ServiceDegraded before the first deployment."""
        path = self._local.outputs
        written = path.stat().st_mtime_ns if path.exists() else 0
        if written != self._read_at:
            self._outputs = {key: value for stack in json.loads(path.read_text()).values() for key, value in stack.items()}
            self._read_at = written
        if name not in self._outputs:
            raise ServiceDegraded(reason="not_deployed_yet")
        return self._outputs[name]

    def api(self) -> str:
        """Where API Gateway serves the default stage."""
        return f"{self._local.emulator_url}/_aws/execute-api/{self.output(API_ID)}/$default"
