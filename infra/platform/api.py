"""The HTTP API. Domains add their routes to it; see `infra/constructs/http_function.py`."""

import json

from aws_cdk import RemovalPolicy
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.platform.alarms import P95_MILLISECONDS, SERVER_ERRORS_PERCENT, WINDOW, share_percent
from infra.platform.house import House

REQUESTS_PER_SECOND = 2000
BURST = 4000
_LOGGED = {
    "request_id": "$context.requestId",
    "at": "$context.requestTime",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "integration_error": "$context.integrationErrorMessage",
}


class Api(Construct):
    """One HTTP API with one stage, `$default`, whose every request is logged."""

    def __init__(self, scope: Construct, name: str, *, house: House) -> None:
        super().__init__(scope, name)
        self.api = apigateway.CfnApi(self, "Api", name=house.names.of("api"), protocol_type="HTTP")
        access = logs.LogGroup(
            self,
            "AccessLogs",
            log_group_name=f"/aws/apigateway/{house.names.of('api')}",
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        apigateway.CfnStage(
            self,
            "Stage",
            api_id=self.api.ref,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=access.log_group_arn, format=json.dumps(_LOGGED)
            ),
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=REQUESTS_PER_SECOND, throttling_burst_limit=BURST
            ),
        )
        self.host = f"{self.api.ref}.execute-api.{house.names.region}.amazonaws.com"
        latency = self.metric("Latency", "p95")
        slow = "One request in twenty takes longer than 500 ms (rule api_latency)."
        house.alarms.above(self, "LatencyAlarm", latency, P95_MILLISECONDS, slow, periods=2)
        errors = share_percent(self.metric("5xx", "Sum"), [self.metric("Count", "Sum")], "5xx %")
        house.alarms.above(
            self, "ErrorsAlarm", errors, SERVER_ERRORS_PERCENT, "More than 1 % of requests were answered by 5xx."
        )

    def metric(self, metric: str, statistic: str) -> cloudwatch.Metric:
        """A metric of the whole API."""
        return cloudwatch.Metric(
            namespace="AWS/ApiGateway",
            metric_name=metric,
            dimensions_map={"ApiId": self.api.ref},
            statistic=statistic,
            period=WINDOW,
        )
