"""What the books give: an invoice, a month's statement as a file, the platform's report, and the postings behind a figure."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx

from infra.local.playing import House, Person, yuan

if TYPE_CHECKING:
    from infra.local.journey import Journey

# A month closes an hour after its end.
_CLOSED_AFTER = timedelta(hours=1)
# The ledger is sealed every minute.
_SEALED_WITHIN_SECONDS = 150.0


class Books:
    """Plays after the money journey, with its people."""

    def __init__(self, journey: "Journey") -> None:
        self.journey = journey
        self.house: House = journey.house

    @property
    def creator(self) -> Person:
        """Who earned."""
        return self.journey.people["creator"]

    @property
    def reader(self) -> Person:
        """Who paid."""
        return self.journey.people["reader"]

    def play(self) -> None:
        """The whole chapter."""
        self.arrive()
        order_no = self.invoice()
        self.statement()
        self.behind(order_no)

    def arrive(self) -> None:
        """Tokens live 15 minutes, and the clock may have moved since."""
        self.journey.relogin(self.creator)
        self.journey.relogin(self.reader)
        self.journey.staff.clear()

    def done(self, person: Person, job: dict[str, Any]) -> dict[str, Any]:
        """Wait for a job; its result."""

        def finished() -> Any:
            told = person.get(f"/jobs/{job['job_id']}")
            return told if told["status"] in {"succeeded", "failed"} else None

        told: dict[str, Any] = self.house.until(f"the job {job['kind']}", finished)
        self.house.check(f"the job {job['kind']} succeeded", holds=told["status"] == "succeeded")
        result: dict[str, Any] = told["result"]
        return result

    def pdf(self, link: dict[str, Any]) -> None:
        """Follow a short-lived link."""
        page = httpx.get(link["url"], timeout=30, trust_env=False).raise_for_status().content
        self.house.check(f"the link leads to a PDF of {len(page)} bytes", holds=page.startswith(b"%PDF-"))

    def invoice(self) -> str:
        """The reader wants an invoice of what was paid first; of the same order there is no second."""
        self.house.title("An invoice")
        paid = self.reader.get("/payments/orders", status="paid", sort_order="asc")["items"][0]
        wish = {
            "order_nos": [paid["order_no"]],
            "title_type": "company",
            "title": "星火科技有限公司",
            "tax_no": "91350100M000100Y43",
        }
        job = self.reader.post("/invoices/generate", wish)
        invoice_id = self.done(self.reader, job)["invoice_id"]
        issued = next(one for one in self.reader.get("/invoices/list")["items"] if one["invoice_id"] == invoice_id)
        self.house.check(
            f"invoice {issued['invoice_no']} over {yuan(issued['amount'])}, tax {yuan(issued['tax_amount'])} in it, is issued",
            holds=(issued["status"], issued["amount"]) == ("issued", paid["payable_amount"]),
        )
        self.pdf(self.reader.get(f"/invoices/download/{invoice_id}"))
        again = self.reader.call("POST", "/invoices/generate", wish)
        self.house.check("an order is invoiced once", holds=again.status_code == httpx.codes.CONFLICT)
        return str(paid["order_no"])

    def statement(self) -> None:
        """The month that is over, as it will always be."""
        self.house.title("A statement")
        now = datetime.fromisoformat(self.house.local("GET", "/clock")["now"])
        begun = now.astimezone(ZoneInfo("Asia/Shanghai")).replace(day=1, hour=0, minute=0, second=0)
        if now - begun < _CLOSED_AFTER:
            self.house.move_clock("1h")
        month = f"{begun - timedelta(days=1):%Y-%m}"
        given = self.creator.get("/finance/statements", month=month)
        statement_id = self.done(
            self.creator, self.creator.post("/finance/statements/export", {"month": month, "format": "pdf"})
        )["statement_id"]
        self.pdf(self.creator.get(f"/finance/statements/download/{statement_id}", format="pdf"))
        told = given["opening_balance"] + sum(line["amount"] for line in given["lines"])
        self.house.check(
            f"{month} closed at {yuan(given['closing_balance'])}, the sum of its {len(given['lines'])} lines",
            holds=told == given["closing_balance"],
        )

    def behind(self, order_no: str) -> None:
        """The finance desk asks where a figure comes from: the postings, and the sealed block that proves them."""
        self.house.title("Behind a figure")
        desk = self.journey.operator("finance")

        def sealed() -> Any:
            entries = desk.get("/admin/finance/ledger/trace", kind="order", id=order_no)["entries"]
            return entries if entries and all(entry["seal"] for entry in entries) else None

        entries = self.house.until("the ledger's seal", sealed, patience=_SEALED_WITHIN_SECONDS)
        for entry in entries:
            for line in entry["lines"]:
                self.house.say(f"{entry['reference'][:40]:<40}  {line['account']:<28}{yuan(line['amount']):>14}")
        self.house.check(
            f"each of the {len(entries)} entries of {order_no} sums to zero and stands in a sealed block",
            holds=all(sum(line["amount"] for line in entry["lines"]) == 0 for entry in entries),
        )
