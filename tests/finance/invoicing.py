"""What the tests of invoices arrange: paid orders of buyers, refunds of them, and the work on invoices with twins."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from events.payments import RefundSucceeded
from functions.finance import redden_invoices
from functions.finance.gateways.invoicing import Said
from functions.finance.gateways.null_invoicing import NullInvoicing
from functions.finance.invoice import Document, Invoice
from functions.finance.service import invoice_requests, invoicing
from functions.finance.service.invoice_requests import Title
from functions.finance.verify import verify
from shared import aws, clock
from shared.ids import new_order_no, new_ulid
from shared.sql import connection as house_connection
from shared.sql.edge import unit_of_work
from shared.sql.tunables import forget_tunables
from tests.finance.build import message
from tests.fixtures.people import make_user
from tests.payments.build import Crash

BUYER, STRANGER, SELLER = 100001, 100003, 100002
START = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)
HUAWEI = "914403001922038216"
PERSONAL = Title("personal", "陈𬭎𫗧", None, None)
MAILED = Title("personal", "陈𬭎𫗧", None, "buyer@example.com")
COMPANY = Title("company", "华为技术有限公司", HUAWEI, None)


class MortalInvoicing(NullInvoicing):
    """A provider in whose calls our process dies: `dies` is `before issue`, `after issue`, `after ask`, …; it dies once."""

    dies: str | None = None

    def _maybe_die(self, moment: str) -> None:
        if self.dies == moment:
            self.dies = None
            raise Crash(moment)

    def issue(self, document: Document) -> Said:
        self._maybe_die("before issue")
        said = super().issue(document)
        self._maybe_die("after issue")
        return said

    def ask(self, serial: str) -> Said | None:
        self._maybe_die("before ask")
        said = super().ask(serial)
        self._maybe_die("after ask")
        return said

    def fetch(self, serial: str) -> bytes | None:
        self._maybe_die("before fetch")
        return super().fetch(serial)


def sketch(document: Document, invoice: Invoice) -> bytes:
    """A page that takes no time to draw: what counts is where it ends up."""
    return f"%PDF- {invoice.invoice_no} {document.amount}".encode()


@dataclass
class Counter:
    """Buyers, their orders and invoices, on a clock that stands still until told to go on."""

    sql: Callable[..., list[tuple[Any, ...]]]
    acting: Callable[[], AbstractContextManager[Any]] = nullcontext
    provider: MortalInvoicing = field(default_factory=MortalInvoicing)
    draw: invoicing.Draw = sketch
    at: datetime = START

    def __post_init__(self) -> None:
        for uid, name in ((BUYER, "buyer"), (SELLER, "seller"), (STRANGER, "stranger")):
            if not self.sql("SELECT 1 FROM identity.users WHERE uid = %s", (uid,)):
                make_user(self.sql, uid, name)
        self._refunds = iter(range(1, 10**6))

    @contextmanager
    def time(self) -> Iterator[None]:
        """Run at the counter's time with finance's rights."""
        with clock.frozen(self.at), self.acting():
            yield

    def uses(self, provider: str) -> None:
        """Choose who issues."""
        self.sql(
            "INSERT INTO admin.system_settings (key, value, updated_at) VALUES ('finance.invoice_provider', to_jsonb(%s::text), %s)",
            (provider, self.at),
        )
        forget_tunables()

    def order(self, amount: int, *, buyer: int = BUYER, paid: bool = True, title: str = "复利的秘密") -> str:
        """An order, paid unless told otherwise."""
        order_no = new_order_no()
        self.sql(
            "SELECT commerce.open_order('content', 'content', 1, %s, %s, %s, %s, 0, 'CNY', '[]', %s, %s, %s)",
            (buyer, SELLER, title, amount, order_no, self.at, self.at + timedelta(minutes=30)),
        )
        if paid:
            self.sql(
                """
                UPDATE payments.payment_orders SET status = 'paid', paid_at = %s, channel = 'alipay', payment_no = order_no
                WHERE order_no = %s
                """,
                (self.at, order_no),
            )
        return order_no

    def refunded(self, order_no: str, amount: int) -> RefundSucceeded:
        """Payments gives money back; the fact is not heard yet."""
        [(total, payable)] = self.sql(
            """
            UPDATE payments.payment_orders SET refunded_amount = refunded_amount + %s,
                status = CASE WHEN refunded_amount + %s = payable_amount THEN 'refunded' ELSE 'partially_refunded' END
            WHERE order_no = %s RETURNING refunded_amount, payable_amount
            """,
            (amount, amount, order_no),
        )
        return RefundSucceeded(
            event_id=new_ulid(),
            occurred_at=self.at,
            refund_id=next(self._refunds),
            order_no=order_no,
            kind="content",
            target_id=1,
            buyer_id=BUYER,
            seller_id=SELLER,
            amount=amount,
            refunded_total=total,
            order_amount=payable,
            full=total == payable,
            currency="CNY",
            channel="alipay",
            refunded_at=self.at,
        )

    def hear(self, fact: RefundSucceeded) -> None:
        """Deliver a refund, under an id of its own each time."""
        fact = fact.model_copy(update={"event_id": new_ulid()})
        with self.time():
            assert redden_invoices.handler(message(fact), None) == {"batchItemFailures": []}

    def refund(self, order_no: str, amount: int) -> None:
        """Give back and be heard."""
        self.hear(self.refunded(order_no, amount))

    def ask(self, *order_nos: str, title: Title = PERSONAL, buyer: int = BUYER) -> int:
        """Ask for an invoice, as the route does."""
        with self.time(), unit_of_work() as db:
            return invoice_requests.generate(db, buyer, order_nos, title)[0].invoice_id

    def work(self, invoice_id: int) -> None:
        """The queue delivers."""
        with self.time():
            invoicing.work(invoice_id, lambda: self.provider, self.draw)

    def issue(self, *order_nos: str, **told: Any) -> int:
        """Ask, and let it be worked on."""
        invoice_id = self.ask(*order_nos, **told)
        self.work(invoice_id)
        return invoice_id

    def settle_down(self) -> None:
        """Let time pass with the sweeper running, until nothing is due any more."""
        for _ in range(12):
            if not self.sql("SELECT 1 FROM finance.invoices WHERE status = 'issuing'"):
                return
            self.at += timedelta(minutes=20)
            with self.time():
                invoicing.sweep()
            while (body := self._queued()) is not None:
                self.work(body)

    def _queued(self) -> int | None:
        url = os.environ["QUEUE_INVOICE_JOBS"]
        got = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages", [])
        if not got:
            return None
        aws.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"])
        return int(json.loads(got[0]["Body"])["invoice_id"])

    def row(self, invoice_id: int) -> dict[str, Any]:
        """The columns that tests look at."""
        names = "kind, invoice_no, amount, tax_amount, status, reddened, s3_key, sha256, job_id, failure"
        [row] = self.sql(f"SELECT {names} FROM finance.invoices WHERE invoice_id = %s", (invoice_id,))
        return dict(zip(names.split(", "), row, strict=True))

    def reds(self, invoice_id: int) -> list[tuple[int, int, str]]:
        """Amount, tax and state of the red invoices of an invoice."""
        return self.sql(
            "SELECT amount, tax_amount, status FROM finance.invoices WHERE original_id = %s ORDER BY invoice_id",
            (invoice_id,),
        )

    def books_hold(self) -> None:
        """Every check of the books passes."""
        with self.time():
            off = [check for check in verify(house_connection.current()) if check.off]
        assert not off, off

    def numbers(self) -> list[str]:
        """Every number given, in order."""
        return [row[0] for row in self.sql("SELECT invoice_no FROM finance.invoices WHERE invoice_no > '' ORDER BY 1")]

    def file(self, invoice_id: int) -> bytes:
        """What lies in S3."""
        key = self.row(invoice_id)["s3_key"]
        data: bytes = aws.client("s3").get_object(Bucket="sharestack-test-documents", Key=key)["Body"].read()
        return data
