"""The controls of the laptop cloud exist in its front door and nowhere in what is deployed."""

from infra.bundling import domain_sources
from infra.manifests import discover
from infra.stage import stage_named


def test_no_deployed_file_knows_of_the_local_controls():
    domains = [manifest.domain for manifest in discover()]
    shipped = {path for domain in domains for path in domain_sources(domain, migrations=True)}

    knowing = [path for path in shipped if b"/_local" in path.read_bytes()]

    assert len(shipped) > 50
    assert knowing == []


def test_no_route_leads_to_them():
    routes = [
        route for manifest in discover() for function in manifest.functions for route in getattr(function, "routes", ())
    ]

    assert routes
    assert not [route for route in routes if "_local" in route]


def test_only_the_local_stage_has_a_movable_clock():
    clocks = {name: stage_named(name, {"CLOCK_FILE": "somewhere"}).clock_file for name in ("local", "small", "prod")}

    assert clocks == {"local": "somewhere", "small": None, "prod": None}
