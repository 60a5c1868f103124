"""The stack of one domain: what its manifest says, and nothing else."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from aws_cdk import CfnOutput, Environment, Stack
from constructs import Construct

from infra.constructs import listeners
from infra.constructs.deploy_task import deploy_task
from infra.constructs.function import HouseFunction
from infra.constructs.http_function import http_function
from infra.constructs.schedule import called_by_scheduler, scheduled
from infra.constructs.scope import DomainScope, construct_id
from infra.constructs.workflow import HouseWorkflow
from infra.manifests import ManifestError
from infra.platform.foundation import Foundation, synthesizer
from shared.manifest import (
    DeployTask,
    Function,
    HttpFunction,
    Manifest,
    OnEvent,
    OnQueue,
    OnStream,
    OnUpload,
    Scheduled,
    Schedules,
    Task,
)

_BUILDERS: dict[type[Function], Callable[[DomainScope, Any], Construct]] = {
    HttpFunction: http_function,
    OnEvent: listeners.on_event,
    OnQueue: listeners.on_queue,
    OnUpload: listeners.on_upload,
    OnStream: listeners.on_stream,
    Scheduled: scheduled,
    Task: HouseFunction,
}


class DomainStack(Stack):
    """Functions, triggers and workflows of one domain, on the foundation."""

    def __init__(
        self, scope: Construct, manifest: Manifest, foundation: Foundation, extra_files: Iterable[tuple[str, Path]] = ()
    ) -> None:
        stage = foundation.house.stage
        super().__init__(
            scope,
            f"sharestack-{stage.name}-{manifest.domain.replace('_', '-')}",
            env=Environment(region=stage.region),
            synthesizer=synthesizer(stage),
            description=f"ShareStack: {manifest.domain}",
        )
        self.add_stack_dependency(foundation)
        self._scope = DomainScope(self, manifest.domain, foundation, tuple(extra_files))
        grants = [grant for function in manifest.functions for grant in function.grants]
        self._on_demand = {grant.target for grant in grants if isinstance(grant, Schedules)}
        first = [deploy_task(self._scope, task) for task in manifest.functions if isinstance(task, DeployTask)]
        for function in manifest.functions:
            if not isinstance(function, DeployTask):
                serving = self._build(function)
                serving.node.add_dependency(*first)
        for workflow in manifest.workflows:
            made = HouseWorkflow(self._scope, workflow)
            CfnOutput(self, f"Workflow{construct_id(workflow.name)}", value=made.arn)
        named = {
            f"{manifest.domain}.{function.name}": foundation.house.names.function(manifest.domain, function.name)
            for function in manifest.functions
        }
        CfnOutput(self, "Functions", value=json.dumps(named))

    def _build(self, function: Function) -> Construct:
        """Build a function with its trigger; what is returned is what must wait for deploy tasks."""
        if isinstance(function, Task) and function.name in self._on_demand:
            return called_by_scheduler(self._scope, function)
        if type(function) not in _BUILDERS:
            message = f"{self._scope.domain}.{function.name} is a {type(function).__name__}, which nothing triggers"
            raise ManifestError(message)
        made: Construct = _BUILDERS[type(function)](self._scope, function)
        return made
