"""The VPC of the functions that reach the database, and their way out to AWS and to vendors."""

from typing import Any

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra import stage as stages
from infra.nag import accept

ADDRESSES = "10.20.0.0/16"


class PrivateNetwork(Construct):
    """Subnets for NAT, for functions and for the database; S3 and DynamoDB are reached for free, without NAT."""

    def __init__(self, scope: Construct, name: str, *, network: stages.Network, region: str) -> None:
        super().__init__(scope, name)
        nat: Any = ec2.NatProvider.gateway()
        if network.nat == "instance":
            nat = ec2.NatProvider.instance_v2(
                instance_type=ec2.InstanceType("t4g.nano"),
                machine_image=ec2.MachineImage.latest_amazon_linux2023(cpu_type=ec2.AmazonLinuxCpuType.ARM_64),
                default_allowed_traffic=ec2.NatTrafficDirection.OUTBOUND_ONLY,
            )
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(ADDRESSES),
            availability_zones=[f"{region}{letter}" for letter in "abc"[: network.zones]],
            nat_gateways=1 if network.nat == "instance" else network.zones,
            nat_gateway_provider=nat,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="nat", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=26),
                ec2.SubnetConfiguration(name="functions", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=19),
                ec2.SubnetConfiguration(name="database", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=26),
            ],
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
            flow_logs={
                "Rejected": ec2.FlowLogOptions(
                    traffic_type=ec2.FlowLogTrafficType.REJECT,
                    destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                        logs.LogGroup(self, "FlowLogs", retention=logs.RetentionDays.ONE_MONTH)
                    ),
                )
            },
        )
        if network.nat == "instance":
            self._let_functions_through(nat)
        self.functions = ec2.SecurityGroup(
            self, "Functions", vpc=self.vpc, description="Functions that reach the database", allow_all_outbound=True
        )
        for service in network.interface_endpoints:
            endpoint = ec2.InterfaceVpcEndpoint(
                self,
                f"Endpoint{service.title()}",
                vpc=self.vpc,
                service=ec2.InterfaceVpcEndpointAwsService(service),
                subnets=ec2.SubnetSelection(subnet_group_name="functions"),
                open=False,
            )
            endpoint.connections.allow_default_port_from(self.functions, "from functions")

    def _let_functions_through(self, nat: ec2.NatInstanceProviderV2) -> None:
        nat.security_group.add_ingress_rule(ec2.Peer.ipv4(ADDRESSES), ec2.Port.all_traffic(), "from the VPC")
        for gateway in nat.gateway_instances:
            reason = "A NAT instance keeps nothing: it is replaced, not protected, and the small stage saves on detail."
            for rule in ("EC26", "EC28", "EC29"):
                accept(gateway, rule, reason)

    @property
    def function_subnets(self) -> ec2.SubnetSelection:
        """Where functions stand."""
        return ec2.SubnetSelection(subnet_group_name="functions")

    @property
    def database_subnets(self) -> ec2.SubnetSelection:
        """Where the database stands: no way in or out but from functions."""
        return ec2.SubnetSelection(subnet_group_name="database")
