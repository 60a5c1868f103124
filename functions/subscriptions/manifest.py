"""What subscriptions runs and may touch."""

from events.identity import AccountErased, AccountsMerged, AccountsParted, PersonalDataRequested, RenewalNoticeSent
from events.payments import DebitFailed, OrderClosed, OrderPaid, RefundSucceeded
from events.subscriptions import (
    EntitlementChanged,
    MembershipChanged,
    RenewalChanged,
    SubscriptionActivated,
    SubscriptionEnded,
)
from shared.manifest import (
    Bucket,
    HttpFunction,
    Key,
    Manifest,
    OnEvent,
    OnQueue,
    Publishes,
    Queue,
    Scheduled,
    Schedules,
    Secret,
    StartsWorkflow,
    Table,
    Task,
    Workflow,
)

_AGREEMENTS = (Secret("alipay"), Secret("wechat"), Key("pii", ("encrypt", "decrypt")))
_ENTRIES = (Schedules("begin_renewal"), Publishes())

MANIFEST = Manifest(
    domain="subscriptions",
    functions=(
        HttpFunction(
            routes=("/subscriptions/{proxy+}", "/membership-plans"),
            grants=(Table("entitlements", ("BatchGetItem",), ("U#",)),),
        ),
        HttpFunction(
            "withholding",
            routes=(
                "/subscriptions/auto-renew/{proxy+}",
                "/subscriptions/agreements",
                "/subscriptions/agreements/{proxy+}",
            ),
            grants=_AGREEMENTS,
        ),
        HttpFunction(
            "pricing",
            routes=("/pricing/{proxy+}", "/coupons", "/coupons/{proxy+}", "/promotions", "/promotions/{proxy+}"),
            grants=(Queue("coupon-exports"), Table("ops", ("PutItem", "UpdateItem"), ("JOB#",))),
        ),
        OnQueue(
            "export_coupons",
            queue="coupon-exports",
            batch_size=1,
            timeout=120,
            grants=(
                Table("ops", ("GetItem", "UpdateItem"), ("JOB#",)),
                Bucket("exports", ("write", "read"), "coupons/"),
            ),
        ),
        HttpFunction(
            "gifts",
            routes=("/subscriptions/gifts", "/subscriptions/gifts/{proxy+}"),
            grants=(Key("pii", ("encrypt", "decrypt")),),
        ),
        HttpFunction("desk", routes=("/admin/subscriptions", "/admin/membership-plans", "/admin/membership-plans/{proxy+}")),
        OnEvent("on_order_paid", event=OrderPaid, grants=(Publishes(),)),
        OnEvent("on_order_closed", event=OrderClosed, grants=(Publishes(),)),
        OnEvent("on_refund_succeeded", event=RefundSucceeded, grants=(Publishes(),)),
        OnEvent(
            "on_entitlement_changed",
            event=EntitlementChanged,
            grants=(Table("entitlements", ("PutItem",), ("U#",)),),
            sql=False,
        ),
        OnEvent(
            "on_membership_changed",
            event=MembershipChanged,
            grants=(Table("entitlements", ("PutItem",), ("U#",)),),
            sql=False,
        ),
        Scheduled("turn_over_memberships", expression="rate(5 minutes)", grants=(Publishes(),), timeout=300),
        Scheduled("release_discounts", expression="rate(15 minutes)", timeout=120),
        Scheduled("expire_subscriptions", expression="rate(15 minutes)", grants=(Publishes(),), timeout=300),
        Scheduled("resume_subscriptions", expression="rate(15 minutes)", grants=(Publishes(),), timeout=300),
        Scheduled(
            "rebuild_entitlements",
            expression="cron(0 19 * * ? *)",
            grants=(Table("entitlements", ("BatchGetItem", "PutItem"), ("U#",)),),
            timeout=900,
        ),
        # A subscription's one entry fires before its period ends; what decides about that moves it.
        OnEvent("on_subscription_activated", event=SubscriptionActivated, grants=_ENTRIES),
        OnEvent("on_subscription_ended", event=SubscriptionEnded, grants=_ENTRIES),
        OnEvent("on_renewal_changed", event=RenewalChanged, grants=_ENTRIES),
        Task("begin_renewal", grants=(StartsWorkflow("renewal"),)),
        Task("advance_renewal", grants=(Publishes(),)),
        OnEvent("on_debit_failed", event=DebitFailed, grants=(Publishes(),)),
        OnEvent("on_renewal_notice_sent", event=RenewalNoticeSent, grants=(Publishes(),)),
        Scheduled("subscription_renewals", expression="rate(1 hour)", grants=(StartsWorkflow("renewal"),), timeout=300),
        Scheduled("look_after_agreements", expression="rate(1 minute)", grants=(*_AGREEMENTS, *_ENTRIES), timeout=300),
        OnEvent("on_agreement_refused", event=DebitFailed),
        OnEvent("on_accounts_merged", event=AccountsMerged, grants=(Publishes(),)),
        OnEvent("on_accounts_parted", event=AccountsParted, grants=(Publishes(),)),
        OnEvent("on_account_erased", event=AccountErased),
        OnEvent(
            "on_personal_data_requested",
            event=PersonalDataRequested,
            timeout=300,
            grants=(Table("entitlements", ("Query",), ("U#",)), Bucket("exports", ("write",), "personal/")),
        ),
    ),
    workflows=(Workflow("renewal", ("advance_renewal",)),),
    queues=("coupon-exports",),
)
