"""A warm request without I/O (with auth, a log line and metrics) and a cold start, against the plain application."""

import io
import os
from contextlib import redirect_stdout
from pathlib import Path
from statistics import median
from typing import Any

from infra.openapi import apps
from tests.bench.measure import Gate, fresh_process_cpu, paired

_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
    "TABLE_IDENTITY": "identity", "TABLE_OPS": "ops", "TABLE_SOCIAL": "social", "TABLE_ENTITLEMENTS": "entitlements",
    "TABLE_EVENTS": "events", "BUS": "bus", "STAGE": "bench", "PUBLIC_URL": "http://house.test",
    "PYDANTIC_DISABLE_PLUGINS": "1",
}  # fmt: skip


def prepare() -> None:
    """The environment of a function, with limits nobody reaches."""
    os.environ.update(_ENVIRONMENT | {"USER_PER_MINUTE": "100000000", "IP_PER_MINUTE": "100000000"})


def warm() -> Gate:
    """GET of a small answer by a signed-in caller whose session and lease this environment holds."""
    prepare()
    import time

    from jose import jwk, jwt

    from shared import caller, ratelimit, tokens
    from tests.bench.reference_app import handler as plain
    from tests.fixtures.api import JWKS, PRIVATE_PEM
    from tests.fixtures.gateway import gateway_event
    from tests.shared.things import handler as ours

    tokens._keys.update({"test": jwk.construct(JWKS["keys"][0], "RS256")})
    now = int(time.time())
    claims = {"iss": "http://house.test/api/v1", "sub": "1", "sid": "s", "typ": "user", "iat": now, "exp": now + 900}
    token = jwt.encode(claims, PRIVATE_PEM, "RS256", headers={"kid": "test"})
    event = gateway_event("GET", "/api/v1/things/5", headers={"authorization": f"Bearer {token}", "accept-language": "en"})
    reference_event = gateway_event("GET", "/api/v1/health/5", query={"count": 3, "name": "abc"})

    context: Any = None

    def keep_warm() -> None:
        tokens._fetched[:] = [time.monotonic()]
        caller._sessions[1, "s"] = (time.monotonic(), caller.Caller(1, "s", "user", (), (), "en"))
        ratelimit._leases["user", "1"] = ratelimit._Lease(10**9, 0, time.monotonic() + 3600)

    def subject() -> Any:
        return ours(event, context)

    keep_warm()
    with redirect_stdout(io.StringIO()), Path(os.devnull).open("w") as nowhere:
        quiet(nowhere)
        assert subject()["statusCode"] == 200
        assert plain(reference_event, context)["statusCode"] == 200
        ratio, micros = paired(subject, lambda: plain(reference_event, context), rounds=15, calls=200)
    return Gate(
        "warm request: auth + log line + metrics, no I/O",
        ratio,
        "plain FastAPI + Mangum, 60 routes",
        1.0,
        detail=f"{micros:.0f} us",
    )


def quiet(stream: Any) -> None:
    """Let the house's log go elsewhere."""
    import logging

    for handler in logging.getLogger("sharestack").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(stream)


_REFERENCE = """
from tests.bench.reference_app import handler
from tests.fixtures.gateway import gateway_event
handler(gateway_event("GET", "/api/v1/health/5"), None)
"""
_SUBJECT = """
from functions.{module} import handler
from tests.fixtures.gateway import gateway_event
assert handler(gateway_event("GET", "/api/v1/nowhere"), None)["statusCode"] == 404
"""


def cold(rounds: int = 7) -> list[Gate]:
    """Import plus first request, CPU of fresh processes, for every HTTP function."""
    names = [name for name, _ in apps()]
    empty = median(fresh_process_cpu("pass", _ENVIRONMENT) for _ in range(5))
    samples: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        reference = fresh_process_cpu(_REFERENCE, _ENVIRONMENT) - empty
        for name in names:
            own = fresh_process_cpu(_SUBJECT.format(module=name), _ENVIRONMENT) - empty
            samples[name].append(own / reference)
    return [
        Gate(f"cold start of {name}: import + first request", median(ratios), "plain FastAPI + Mangum, 60 routes", 1.4)
        for name, ratios in samples.items()
    ]
