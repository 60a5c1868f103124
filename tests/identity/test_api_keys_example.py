"""The example of docs/api-keys.md does what it says: run as it stands, over HTTP."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.boundaries.door import serving
from tests.fixtures.gateway import gateway_event
from tests.fixtures.postgres import House
from tests.identity.conftest import PASSWORD

PAGE = Path(__file__).parents[2] / "docs" / "api-keys.md"


@pytest.fixture
def front(house: House, keys: None) -> Iterator[str]:
    """The API on a port: each request is an event for the function that serves its path."""

    class Front(BaseHTTPRequestHandler):
        def serve(self) -> None:
            """Any method."""
            url = urlsplit(self.path)
            domain, name = serving(url.path.removeprefix("/api/v1"))
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            event = gateway_event(self.command, url.path, headers=dict(self.headers), body=body)
            with house.acting(domain):
                reply = import_module(f"functions.{domain}.{name}").handler(event, None)
            text = reply["body"].encode()
            self.send_response(reply["statusCode"])
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Say nothing."""

    for method in ("GET", "POST", "PUT", "DELETE"):
        setattr(Front, f"do_{method}", Front.serve)
    server = HTTPServer(("127.0.0.1", 0), Front)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api/v1"
    server.shutdown()
    server.server_close()
    thread.join(30)


def test_the_example_runs(
    front: str, register: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    register(username="ann_example")
    for name, value in {"API": front, "ACCOUNT": "ann@example.com", "PASSWORD": PASSWORD, "no_proxy": "*"}.items():
        monkeypatch.setenv(name, value)
    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    capsys.readouterr()
    exec(compile(example, str(PAGE), "exec"), {})
    said = [line for line in capsys.readouterr().out.splitlines() if not line.startswith('{"level"')]
    assert said[0].startswith("made eyJ")
    assert said[1:4] == ["I am ann_example", "jobs: 0", "permission_denied {'scope': 'write'}"]
    assert said[4].startswith("[('example', '20")
    assert said[5:] == ["{'deleted': True}", "token_revoked"]
