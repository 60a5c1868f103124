"""DynamoDB: one on-demand table per group, all of one shape."""

from collections.abc import Collection

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.platform.house import House

GROUPS = ("identity", "social", "inbox", "events", "ops", "market", "entitlements")


class Tables(Construct):
    """Tables with keys `pk`, `sk`, index `gsi1`, expiry `ttl`, point-in-time recovery; a stream where one is heard."""

    def __init__(self, scope: Construct, name: str, *, house: House, key: kms.IKey, streamed: Collection[str]) -> None:
        super().__init__(scope, name)
        self.stream_arns: dict[str, str] = {}
        for group in GROUPS:
            table = dynamodb.TableV2(
                self,
                group,
                table_name=house.names.table(group),
                partition_key=_text("pk"),
                sort_key=_text("sk"),
                global_secondary_indexes=[
                    dynamodb.GlobalSecondaryIndexPropsV2(
                        index_name="gsi1", partition_key=_text("gsi1pk"), sort_key=_text("gsi1sk")
                    )
                ],
                time_to_live_attribute="ttl",
                billing=dynamodb.Billing.on_demand(),
                encryption=dynamodb.TableEncryptionV2.customer_managed_key(key),
                point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                    point_in_time_recovery_enabled=True
                ),
                dynamo_stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES if group in streamed else None,
                deletion_protection=house.stage.keeps_data,
                removal_policy=house.removal,
            )
            if table.table_stream_arn:
                self.stream_arns[group] = table.table_stream_arn


def _text(attribute: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=attribute, type=dynamodb.AttributeType.STRING)
