"""What payments runs and may touch."""

from events.identity import AccountErased, PersonalDataRequested
from events.subscriptions import DebitRequested
from shared.manifest import Bucket, HttpFunction, Key, Manifest, OnEvent, OnQueue, Publishes, Queue, Scheduled, Secret, Table

_EVERY_MINUTE = "rate(1 minute)"
_VENDORS = (Secret("alipay"), Secret("wechat"), Secret("unionpay"))
_DEBITS = (Secret("alipay"), Secret("wechat"), Key("pii", ("decrypt",)))
# A run calls a gateway for each row; it ends early when that is silent.
_RUN_SECONDS = 300

MANIFEST = Manifest(
    domain="payments",
    functions=(
        HttpFunction(
            routes=("/payments/{proxy+}", "/admin/payments/{proxy+}"),
            grants=(
                *_VENDORS,
                Queue("payment-notices"),
                Queue("reconciliations"),
                Table("ops", ("PutItem", "UpdateItem"), ("JOB#",)),
                Table("ops", ("GetItem", "UpdateItem"), ("CA#payment_stats:",)),
                Key("pii", ("encrypt", "decrypt")),
            ),
        ),
        OnQueue(
            "process_notice",
            queue="payment-notices",
            grants=(*_VENDORS, Key("pii", ("decrypt",)), Publishes()),
        ),
        Scheduled(
            "sweep_notices",
            expression=_EVERY_MINUTE,
            grants=(*_VENDORS, Key("pii", ("decrypt",)), Publishes()),
            timeout=_RUN_SECONDS,
        ),
        Scheduled("query_attempts", expression=_EVERY_MINUTE, grants=(*_VENDORS, Publishes()), timeout=_RUN_SECONDS),
        OnEvent("on_debit_requested", event=DebitRequested, timeout=60, grants=(*_DEBITS, Publishes())),
        Scheduled("finish_debits", expression=_EVERY_MINUTE, grants=(*_DEBITS, Publishes()), timeout=_RUN_SECONDS),
        Scheduled("expire_orders", expression=_EVERY_MINUTE, grants=(Publishes(),), timeout=_RUN_SECONDS),
        Scheduled("finish_refunds", expression=_EVERY_MINUTE, grants=(*_VENDORS, Publishes()), timeout=_RUN_SECONDS),
        OnQueue(
            "run_reconciliation",
            queue="reconciliations",
            batch_size=1,
            timeout=_RUN_SECONDS,
            grants=(*_VENDORS, Bucket("media-private", ("read",), "u/"), Table("ops", ("GetItem", "UpdateItem"), ("JOB#",))),
        ),
        # Bills are ready at 10 o'clock in Beijing, which is 02:00 UTC; one that is late is asked for again every hour.
        Scheduled("reconcile_day", expression="cron(0 3-23 * * ? *)", grants=_VENDORS, timeout=900),
        OnEvent("on_account_erased", event=AccountErased),
        OnEvent(
            "on_personal_data_requested",
            event=PersonalDataRequested,
            timeout=300,
            grants=(Bucket("exports", ("write",), "personal/"),),
        ),
    ),
    queues=("payment-notices", "reconciliations"),
)
