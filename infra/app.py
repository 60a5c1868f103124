"""The whole house: `cdk synth|deploy -c stage=<stage>`. No AWS call is made while it is put together."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from infra.bundling import CannotBundle
from infra.constructs.domain_stack import DomainStack
from infra.documents import platform_files
from infra.manifests import ManifestError, discover
from infra.platform.backup import BackupCopies
from infra.platform.foundation import Foundation
from infra.platform.house import House
from infra.stage import Stage, stage_named
from shared.manifest import Manifest

FIRST = "platform"
"""Its deploy task migrates the database, so every other domain waits for it."""


def build(app: App, stage: Stage, manifests: Sequence[Manifest], served: Iterable[tuple[str, Path]] = ()) -> None:
    """Every stack of a stage: the foundation, then one per domain. `served` are built files for the first domain's zip."""
    house = House(stage)
    copies = None
    if stage.backup_region is not None:
        copies = BackupCopies(app, f"sharestack-{stage.name}-copies", house=house, region=stage.backup_region)
    foundation = Foundation(app, house=house, manifests=manifests, copies=copies)
    if copies is not None:
        foundation.add_stack_dependency(copies)
    stacks = {
        manifest.domain: DomainStack(app, manifest, foundation, extra_files=served if manifest.domain == FIRST else ())
        for manifest in manifests
    }
    first = stacks.get(FIRST)
    for domain, stack in stacks.items():
        if first is not None and domain != FIRST:
            stack.add_stack_dependency(first)
    # CloudFormation gives a proxy's target group no tags.
    Tags.of(app).add("sharestack:stage", stage.name, exclude_resource_types=["AWS::RDS::DBProxyTargetGroup"])
    if not stage.is_local:
        check_by_rules(app)


def check_by_rules(app: App) -> None:
    """Fail the synthesis where a rule of AwsSolutions is broken without an accepted reason (see `infra/nag.py`)."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def main() -> None:
    """Synthesize the stage named by `-c stage=…`."""
    app = App()
    try:
        build(app, stage_named(app.node.try_get_context("stage")), discover(), platform_files())
    except (CannotBundle, ManifestError, ValueError) as error:
        sys.exit(f"sharestack: {error}")
    app.synth()


if __name__ == "__main__":
    main()
