"""The platform of 数电发票, played: what it remembers and decides, behind the API and the controls. Amounts in fen."""

import json
import re
import sqlite3
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from infra.local.sandbox.alipay.wire import yuan
from infra.local.sandbox.einvoice.keys import Keys
from infra.local.sandbox.journal import Journal
from infra.local.sandbox.settings import SandboxSettings
from infra.local.sandbox.shelf import Shelf
from infra.local.sandbox.switches import Switches
from shared import clock

_YUAN = re.compile(r"-?\d{1,12}(\.\d{1,2})?")


class Issued(BaseModel):
    """An invoice that was asked for. `asked` counts the queries: one that is late is issued by the second."""

    serial: str
    request: str
    kind: Literal["blue", "red"]
    amount: int
    title: str
    invoice_no: str
    original_no: str | None
    fate: Literal["issued", "failed"]
    made_at: datetime
    known_at: datetime | None
    late: bool
    asked: int = 0

    @property
    def status(self) -> Literal["issuing", "issued", "failed"]:
        """As it is told now."""
        if not self.late:
            return self.fate
        known = self.asked > 1 if self.known_at is None else clock.now() >= self.known_at
        return self.fate if known else "issuing"


class Behaviour(BaseModel):
    """How it behaves. `delay_seconds` is the wait of `late`, on the product's clock."""

    model_config = ConfigDict(extra="forbid")

    gateway: Literal["up", "down", "unknown_once", "wrong_signature"] = "up"
    issue: Literal["issued", "late", "busy", "refuse", "fail_later", "duplicate_once"] = "issued"
    delay_seconds: float | None = Field(default=None, ge=0)


class DeclinedError(Exception):
    """What it refuses, with its HTTP status and its code."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(code)
        self.status, self.code, self.sentence = status, code, sentence


class Einvoice:
    """One provider with one taxpayer."""

    def __init__(self, settings: SandboxSettings, database: sqlite3.Connection, journal: Journal) -> None:
        self.keys = Keys(settings.state)
        self.journal = journal
        self.switches = Switches(Behaviour)
        self.invoices = Shelf(database, "einvoice.invoices", Issued)

    def issue(self, told: dict[str, Any]) -> Issued:
        """Issue once for each serial; the same serial with other content is refused. Raises DeclinedError."""
        serial, request = str(told.get("serial", "")), json.dumps(told, sort_keys=True)
        known = self.invoices.get(serial)
        if known is not None:
            if known.request != request:
                raise DeclinedError(409, "SERIAL_CONFLICT", "流水号重复但内容不一致")
            return known
        behaviour = self.switches.of(serial)
        if behaviour.issue == "busy":
            raise DeclinedError(429, "BUSY", "系统繁忙")
        if behaviour.issue == "refuse":
            raise DeclinedError(400, "REJECTED", "开票信息有误")
        made = self._checked(serial, request, told, behaviour)
        self.invoices.keep(serial, made)
        if behaviour.issue == "duplicate_once":
            self.switches.spend("issue", serial)
            raise DeclinedError(409, "SERIAL_DUPLICATE", "流水号重复")
        return made

    def query(self, serial: str) -> Issued:
        """By the taxpayer's serial. Raises DeclinedError when it never came."""
        known = self.invoices.get(serial)
        if known is None:
            raise DeclinedError(404, "SERIAL_UNKNOWN", "流水号不存在")
        known.asked += 1
        self.invoices.keep(serial, known)
        return known

    def file(self, serial: str) -> bytes:
        """A page that says the number. Raises DeclinedError."""
        known = self.invoices.get(serial)
        if known is None or known.status != "issued":
            raise DeclinedError(404, "FILE_NOT_READY", "版式文件未生成")
        return _page(f"{known.invoice_no} {known.kind} {yuan(known.amount)}")

    def forget(self) -> None:
        """Start over with the same keys."""
        self.invoices.clear()
        self.journal.clear()
        self.switches.change({"reset": True})

    def _checked(self, serial: str, request: str, told: dict[str, Any], behaviour: Behaviour) -> Issued:
        amount, tax, original_no = _signed(told.get("amount")), _signed(told.get("tax")), told.get("original_no")
        lines = told.get("lines") or []
        if sum(_signed(line["net"]) + _signed(line["tax"]) for line in lines) != amount or not serial:
            raise DeclinedError(400, "REJECTED", "价税合计与明细不一致")
        if sum(_signed(line["tax"]) for line in lines) != tax:
            raise DeclinedError(400, "REJECTED", "税额与明细不一致")
        if (told["kind"] == "red") != (amount < 0):
            raise DeclinedError(400, "REJECTED", "红字发票金额须为负数")
        if told["kind"] == "red":
            self._may_redden(str(original_no), amount)
        late = behaviour.issue in {"late", "fail_later"}
        delay = behaviour.delay_seconds
        return Issued(
            serial=serial,
            request=request,
            kind=told["kind"],
            amount=amount,
            title=told["buyer"]["name"],
            invoice_no=f"26{len(list(self.invoices)) + 1:018d}",
            original_no=original_no,
            fate="failed" if behaviour.issue == "fail_later" else "issued",
            made_at=clock.now(),
            known_at=clock.now() + timedelta(seconds=delay) if late and delay is not None else None,
            late=late,
        )

    def _may_redden(self, original_no: str, amount: int) -> None:
        original = next((one for one in self.invoices if one.invoice_no == original_no and one.kind == "blue"), None)
        taken = sum(one.amount for one in self.invoices if one.original_no == original_no and one.fate == "issued")
        if original is None or original.amount + taken + amount < 0:
            raise DeclinedError(400, "ORIGINAL_UNKNOWN", "对应蓝字发票不存在或可红冲金额不足")


def _signed(text: object) -> int:
    """Read yuan with at most two decimals, below zero too. Raises DeclinedError."""
    if not _YUAN.fullmatch(str(text)):
        raise DeclinedError(400, "REJECTED", "金额不合法")
    return int(Decimal(str(text)) * 100)


def _page(text: str) -> bytes:
    """The smallest PDF that shows a line of Latin text."""
    content = f"BT /F1 12 Tf 72 760 Td ({text}) Tj ET".encode("latin-1")
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start = len(out)
    return (
        out + b"xref\n0 6\n0000000000 65535 f \n" + table + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % start
    )
