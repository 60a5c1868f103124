"""What the front door must know of the deployed stacks to play CloudFront before them."""

from infra.local.outputs import read_outputs
from infra.local.settings import Local
from shared.errors import ServiceDegraded


class Cloud:
    """Addresses in the emulator; they change when the product is deployed anew."""

    def __init__(self, local: Local) -> None:
        self._local = local
        self._read_at = -1
        self._outputs: dict[str, str] = {}

    def api(self) -> str:
        """Where API Gateway serves the default stage."""
        return f"{self._local.emulator_url}/_aws/execute-api/{self._output('ApiId')}/$default"

    def media_bucket(self) -> str:
        """The bucket behind `/media/*`."""
        return self._output("BucketMediaPublic")

    def _output(self, name: str) -> str:
        """Read again after each deployment; raises ServiceDegraded before the first."""
        path = self._local.outputs
        written = path.stat().st_mtime_ns if path.exists() else 0
        if written != self._read_at:
            self._outputs, self._read_at = read_outputs(self._local), written
        if name not in self._outputs:
            raise ServiceDegraded(reason="not_deployed_yet")
        return self._outputs[name]
