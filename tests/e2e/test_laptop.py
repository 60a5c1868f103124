"""The laptop cloud itself, seen from outside."""

import os
import signal

import httpx
import psutil
import pytest

from tests.e2e.conftest import Laptop
from tests.local.waiting import eventually


def test_it_is_ready_and_documents_itself(base_url):
    assert httpx.get(f"{base_url}/api/v1/health/ready", trust_env=False).status_code == 200
    assert "swagger" in httpx.get(f"{base_url}/docs", trust_env=False).text.lower()
    assert httpx.get(f"{base_url}/api/v1/openapi.json", trust_env=False).json()["openapi"].startswith("3.")


def test_an_unknown_route_of_the_api_is_refused_in_the_envelope(base_url):
    answer = httpx.get(f"{base_url}/api/v1/health/nowhere", trust_env=False)

    assert answer.status_code == 404
    assert {"code", "error", "message", "request_id"} <= answer.json().keys()


def test_the_page_for_people_shows_the_demo_logins(base_url):
    seeded = httpx.get(f"{base_url}/_local/seed", trust_env=False).json()

    page = httpx.get(f"{base_url}/_local/", trust_env=False).text

    assert seeded["logins"]
    assert all(login["email"] in page for login in seeded["logins"])


def test_it_serves_again_after_postgresql_died(laptop: Laptop):
    if laptop.state is None:
        pytest.skip("this laptop cloud is someone else's")
    postmaster = int((laptop.state / "postgres" / "postmaster.pid").read_text().splitlines()[0])

    os.kill(postmaster, signal.SIGKILL)

    assert eventually(lambda: not psutil.pid_exists(postmaster))
    assert eventually(lambda: _ready(laptop.base_url))


def _ready(base_url: str) -> bool:
    return httpx.get(f"{base_url}/api/v1/health/ready", timeout=30, trust_env=False).status_code == 200
