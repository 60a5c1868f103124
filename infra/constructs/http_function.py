"""The HTTP function of a domain: a snapshot behind the alias `live`, and its paths in the API."""

from aws_cdk import Annotations
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_

from infra.constructs.function import HouseFunction
from infra.constructs.scope import DomainScope
from infra.nag import accept
from shared.manifest import HttpFunction, Publishes, Table

BASE = "/api/v1"
EVERY_HTTP_FUNCTION = (
    # shared/http: the session and the published settings (together, or alone), the keys that tokens are checked by, the
    # caller's rate limit, the outbox.
    Table("identity", ("GetItem", "BatchGetItem"), ("U#", "JWKS", "EDGE")),
    Table("ops", ("GetItem", "UpdateItem"), ("RL#",)),
    # When an API key was last used.
    Table("ops", ("UpdateItem",), ("KU#",)),
    Publishes(),
)


def http_function(scope: DomainScope, function: HttpFunction) -> HouseFunction:
    """Build the function and its routes; what runs is the alias, so that a new version serves once it is whole."""
    made = HouseFunction(scope, function, more_grants=EVERY_HTTP_FUNCTION, snap_start=scope.house.stage.snapshots)
    alias = lambda_.Alias(made, "Live", alias_name="live", version=made.resource.current_version)
    Annotations.of(made.resource).acknowledge_warning(
        "@aws-cdk/aws-lambda:snapStartRequirePublish", "What serves is the published version behind the alias."
    )
    api_id = scope.foundation.api_id
    lambda_.CfnPermission(
        made,
        "Invoke",
        action="lambda:InvokeFunction",
        function_name=alias.function_arn,
        principal="apigateway.amazonaws.com",
        source_arn=scope.names.arn("execute-api", f"{api_id}/*/*"),
    )
    integration = apigateway.CfnIntegration(
        made,
        "Integration",
        api_id=api_id,
        integration_type="AWS_PROXY",
        integration_uri=alias.function_arn,
        payload_format_version="2.0",
    )
    for path in paths(function):
        route = apigateway.CfnRoute(
            made, f"Route{path}", api_id=api_id, route_key=f"ANY {path}", target=f"integrations/{integration.ref}"
        )
        accept(route, "APIG4", "Every route of the application names its rule, and a test walks them all.")
    return made


def paths(function: HttpFunction) -> list[str]:
    """The API's paths of a function: a prefix is two, since `/contents/{proxy+}` does not match `/contents`."""
    found: dict[str, None] = {}
    for route in function.routes:
        found[f"{BASE}{route}"] = None
        if route.endswith("/{proxy+}"):
            found[f"{BASE}{route.removesuffix('/{proxy+}')}"] = None
    return list(found)
