"""The platform of fully digital invoices (数电发票) behind the vocabulary of invoicing.

Every request is signed over its method, path, time, nonce and body; every answer over the nonce it answers and its body,
so that no answer to another question, and nobody else's, is believed. What is not signed is nobody's word: unknown.
"""

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from functions.finance.gateways.invoicing import Said
from functions.finance.invoice import Document
from shared import aws, clock
from shared.money import Money

_TIMEOUT_SECONDS = 15.0
_PATH = "/v1/invoices"
_BUSY = frozenset({"BUSY", "MAINTENANCE"})
_REFUSED = frozenset({"REJECTED", "TITLE_INVALID", "TAX_NO_INVALID", "ORIGINAL_UNKNOWN", "QUOTA_EXCEEDED"})


@dataclass(frozen=True)
class EinvoiceConfig:
    """The content of the secret `einvoice`."""

    gateway_url: str
    app_id: str
    app_secret: str = field(repr=False)

    @classmethod
    def from_secret(cls, text: str) -> "EinvoiceConfig":
        """Read the secret's JSON object. Raises ValueError, which names what is missing, not its value."""
        told = json.loads(text)
        missing = [name for name in ("gateway_url", "app_id", "app_secret") if not told.get(name)]
        if missing:
            message = f"the einvoice secret lacks {', '.join(missing)}"
            raise ValueError(message)
        return cls(told["gateway_url"], told["app_id"], told["app_secret"])


class Einvoice:
    """One provider, for one seller."""

    def __init__(self, config: EinvoiceConfig, timeout_seconds: float = _TIMEOUT_SECONDS) -> None:
        self._config, self._timeout = config, timeout_seconds

    @classmethod
    def from_environment(cls) -> "Einvoice":
        """By the secret `einvoice`. Raises ValueError when that is not filled in."""
        secret = aws.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_EINVOICE"])["SecretString"]
        return cls(EinvoiceConfig.from_secret(secret))

    def issue(self, document: Document) -> Said:
        """A refusal speaks of this call only, so the query has the last word on the serial."""
        body = json.dumps(_told(document), ensure_ascii=False, sort_keys=True)
        answer = self._answer("POST", _PATH, body)
        if answer is None:
            return Said("open", sentence="no signed answer")
        code = str(answer.get("code"))
        if code == "OK":
            return _said(answer["data"])
        known = self.ask(document.serial)
        if known is not None:
            return known
        if code in _BUSY or code in _REFUSED:
            return Said("busy" if code in _BUSY else "refused", sentence=f"{code} {answer.get('message', '')}".strip())
        return Said("open", sentence=code)

    def ask(self, serial: str) -> Said | None:
        """By our own serial."""
        answer = self._answer("GET", f"{_PATH}/{serial}", "")
        if answer is None:
            return Said("open", sentence="no signed answer")
        if answer.get("code") == "SERIAL_UNKNOWN":
            return None
        return _said(answer["data"]) if answer.get("code") == "OK" else Said("open", sentence=str(answer.get("code")))

    def fetch(self, serial: str) -> bytes | None:
        """The PDF, as the provider made it."""
        data = self._call("GET", f"{_PATH}/{serial}/file", "")
        return data if data is not None and data.startswith(b"%PDF-") else None

    def _answer(self, method: str, path: str, body: str) -> dict[str, Any] | None:
        data = self._call(method, path, body)
        try:
            answer = None if data is None else json.loads(data)
        except ValueError:
            return None
        return answer if isinstance(answer, dict) else None

    def _call(self, method: str, path: str, body: str) -> bytes | None:
        """The body of a signed answer, whatever its status; None when there is none to believe."""
        import httpx  # 60 ms that a function pays only when it calls

        at, nonce = str(int(clock.now().timestamp())), secrets.token_hex(16)
        digest = hashlib.sha256(body.encode()).hexdigest()
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-App-Id": self._config.app_id,
            "X-Timestamp": at,
            "X-Nonce": nonce,
            "X-Signature": self._signature(method, path, at, nonce, digest),
        }
        try:
            with httpx.Client(timeout=httpx.Timeout(self._timeout, connect=3.0), trust_env=False) as http:
                answer = http.request(method, f"{self._config.gateway_url}{path}", content=body, headers=headers)
        except httpx.HTTPError:
            return None
        expected = self._signature(nonce, hashlib.sha256(answer.content).hexdigest())
        return answer.content if hmac.compare_digest(answer.headers.get("X-Signature", ""), expected) else None

    def _signature(self, *parts: str) -> str:
        return hmac.new(self._config.app_secret.encode(), "\n".join(parts).encode(), hashlib.sha256).hexdigest()


def _told(document: Document) -> dict[str, Any]:
    return {
        "serial": document.serial,
        "kind": document.kind,
        "original_no": document.original_no,
        "buyer": {"type": document.title_type, "name": document.title, "tax_no": document.tax_no},
        "seller": {"name": document.seller["name"], "tax_no": document.seller["tax_no"]},
        "amount": Money(document.amount).to_yuan(),
        "tax": Money(document.tax_amount).to_yuan(),
        "lines": [
            {
                "name": line.item.title,
                "net": Money(line.net).to_yuan(),
                "tax": Money(line.tax).to_yuan(),
                "tax_rate_bp": document.tax_rate_bp,
            }
            for line in document.lines
        ],
    }


def _said(data: dict[str, Any]) -> Said:
    status = data.get("status")
    if status == "issued":
        return Said("issued", invoice_no=data["invoice_no"], issued_at=datetime.fromisoformat(data["issued_at"]))
    return Said("refused" if status == "failed" else "open", sentence=str(data.get("reason", "")))
