"""What finance runs and may touch. Who talks to a channel holds its secret; who pays, or judges who may, reads accounts."""

from events.finance import WithdrawalRequested
from events.identity import AccountErased, AccountsMerged, PersonalDataRequested
from events.payments import OrderPaid, RefundSucceeded, TransferEnded
from functions.finance import document_functions
from shared.manifest import (
    AnswersWorkflow,
    Bucket,
    HttpFunction,
    Key,
    Manifest,
    OnEvent,
    OnQueue,
    Publishes,
    Queue,
    Scheduled,
    Secret,
    StartsWorkflow,
    Table,
    Task,
    Workflow,
)

# A poll that finds a number never arrived sends it again, so it too pays.
_PAYS = (Secret("alipay"), Secret("wechat"), Key("pii", ("decrypt",)))

MANIFEST = Manifest(
    domain="finance",
    functions=(
        HttpFunction(
            routes=(
                "/earnings/{proxy+}",
                "/withdrawals/{proxy+}",
                "/finance/{proxy+}",
                "/admin/finance/overview",
                "/admin/finance/settlements",
                "/admin/finance/ledger/{proxy+}",
                "/admin/finance/chargebacks",
                "/admin/finance/chargebacks/{proxy+}",
                "/admin/finance/adjustments",
                "/admin/finance/adjustments/{proxy+}",
                "/admin/finance/withdrawals",
            ),
            grants=(
                Key("pii", ("encrypt", "decrypt")),  # where to send USDT is shown to who may approve
                StartsWorkflow("withdrawal"),
                AnswersWorkflow("withdrawal"),
                Queue("settlement-jobs"),
                Queue("report-jobs"),
                Table("ops", ("PutItem", "UpdateItem"), ("JOB#",)),
            ),
        ),
        OnEvent("on_order_paid", event=OrderPaid),
        OnEvent("on_refund_succeeded", event=RefundSucceeded),
        OnEvent(
            "on_withdrawal_requested",
            event=WithdrawalRequested,
            grants=(StartsWorkflow("withdrawal"),),
        ),
        OnQueue(
            "run_settlement_job",
            queue="settlement-jobs",
            batch_size=1,
            timeout=300,
            grants=(Table("ops", ("GetItem", "UpdateItem"), ("JOB#",)), Publishes()),
        ),
        Scheduled("settle_earnings", expression="cron(0 * * * ? *)", timeout=60, grants=(StartsWorkflow("settlement"),)),
        Scheduled("split_pool", expression="cron(30 18 * * ? *)", timeout=600),
        Task("begin_settlement", timeout=120),
        Task("settle_creators", timeout=600, grants=(Publishes(),)),
        Task("close_settlement", timeout=300),
        Scheduled("expire_holds", expression="rate(1 minute)"),
        Scheduled("seal_ledger", expression="rate(1 minute)", timeout=300),
        Scheduled(
            "anchor_ledger",
            expression="rate(5 minutes)",
            timeout=60,
            grants=(
                Bucket("audit", ("write", "versions"), "ledger/heads/"),
                Bucket("audit", ("write", "versions"), "ledger/digests/"),
            ),
        ),
        Scheduled(
            "prove_ledger",
            expression="cron(10 19 * * ? *)",
            timeout=900,
            grants=(
                Bucket("audit", ("versions",), "ledger/heads/"),
                Bucket("audit", ("versions",), "ledger/digests/"),
                Bucket("audit", ("write",), "ledger/proofs/"),
            ),
        ),
        Scheduled(
            "sweep_withdrawals",
            expression="rate(1 minute)",
            grants=(StartsWorkflow("withdrawal"), AnswersWorkflow("withdrawal")),
        ),
        Scheduled(
            "find_returned_payouts",
            expression="rate(1 hour)",
            timeout=300,
            grants=(Secret("alipay"), Secret("wechat"), Publishes()),
        ),
        Task("assess_withdrawal", grants=(Publishes(), Key("pii", ("decrypt",)))),
        Task("await_decision", grants=(AnswersWorkflow("withdrawal"),)),
        OnEvent("on_transfer_ended", event=TransferEnded, timeout=60, grants=(*_PAYS, Publishes())),
        Task("send_transfer", timeout=60, grants=_PAYS),
        Task("poll_transfer", timeout=60, grants=_PAYS),
        Task("finish_withdrawal", grants=(Publishes(),)),
        OnEvent("on_accounts_merged", event=AccountsMerged),
        OnEvent("on_account_erased", event=AccountErased),
        OnEvent(
            "on_personal_data_requested",
            event=PersonalDataRequested,
            timeout=300,
            grants=(
                Key("pii", ("decrypt",)),
                Bucket("exports", ("write",), "personal/"),
            ),
        ),
        *document_functions.FUNCTIONS,
    ),
    workflows=(
        Workflow(
            "withdrawal",
            ("assess_withdrawal", "await_decision", "send_transfer", "poll_transfer", "finish_withdrawal"),
        ),
        Workflow("settlement", ("begin_settlement", "settle_creators", "close_settlement")),
    ),
    queues=("settlement-jobs", *document_functions.QUEUES),
)
