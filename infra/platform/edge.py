"""CloudFront and its firewall: the one address of the house.

`/api/*` and `/docs` go to the API, `/media/*` to the public bucket, `/` to the documentation.
"""

from pathlib import Path
from urllib.parse import urlsplit

from aws_cdk import Duration
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from infra.nag import accept
from infra.platform.api import Api
from infra.platform.buckets import Buckets
from infra.platform.house import House

REQUESTS_PER_IP = 3000
"""In five minutes. The application's own limit is 300 a minute (rules.md §19); this one stops floods before they cost."""

MANAGED_RULES: dict[str, tuple[str, ...]] = {
    # People write articles about code, in Markdown: bodies are only counted, the application checks them itself.
    "AWSManagedRulesCommonRuleSet": (
        "SizeRestrictions_BODY",
        "CrossSiteScripting_BODY",
        "GenericLFI_BODY",
        "GenericRFI_BODY",
        "EC2MetaDataSSRF_BODY",
    ),
    "AWSManagedRulesKnownBadInputsRuleSet": (),
    "AWSManagedRulesAmazonIpReputationList": (),
    "AWSManagedRulesSQLiRuleSet": ("SQLi_BODY", "SQLiExtendedPatterns_BODY"),
}


class Edge(Construct):
    """Distribution, firewall and the small function that maps addresses."""

    def __init__(self, scope: Construct, name: str, *, house: House, api: Api, buckets: Buckets) -> None:
        super().__init__(scope, name)
        firewall = waf.CfnWebACL(
            self,
            "Firewall",
            name=house.names.of("edge"),
            scope="CLOUDFRONT",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visible("edge"),
            rules=[_rate_rule(), *(_managed(rank + 1, group) for rank, group in enumerate(MANAGED_RULES))],
        )
        front = cloudfront.FunctionAssociation(
            event_type=cloudfront.FunctionEventType.VIEWER_REQUEST,
            function=cloudfront.Function(
                self,
                "Front",
                function_name=house.names.of("front"),
                runtime=cloudfront.FunctionRuntime.JS_2_0,
                code=cloudfront.FunctionCode.from_inline((Path(__file__).parent / "front.js").read_text()),
            ),
        )
        to_api = origins.HttpOrigin(
            api.host, protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY, read_timeout=Duration.seconds(30)
        )
        to_media = origins.S3BucketOrigin.with_origin_access_control(buckets.media_public)
        live = cloudfront.BehaviorOptions(
            origin=to_api,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        )
        page = cloudfront.BehaviorOptions(
            origin=to_api,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            function_associations=[front],
        )
        media = cloudfront.BehaviorOptions(
            origin=to_media,
            cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
            response_headers_policy=cloudfront.ResponseHeadersPolicy.SECURITY_HEADERS,
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            function_associations=[front],
        )
        own_name = house.stage.certificate_arn is not None and house.stage.public_url is not None
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=house.names.of("edge"),
            default_behavior=page,
            additional_behaviors={"/api/*": live, "/docs": page, "/media/*": media},
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            minimum_protocol_version=cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021 if own_name else None,
            web_acl_id=firewall.attr_arn,
            log_bucket=buckets.logs,
            log_file_prefix="cloudfront/",
            domain_names=[urlsplit(house.stage.public_url or "").netloc] if own_name else None,
            certificate=acm.Certificate.from_certificate_arn(self, "Certificate", house.stage.certificate_arn or "")
            if own_name
            else None,
        )
        accept(distribution, "CFR1", "Readers and creators may live anywhere.")
        accept(distribution, "CFR4", "Without a certificate of its own it speaks TLS as *.cloudfront.net does.")
        self.url = house.stage.public_url or f"https://{distribution.distribution_domain_name}"


def _rate_rule() -> waf.CfnWebACL.RuleProperty:
    return waf.CfnWebACL.RuleProperty(
        name="rate-per-address",
        priority=0,
        action=waf.CfnWebACL.RuleActionProperty(block={}),
        statement=waf.CfnWebACL.StatementProperty(
            rate_based_statement=waf.CfnWebACL.RateBasedStatementProperty(
                limit=REQUESTS_PER_IP, aggregate_key_type="IP", evaluation_window_sec=300
            )
        ),
        visibility_config=_visible("rate-per-address"),
    )


def _managed(priority: int, group: str) -> waf.CfnWebACL.RuleProperty:
    counted = [
        waf.CfnWebACL.RuleActionOverrideProperty(name=rule, action_to_use=waf.CfnWebACL.RuleActionProperty(count={}))
        for rule in MANAGED_RULES[group]
    ]
    return waf.CfnWebACL.RuleProperty(
        name=group,
        priority=priority,
        override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
        statement=waf.CfnWebACL.StatementProperty(
            managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS", name=group, rule_action_overrides=counted or None
            )
        ),
        visibility_config=_visible(group),
    )


def _visible(metric: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=metric, sampled_requests_enabled=True
    )
