"""The null twin: a provider of invoices in memory, with the one promise every real one makes: a serial issues once. For tests."""

from collections.abc import Sequence
from typing import Literal

from functions.finance.gateways.invoicing import Said
from functions.finance.invoice import Document
from shared import clock

Fate = Literal["issued", "late", "lost", "unknown", "busy", "refused"]


class NullInvoicing:
    """Treats each call of `issue` by the next of `fates`, the last one for ever.

    `lost`: the call never arrives. `unknown`: it arrives and the answer does not. `late`: issued when asked for.
    """

    def __init__(self, fates: Sequence[Fate] = ("issued",)) -> None:
        self._fates = list(fates)
        self.issued: dict[str, tuple[Document, Said]] = {}
        self.calls: list[str] = []

    def issue(self, document: Document) -> Said:
        """Decide once for each serial."""
        self.calls.append(document.serial)
        if document.serial in self.issued:
            return self.issued[document.serial][1]
        fate = self._fates.pop(0) if len(self._fates) > 1 else self._fates[0]
        if fate == "lost":
            return Said("open")
        if fate in {"busy", "refused"}:
            return Said("busy" if fate == "busy" else "refused", sentence=fate)
        said = Said("issued", f"26{len(self.issued) + 1:018d}", clock.now())
        self.issued[document.serial] = (document, said)
        return said if fate == "issued" else Said("open")

    def ask(self, serial: str) -> Said | None:
        """What was decided."""
        known = self.issued.get(serial)
        return None if known is None else known[1]

    def fetch(self, serial: str) -> bytes | None:
        """Something that begins as a PDF does."""
        return b"%PDF-1.4 " + serial.encode() if serial in self.issued else None
