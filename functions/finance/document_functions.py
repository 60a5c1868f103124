"""What of finance makes documents: invoices, statements and reports. Whoever draws has the layer `documents`, nobody else."""

from typing import Final

from events.payments import RefundSucceeded
from shared.manifest import (
    Bucket,
    Function,
    HttpFunction,
    Key,
    OnEvent,
    OnQueue,
    Queue,
    Scheduled,
    Secret,
    SendsEmail,
    Table,
)

_DRAWS: Final = ("http", "sql", "documents")
_WORKS_JOBS: Final = Table("ops", ("GetItem", "UpdateItem"), ("JOB#",))

FUNCTIONS: Final[tuple[Function, ...]] = (
    HttpFunction(
        "documents",
        routes=("/invoices/{proxy+}", "/finance/statements/export", "/finance/statements/download/{proxy+}"),
        grants=(
            Key("pii", ("encrypt",)),
            Queue("invoice-jobs"),
            Queue("statement-jobs"),
            Table("ops", ("PutItem", "UpdateItem"), ("JOB#",)),
            Bucket("documents", ("read",), "invoices/"),
            Bucket("documents", ("read",), "statements/"),
        ),
    ),
    OnEvent("redden_invoices", event=RefundSucceeded),
    OnQueue(
        "run_invoice_job",
        queue="invoice-jobs",
        batch_size=1,
        timeout=120,
        memory=1024,
        layers=_DRAWS,
        grants=(
            _WORKS_JOBS,
            Key("pii", ("decrypt",)),
            Secret("einvoice"),
            SendsEmail(),
            Bucket("documents", ("write",), "invoices/"),
        ),
    ),
    Scheduled("sweep_invoices", expression="rate(1 minute)", grants=(Queue("invoice-jobs"),)),
    OnQueue(
        "run_statement_job",
        queue="statement-jobs",
        batch_size=1,
        timeout=300,
        memory=1024,
        layers=_DRAWS,
        grants=(_WORKS_JOBS, Bucket("documents", ("write",), "statements/")),
    ),
    OnQueue(
        "run_report_job",
        queue="report-jobs",
        batch_size=1,
        timeout=300,
        memory=1024,
        layers=_DRAWS,
        grants=(_WORKS_JOBS, Bucket("exports", ("write", "read"), "reports/")),
    ),
    Scheduled("prove_statements", expression="cron(40 19 * * ? *)", timeout=900),
)
QUEUES: Final = ("invoice-jobs", "statement-jobs", "report-jobs")
