"""What differs between stages, listed: a new difference is a decision, so it must be written here too."""

from dataclasses import asdict, fields

import pytest

from infra.stage import Stage, stage_named

LOCAL_ONLY = {"database_dsn", "clock_file"}
CLOUD_ONLY = {"network", "aurora", "event_archive_days"}


def differing(one: str, other: str) -> set[str]:
    first, second = asdict(stage_named(one, {})), asdict(stage_named(other, {}))
    return {field.name for field in fields(Stage) if first[field.name] != second[field.name]}


def test_the_laptop_differs_from_production_in_these_things_only():
    assert differing("local", "prod") == {
        "name",
        "platform",
        "bootstrap_roles",
        "keeps_data",
        "snapshots",
        "requires_tls",
        "network",
        "aurora",
        "database_dsn",
        "public_url",
        "mail_from",
        "forwarded_hops",
        "clock_file",
        "event_archive_days",
        "alarms",
        "audit_lock",
        "backup_region",
    }


def test_the_small_stage_differs_from_production_in_these_things_only():
    assert differing("small", "prod") == {"name", "snapshots", "network", "aurora", "audit_lock", "backup_region"}


def test_what_is_local_is_nothing_in_the_cloud_and_the_other_way_round():
    local, small = stage_named("local", {}), stage_named("small", {})

    assert {name for name in LOCAL_ONLY | CLOUD_ONLY if getattr(local, name) is None} == CLOUD_ONLY
    assert {name for name in LOCAL_ONLY | CLOUD_ONLY if getattr(small, name) is None} == LOCAL_ONLY


def test_the_small_stage_pays_for_no_idle_database_and_no_nat_gateway():
    small = stage_named("small", {})

    assert small.aurora is not None
    assert small.aurora.min_capacity == 0
    assert not small.aurora.proxy
    assert small.network is not None
    assert small.network.nat == "instance"
    assert small.network.interface_endpoints == ()


def test_an_unknown_stage_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="choose one of local, small, prod"):
        stage_named("production", {})
