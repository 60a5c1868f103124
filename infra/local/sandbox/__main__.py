"""`python -m infra.local.sandbox`: serve the vendor simulators on SANDBOX_PORT until stopped."""

import uvicorn

from infra.local.sandbox.settings import SandboxSettings

uvicorn.run(
    "infra.local.sandbox.app:app",
    host="127.0.0.1",
    port=SandboxSettings.from_environment().port,
    log_level="warning",
    access_log=False,
)
