"""A Lambda function of a domain, with the defaults of the house: python3.13 on arm64, JSON logs, traces, its own role.

A function knows its resources by variables: STAGE, SERVICE, PUBLIC_URL, DATABASE_URL (and DATABASE_IAM), for
migrations DATABASE_OWNER_URL (and SECRET_DATABASE_OWNER), and for what its manifest grants TABLE_<GROUP>, BUCKET_<NAME>, QUEUE_<NAME> (URL),
SECRET_<NAME> (name), KEY_<NAME> (ARN), WORKFLOW_<NAME> (ARN), BUS, MAIL_FROM, SCHEDULE_GROUP, SCHEDULE_ROLE, SCHEDULE_TARGET.
"""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.grants import access
from infra.constructs.logs import function_log, may_log
from infra.constructs.scope import DomainScope, construct_id
from infra.nag import accept
from infra.policy import Allow, role
from shared.manifest import Function, Grant

TRACES = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
INTERFACES = ("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DeleteNetworkInterface")
RUNTIME = lambda_.Runtime.PYTHON_3_13
RUNTIME_REASON = "The bytecode in the bundles is of this version (infra/bundling.py)."
_NO_RESOURCE = "X-Ray, and the network interfaces of functions in a VPC, know no resources."


class HouseFunction(Construct):
    """One function, its role, its log and its alarms. `extra` are permissions its trigger needs."""

    def __init__(
        self,
        scope: DomainScope,
        function: Function,
        *,
        more_grants: Sequence[Grant] = (),
        extra: Sequence[Allow] = (),
        snap_start: bool = False,
    ) -> None:
        super().__init__(scope.stack, construct_id(function.name))
        self._scope, self._function = scope, function
        self.name = scope.names.function(scope.domain, function.name)
        grants = [*function.grants, *more_grants]
        self.environment, granted = self._accesses(grants)
        self.role = self._role([*granted, *extra])
        placement = scope.foundation.database.placement if function.sql else None
        self.resource = lambda_.Function(
            self,
            "Function",
            function_name=self.name,
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            code=scope.code_with_migrations if function.sql_owner else scope.code,
            handler=f"functions.{scope.domain}.{function.name}.handler",
            layers=[scope.layer(layer) for layer in function.layers],
            role=iam.Role.from_role_arn(self, "Fixed", self.role.attr_arn, mutable=False),
            environment=self.environment,
            memory_size=function.memory,
            timeout=Duration.seconds(function.timeout),
            tracing=lambda_.Tracing.ACTIVE,
            log_group=function_log(self, "Log", scope.house, self.name),
            logging_format=lambda_.LoggingFormat.JSON,
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
            vpc=placement.vpc if placement else None,
            vpc_subnets=placement.subnets if placement else None,
            security_groups=[placement.security_group] if placement else None,
        )
        accept(self.resource, "L1", RUNTIME_REASON)
        scope.house.alarms.function(self, "ErrorsAlarm", self.resource)

    def _accesses(self, grants: Sequence[Grant]) -> tuple[dict[str, str], list[Allow]]:
        foundation = self._scope.foundation
        environment = {
            "STAGE": foundation.house.stage.name,
            "SERVICE": self._scope.domain,
            "PUBLIC_URL": foundation.public_url,
            "FORWARDED_HOPS": str(self._scope.house.stage.forwarded_hops),
            # None of ours has plugins, so the metadata of every package need not be read for one.
            "PYDANTIC_DISABLE_PLUGINS": "1",
            **({"CLOCK_FILE": foundation.house.stage.clock_file} if foundation.house.stage.clock_file else {}),
        }
        statements: list[Allow] = []
        if self._function.sql_owner:
            environment |= foundation.database.owner_environment()
            statements += foundation.database.owner_statements()
        if self._function.sql:
            environment |= foundation.database.environment(self._scope.domain)
            statements += foundation.database.statements(self._scope.domain)
        for grant in grants:
            allowed = access(grant, self._scope)
            environment |= allowed.environment
            statements += [one for one in allowed.statements if one not in statements]
        return environment | self._function.environment, statements

    def _role(self, statements: Sequence[Allow]) -> iam.CfnRole:
        always = [may_log(self._scope.house, self.name), Allow(TRACES, ["*"], wildcard=_NO_RESOURCE)]
        if self._function.sql and self._scope.foundation.database.placement:
            always.append(Allow(INTERFACES, ["*"], wildcard=_NO_RESOURCE))
        return role(self, "Role", "lambda", [*always, *statements])
