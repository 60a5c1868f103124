"""The AwsSolutions rules hold in the cloud stages, they are really asked, and every exception to them has a reason."""

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_s3 as s3

from infra.app import check_by_rules

CLOUD = ("small", "prod")


def report(folder: Path) -> list[dict[str, Any]]:
    plugins: list[dict[str, Any]] = json.loads((folder / "validation-report.json").read_text())["pluginReports"]
    return plugins


@pytest.mark.parametrize("name", CLOUD)
def test_no_rule_is_broken(stage, name):
    broken = [violation for plugin in report(stage(name).folder) for violation in plugin["violations"]]

    assert broken == []


def test_a_broken_rule_is_found(tmp_path):
    app = App(outdir=str(tmp_path))
    s3.Bucket(Stack(app, "careless"), "Open")
    check_by_rules(app)

    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()

    found = {violation["ruleName"] for plugin in report(tmp_path) for violation in plugin["violations"]}
    assert {"AwsSolutions-S1", "AwsSolutions-S10"} <= found


@pytest.mark.parametrize("name", CLOUD)
def test_every_exception_has_a_reason(stage, name):
    reasons = [
        reason
        for path in stage(name).folder.glob("*.metadata.json")
        for entries in json.loads(path.read_text()).values()
        for entry in entries
        if entry["type"] == "aws:cdk:acknowledged-rules"
        for rule, reason in entry["data"].items()
        if "AwsSolutions" in rule
    ]

    assert len(reasons) > 20
    assert not [reason for reason in reasons if len(reason) < 20]
