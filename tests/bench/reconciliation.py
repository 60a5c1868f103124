"""Reconciling a day of 100,000 payments: Alipay's ZIP to differences, as the function does it, in a process of its own."""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from functions.payments.gateways import registry
from functions.payments.gateways.alipay import AlipayGateway
from functions.payments.gateways.base import BillRow, NoBill, NotReady
from functions.payments.gateways.null import NullGateway
from functions.payments.service import reconciliation
from functions.payments.service.reconciliation import Turn
from functions.payments.store import reconciliations as store
from shared.sql.connection import connect, transaction
from tests.bench.measure import ROOT, Gate

ROWS = 100_000
DAY = date(2026, 3, 1)
_AT = datetime(2026, 3, 1, 4, tzinfo=UTC)
_EVERY = 1_000
"""One in so many has another amount in the bill."""
_FILL = (
    "SET session_replication_role = replica",
    """
    INSERT INTO payments.payment_orders (order_no, user_id, kind, target_id, seller_id, title, amount, discount_amount,
        payable_amount, currency, price_lines, status, channel, payment_no, paid_at, expires_at, created_at, updated_at)
    SELECT 'O' || g, 1, 'content', g, 2, 'bench', 1000, 0, 1000, 'CNY', '[]', 'paid', 'alipay', 'P' || g, %(at)s, %(at)s,
        %(at)s, %(at)s FROM generate_series(1, %(rows)s) g
    """,
    """
    INSERT INTO payments.payment_transactions (payment_no, order_no, channel, kind, scene, amount, currency, status,
        gateway_no, finished_at, created_at, updated_at)
    SELECT 'P' || g, 'O' || g, 'alipay', 'pay', 'qr', 1000, 'CNY', 'succeeded', 'G' || g, %(at)s, %(at)s, %(at)s
    FROM generate_series(1, %(rows)s) g
    """,
    """
    SELECT finance.post_entry('bench', 'capture', 'order', 'bench', %(at)s, 'CNY',
        ARRAY['channel:alipay', 'platform:income'], ARRAY[-1, 1]::bigint[])
    """,
    """
    WITH posted AS (
        INSERT INTO finance.ledger_entries (reference, kind, ref_type, ref_id, currency, at)
        SELECT 'capture:O' || g, 'capture', 'order', 'O' || g, 'CNY', %(at)s FROM generate_series(1, %(rows)s) g
        RETURNING entry_id
    )
    INSERT INTO finance.ledger_postings (entry_id, account_id, amount, at)
    SELECT p.entry_id, a.account_id, CASE a.name WHEN 'channel:alipay' THEN -1000 ELSE 1000 END, %(at)s
    FROM posted p, finance.ledger_accounts a WHERE a.name IN ('channel:alipay', 'platform:income')
    """,
)


class _Bill(NullGateway):
    """Alipay's parser on a file that is there already."""

    def bill(self, day: date) -> Iterable[BillRow] | NotReady | NoBill:
        """The ZIP, read as it was downloaded."""
        return AlipayGateway.read_bill(self, io.BytesIO(_packed()), day)  # type: ignore[arg-type]  # nothing of it is used


def _packed() -> bytes:
    names = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,订单金额（元）,商家实收（元）,退款批次号/请求号,服务费（元）,备注"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("明细.csv", "w") as file:
        file.write(f"#支付宝业务明细查询\r\n{names}\r\n".encode("gbk"))
        for n in range(1, ROWS + 1):
            amount = "10.01" if n % _EVERY == 0 else "10.00"
            at = "2026-03-01 12:00:00"
            file.write(f"G{n}\t,P{n}\t,交易,bench  ,{at},{at},{amount},{amount},\t,-0.06,\r\n".encode("gbk"))
        file.write("#业务明细列表结束\r\n".encode("gbk"))
    return packed.getvalue()


def bench(dsn: str) -> list[Gate]:
    """Two gates: seconds and memory of one day."""
    with connect(dsn) as db:
        for statement in _FILL:
            db.execute(statement, {"at": _AT, "rows": ROWS} if "%(" in statement else None)
        db.execute("VACUUM ANALYZE")
    said = subprocess.run(
        [sys.executable, "-m", "tests.bench.reconciliation", "--dsn", dsn], cwd=ROOT, env=os.environ | {"STAGE": "test"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if said.returncode:
        raise RuntimeError(said.stderr[-2000:])
    told = json.loads(said.stdout.splitlines()[-1])
    if told["run"] != [ROWS - ROWS // _EVERY, ROWS // _EVERY, 0, 0]:
        raise RuntimeError(told)
    return [
        Gate("a day of 100,000 payments reconciled", told["seconds"], "seconds", limit=30),
        Gate("memory for it", told["megabytes"], "MB", limit=512, detail="the process at its largest"),
    ]


def main() -> None:
    """Reconcile the day that `bench` laid out; one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dsn", required=True)
    os.environ["DATABASE_URL"] = parser.parse_args().dsn
    registry.use(_Bill())
    started = time.perf_counter()
    with transaction() as db:
        until = _AT + timedelta(days=9)
        number = store.claim(db, "alipay", DAY, token="bench", until=until, at=_AT)
    if number is None:
        raise RuntimeError("somebody has the day")
    reconciliation.reconcile(Turn(number, "alipay", DAY, "bench"), lambda _: None)
    seconds = time.perf_counter() - started
    with transaction() as db:
        row = db.execute(
            "SELECT matched, mismatched, missing_local, missing_remote FROM payments.reconciliation_runs"
        ).fetchall()[0]
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "megabytes": megabytes, "run": list(row)}) + "\n")


if __name__ == "__main__":
    main()
