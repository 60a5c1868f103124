"""What the templates promise: names, paths, variables, and nothing local in the cloud."""

import json

import pytest

from infra.constructs.http_function import paths
from shared.manifest import HttpFunction, Manifest

CLOUD = ("small", "prod")
EVERY = ("local", *CLOUD)


@pytest.mark.parametrize("name", CLOUD)
def test_nothing_of_the_laptop_reaches_the_cloud(stage, name):
    for stack, template in stage(name).templates().items():
        written = json.dumps(template)
        for local in ("/_local", "CLOCK_FILE", "127.0.0.1", "LOCAL_DATABASE", ".local", "AWS_ENDPOINT_URL", "sandbox"):
            assert local not in written, f"{stack} holds {local}"


def test_the_laptop_has_a_clock_and_a_socket(stage):
    functions = stage("local").resources("AWS::Lambda::Function").values()
    ours = [function for function in functions if function["Handler"].startswith("functions.")]

    assert all("CLOCK_FILE" in function["Environment"]["Variables"] for function in ours)
    assert any(function["Environment"]["Variables"].get("DATABASE_URL", "").endswith(" user=sample") for function in ours)


@pytest.mark.parametrize("name", EVERY)
def test_every_path_of_every_manifest_is_a_route_and_no_other(stage, manifests: list[Manifest], name):
    wanted = sorted(
        f"ANY {path}"
        for manifest in manifests
        for function in manifest.functions
        if isinstance(function, HttpFunction)
        for path in paths(function)
    )
    routes = sorted(route["RouteKey"] for route in stage(name).resources("AWS::ApiGatewayV2::Route").values())

    assert routes == wanted
    assert len(routes) <= 300  # the quota of an HTTP API


def test_a_prefix_is_reached_with_and_without_a_tail():
    assert paths(HttpFunction(routes=("/samples/{proxy+}", "/users/{uid}/ban"))) == [
        "/api/v1/samples/{proxy+}",
        "/api/v1/samples",
        "/api/v1/users/{uid}/ban",
    ]


def test_a_function_is_told_the_names_of_what_it_was_granted(stage):
    functions = stage("small").resources("AWS::Lambda::Function").values()
    (http,) = [function for function in functions if function["FunctionName"] == "sharestack-small-sample-http"]

    assert set(http["Environment"]["Variables"]) == {
        "STAGE", "SERVICE", "PUBLIC_URL", "PYDANTIC_DISABLE_PLUGINS",
        "FORWARDED_HOPS", "BUS", "DATABASE_URL", "DATABASE_IAM", "TABLE_IDENTITY", "TABLE_OPS",
        "TABLE_SOCIAL", "BUCKET_MEDIA_PRIVATE", "QUEUE_SAMPLES", "KEY_PII", "SCHEDULE_GROUP", "SCHEDULE_ROLE",
        "SCHEDULE_TARGET",
    }  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_http_functions_serve_a_published_version(stage, name):
    synthesized = stage(name)
    aliases = synthesized.resources("AWS::Lambda::Alias")
    integrations = synthesized.resources("AWS::ApiGatewayV2::Integration")

    assert len(aliases) == len(integrations) > 0
    assert {alias["Name"] for alias in aliases.values()} == {"live"}
    for where, integration in integrations.items():
        assert f"{where.split('/')[0]}/{integration['IntegrationUri']['Ref']}" in aliases


def test_production_serves_from_snapshots(stage):
    synthesized = stage("prod")
    functions = synthesized.resources("AWS::Lambda::Function").values()
    serving = [function["SnapStart"] for function in functions if "SnapStart" in function]

    assert serving == [{"ApplyOn": "PublishedVersions"}] * len(synthesized.resources("AWS::Lambda::Alias"))


@pytest.mark.parametrize("name", EVERY)
def test_functions_run_on_what_bundles_are_built_for(stage, name):
    for where, function in stage(name).resources("AWS::Lambda::Function").items():
        if "Vpc" not in where:
            assert function["Runtime"] == "python3.13", where
            assert function["Architectures"] == ["arm64"], where


@pytest.mark.parametrize("name", CLOUD)
def test_only_functions_that_use_the_database_stand_in_its_network(stage, functions, name):
    for function in stage(name).resources("AWS::Lambda::Function").values():
        short = function["FunctionName"].removeprefix(f"sharestack-{name}-")
        if short in functions:
            assert ("VpcConfig" in function) == functions[short][1].sql, short


@pytest.mark.parametrize("name", EVERY)
def test_no_stack_nears_the_limit_of_cloudformation(stage, name):
    assert {stack for stack, template in stage(name).templates().items() if len(template["Resources"]) > 450} == set()


def test_deploy_tasks_run_before_anything_that_serves(stage):
    (sample,) = [template for stack, template in stage("prod").templates().items() if stack.endswith("-sample")]
    (run,) = [name for name, resource in sample["Resources"].items() if resource["Type"] == "Custom::DeployTask"]
    serving = ("AWS::Lambda::Alias", "AWS::Lambda::EventSourceMapping", "AWS::Scheduler::Schedule")

    for name, resource in sample["Resources"].items():
        if resource["Type"] in serving:
            assert run in resource.get("DependsOn", []), name


def test_every_domain_waits_for_the_migrations(stage):
    manifest = json.loads((stage("prod").folder / "manifest.json").read_text())
    stacks = {name: one for name, one in manifest["artifacts"].items() if one["type"] == "aws:cloudformation:stack"}

    assert "sharestack-prod-platform" in stacks["sharestack-prod-sample"]["dependencies"]
    assert "sharestack-prod" in stacks["sharestack-prod-platform"]["dependencies"]
