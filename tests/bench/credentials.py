"""Registering and signing in: how much of a request's CPU is argon2, which is meant to be slow, and how much is ours.

PostgreSQL and AWS run in processes of their own, so that only the function's CPU is counted. AWS is played by a server that
takes everything and knows nothing; what the function reads from it once per environment (keys) it is given.
"""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

from psycopg.conninfo import make_conninfo

from shared import passwords, ratelimit
from shared.sql import connection as house_connection
from shared.sql.connection import connect
from tests.bench.measure import Gate
from tests.bench.requests import prepare, quiet
from tests.fixtures.api import PRIVATE_PEM
from tests.fixtures.gateway import gateway_event

ROUNDS = 40
PASSWORD = "correct horse 1"
LOGIN_LIMIT = 1.35
_ADDRESS = "203.0.113.7"
_AWS = """
import json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ANSWERS = {"PutEvents": {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}, "Query": {"Items": [], "Count": 0, "ScannedCount": 0}}

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        body = json.dumps(ANSWERS.get(self.headers.get("x-amz-target", "").rpartition(".")[2], {})).encode()
        self.send_response(200)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@contextmanager
def aws() -> Iterator[None]:
    """AWS as a process that says yes."""
    process = subprocess.Popen([sys.executable, "-c", _AWS], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{process.stdout.readline().strip()}"
        os.environ["QUEUE_EMAIL"] = os.environ["AWS_ENDPOINT_URL"] + "/email"
        yield
    finally:
        os.environ.pop("AWS_ENDPOINT_URL", None)
        process.terminate()
        process.wait()


def bench(dsn: str) -> list[Gate]:
    """Both gates."""
    prepare()
    os.environ["AUTH_IP_PER_MINUTE"] = "100000000"
    with aws(), connect(make_conninfo(dsn, user="identity")) as db:
        house_connection.use(db)
        try:
            return _measure()
        finally:
            house_connection.use(None)


def _measure() -> list[Gate]:
    from jose import jwk

    from functions.identity import auth, keyed, signing

    setattr(keyed, "_key", lambda: b"bench")  # noqa: B010 - its own type is that of a cache
    signing._active[:] = [(time.monotonic(), "bench", jwk.construct(PRIVATE_PEM, "RS256"))]
    ratelimit._leases["auth_ip", _ADDRESS] = ratelimit._Lease(10**9, 0, time.monotonic() + 3600)
    stored = passwords.hashed(PASSWORD)
    samples: dict[str, list[float]] = {name: [] for name in ("register", "login", "hash", "verify")}
    walls: list[float] = []

    def post(path: str, body: dict[str, Any]) -> float:
        headers = {"content-type": "application/json", "accept-language": "en"}
        event = gateway_event("POST", f"/api/v1/auth/{path}", headers=headers, body=json.dumps(body).encode())
        started = time.process_time()
        reply = auth.handler(event, None)
        assert reply["statusCode"] < 300, reply
        return time.process_time() - started

    with redirect_stdout(io.StringIO()), Path(os.devnull).open("w") as nowhere:
        quiet(nowhere)
        for round_ in range(ROUNDS + 5):
            email = f"bench{round_}@example.com"
            taken = {
                "hash": _cpu(lambda: passwords.hashed(PASSWORD)),
                "register": post("register", {"email": email, "password": PASSWORD, "agree_terms": True}),
                "verify": _cpu(lambda: passwords.matches(stored, PASSWORD)),
            }
            started = time.perf_counter()
            taken["login"] = post("login", {"account": email, "password": PASSWORD, "device_id": "d"})
            if round_ >= 5:  # warm
                walls.append(time.perf_counter() - started)
                for name, seconds in taken.items():
                    samples[name].append(seconds)
    login = median(whole / bare for whole, bare in zip(samples["login"], samples["verify"], strict=True))
    both = median(
        (opened + entered) / (hashed + verified)
        for opened, entered, hashed, verified in zip(*(samples[name] for name in samples), strict=True)
    )
    cpu = {name: median(values) for name, values in samples.items()}
    ours = (cpu["login"] - cpu["verify"]) * 1000
    return [
        Gate(
            "login: CPU of the request", login, "one argon2 verification", LOGIN_LIMIT,
            detail=f"{cpu['login'] * 1000:.1f} ms, {ours:.1f} ms ours, p50 {median(walls) * 1000:.0f} ms",
        ),
        Gate("register, then login: CPU of both", both, "one argon2 hash and one verification", 1.45),
    ]  # fmt: skip


def _cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
