"""Manifests that contradict themselves or each other are refused with a sentence, before anything is built."""

import re

import pytest
from fastapi.routing import APIRoute

from infra.constructs.http_function import paths
from infra.manifests import ManifestError, check, discover, each, queue_timeouts, secret_readers, streamed_groups
from infra.names import Names
from infra.openapi import apps
from shared.manifest import HttpFunction, Manifest, OnQueue, Task
from tests.infra.sample import SAMPLE


def test_every_folder_with_a_manifest_is_a_domain():
    assert {"identity", "media", "payments", "platform", "subscriptions"} <= {manifest.domain for manifest in discover()}


def test_a_path_claimed_twice_is_refused():
    greedy = Manifest("greedy", functions=(HttpFunction(routes=("/users/{uid}/sample",)),))

    with pytest.raises(ManifestError, match=r"/users/\{uid\}/sample.* is claimed twice"):
        check([SAMPLE, greedy])


def test_the_api_brings_every_route_to_the_function_that_serves_it():
    """As API Gateway chooses: a whole match before a prefix, the longer prefix before the shorter."""
    claimed = [
        (path, f"{domain}.{function.name}")
        for domain, function in each(discover())
        if isinstance(function, HttpFunction)
        for path in paths(function)
    ]
    assert len({path for path, _ in claimed}) == len(claimed), "a key of a route is one function's"

    def chosen(path: str) -> str:
        found = []
        for key, name in claimed:
            prefix = key.removesuffix("{proxy+}")
            whole = re.fullmatch(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(key)), path) if prefix == key else None
            if whole or (prefix != key and path.startswith(prefix) and path != prefix):
                found.append((bool(whole), len(prefix), name))
        return max(found)[2]

    for name, app in apps():
        for route in app.router.routes:
            if isinstance(route, APIRoute):
                assert chosen(route.path_format.replace("{", "").replace("}", "")) == name, route.path_format


def test_a_queue_nobody_lists_is_refused():
    with pytest.raises(ManifestError, match="queue 'lost' must be listed by exactly one manifest"):
        check([Manifest("one", functions=(OnQueue("work", queue="lost"),))])


def test_a_queue_with_two_workers_is_refused():
    with pytest.raises(ManifestError, match="worked off by at most one function"):
        check([SAMPLE, Manifest("one", functions=(OnQueue("also", queue="samples"),))])


def test_a_function_listed_twice_is_refused():
    with pytest.raises(ManifestError, match="one lists the function 'same' twice"):
        check([Manifest("one", functions=(Task("same"), Task("same")))])


def test_a_name_lambda_would_not_take_is_refused():
    with pytest.raises(ValueError, match="longer than the 64 characters"):
        Names("prod", "us-east-1").function("subscriptions", "on_a_fact_with_a_name_nobody_can_remember")


def test_what_the_foundation_holds_follows_from_what_domains_ask_for():
    assert queue_timeouts([SAMPLE]) == {"samples": 60}
    assert streamed_groups([SAMPLE]) == {"social"}
    assert secret_readers([SAMPLE]) == {"sample-key": ["sample"]}
