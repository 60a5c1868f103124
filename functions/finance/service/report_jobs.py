"""Reports and tax data made into files, and given away as links that end after a day."""

import json
from datetime import date, timedelta
from typing import Any, Final

from functions.finance.errors import RangeInvalid
from functions.finance.report import COUNTS, FIGURES, Asked, Line, Report
from functions.finance.service import report_requests, reports, tax_pack
from functions.finance.service.statement_jobs import TYPES, WRITERS
from shared import aws, clock, observe
from shared.documents.sheet import Cell, Column, Hashed, Row, Sheet
from shared.dynamo.jobs import JobItem, find_job
from shared.money import Money
from shared.sql.connection import transaction
from shared.uploads import Upload, bucket

PREFIX: Final = "reports/"
LINK_LASTS: Final = timedelta(hours=24)
_TITLES: Final = {
    "income": "收入报表 Income",
    "refund": "退款报表 Refunds",
    "settlement": "结算报表 Settlements",
    "withdrawal": "提现报表 Withdrawals",
    "tax": "税务报表 Taxes",
    "balance": "余额报表 Balances",
}
_HEADINGS: Final = {
    "amount": "金额（元）\nAmount",
    "count": "笔数\nCount",
    "platform_discount": "平台优惠\nDiscounts",
    "channel_fee": "渠道费\nChannel fees",
    "platform_amount": "平台\nPlatform",
    "creator_amount": "创作者\nCreators",
    "platform_loss": "平台损失\nLosses",
    "chargebacks": "拒付\nChargebacks",
    "made_available": "转为可提\nAvailable",
    "collected": "扣回\nCollected",
    "fee": "手续费\nFees",
    "returned": "退回金额\nReturned",
    "returned_count": "退回笔数\nReturns",
    "taxed": "价税合计\nTaxed",
    "red_count": "红字张数\nRed",
    "buyers": "欠买家\nBuyers",
    "platform": "平台\nPlatform",
    "channels": "渠道持有\nChannels",
}


def run(message: dict[str, Any]) -> None:
    """Work a job off, whose result is a link; delivered again after it ended, it does nothing."""
    job = find_job(message["job_id"])
    if job is None or job.finished is not None:
        observe.info("job is over", job_id=message["job_id"])
        return
    job.begin()
    make = {report_requests.REPORT: _make_report, report_requests.TAX_PACK: _make_pack}[job.kind]
    try:
        target, sha256 = make(job, json.loads(job.params))
    except RangeInvalid as refusal:
        job.fail(refusal.error, refusal.en)
        return
    url = aws.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": bucket("exports"), "Key": target}, ExpiresIn=int(LINK_LASTS.total_seconds())
    )
    job.succeed({"url": url, "expires_at": clock.rfc3339(clock.now() + LINK_LASTS), "sha256": sha256})


def _make_report(job: JobItem, params: dict[str, Any]) -> tuple[str, str]:
    days = date.fromisoformat(params["first"]), date.fromisoformat(params["last"])
    asked, file_format = Asked(params["kind"], params["period"], *days, params["by"]), params["format"]
    with transaction() as db:
        made = reports.make(db, asked)
    job.advance(50)
    name = f"{asked.kind}-{asked.first}-{asked.last}.{file_format}"
    target, upload = _upload(job, name, TYPES[file_format])
    with upload as out:
        file = Hashed(out)
        WRITERS[file_format](file, _sheet(made, job))
    return target, file.sha256


def _make_pack(job: JobItem, params: dict[str, Any]) -> tuple[str, str]:
    target, upload = _upload(job, f"tax-{params['year']}.zip", "application/zip")
    with transaction() as db, upload as out:
        file = Hashed(out)
        tax_pack.write(db, params["creator_id"], params["year"], file, job.advance)
    return target, file.sha256


def _upload(job: JobItem, name: str, kind: str) -> tuple[str, Upload]:
    target = f"{PREFIX}{job.job_id}/{name}"
    return target, Upload(bucket("exports"), target, kind, disposition=f'attachment; filename="{name}"')


def _sheet(made: Report, job: JobItem) -> Sheet:
    """All lines of a report; it is dated by when it was asked for."""
    asked = made.asked
    names = FIGURES[asked.kind]
    split = [Column("渠道\nChannel" if asked.by == "channel" else "类别\nKind", 26)] if asked.by else []

    def row(line: Line) -> Row:
        return [line.period_start, *([line.key] if asked.by else []), *_cells(made, line.figures)]

    return Sheet(
        title=_TITLES[asked.kind],
        fields=[
            ("日期 Days", f"{asked.first} – {asked.last}（Asia/Shanghai）"),
            ("周期 Period", asked.period),
            ("币种 Currency", "CNY"),
        ],
        columns=[Column("期初日\nFrom", 24), *split, *(Column(_HEADINGS[name], 24, "right") for name in names)],
        rows=map(row, made.lines),
        totals=lambda: ["合计 Total" if asked.kind != "balance" else "期末 Closing", *([""] if asked.by else []),
                        *_cells(made, made.totals)],
        made_at=job.created_at,
        note="由账簿生成 From the ledger",
    )  # fmt: skip


def _cells(made: Report, figures: dict[str, int]) -> list[Cell]:
    return [figures[name] if name in COUNTS else Money(figures[name]) for name in FIGURES[made.asked.kind]]
