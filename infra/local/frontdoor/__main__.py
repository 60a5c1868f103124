"""Serves the front door on PORT."""

import uvicorn

from infra.local.frontdoor.app import create_app
from infra.local.settings import HOST, Local


def main() -> None:
    """Serve until stopped. Headers are the upstream's own: nothing is added on the way."""
    local = Local.from_environment()
    uvicorn.run(
        create_app(local),
        host=HOST,
        port=local.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
    )


if __name__ == "__main__":
    main()
