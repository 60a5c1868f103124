"""The Null twin: a vendor of agreements in memory that keeps the promises of `base`, and a subscriber's side to play with."""

import json
from dataclasses import dataclass
from datetime import datetime

from functions.subscriptions.agreements import AgreementChannel, Said
from functions.subscriptions.gateways.base import (
    AgreementNotice,
    Announced,
    Ended,
    InForce,
    NoAnswer,
    NotAnnounced,
    NotBelievedError,
    NotInForce,
    Terms,
)
from shared import clock
from shared.ids import new_ulid


@dataclass
class Kept:
    """What the twin remembers of one agreement that is in force."""

    agreement_no: str
    signed_at: datetime


class NullAgreementGateway:
    """Answers like a vendor without one. `down` makes every call end in NoAnswer, undone; `deaf` refuses what
    is announced.
    """

    acknowledgement = "success"
    media_type = "text/plain"

    def __init__(self, channel: AgreementChannel = "alipay") -> None:
        self.channel: AgreementChannel = channel
        self.kept: dict[str, Kept] = {}
        self.down = self.deaf = False
        self.announced: list[tuple[str, int]] = []
        self.calls: list[str] = []

    def sign_url(self, terms: Terms) -> str:
        """An address that tells the terms."""
        return f"null://{self.channel}/sign/{terms.external_no}?at={int(terms.at.timestamp())}"

    def query(self, external_no: str) -> InForce | NotInForce | NoAnswer:
        """Whether somebody agreed, and did not end it."""
        self.calls.append("query")
        if self.down:
            return NoAnswer("down")
        found = self.kept.get(external_no)
        return NotInForce() if found is None else InForce(found.agreement_no, found.signed_at)

    def unsign(self, external_no: str, agreement_no: str | None) -> Ended | NoAnswer:
        """End it; an unknown number, or another one of the vendor's, has ended already."""
        self.calls.append("unsign")
        if self.down:
            return NoAnswer("down")
        found = self.kept.get(external_no)
        if found is not None and agreement_no in {None, found.agreement_no}:
            del self.kept[external_no]
        return Ended()

    def announce(self, agreement_no: str, amount: int) -> Announced | NotAnnounced | NoAnswer:
        """Keep what is announced."""
        self.calls.append("announce")
        if self.down:
            return NoAnswer("down")
        if self.deaf:
            return NotAnnounced("deaf")
        self.announced.append((agreement_no, amount))
        return Announced()

    def verify(self, body: bytes) -> AgreementNotice:
        """Believe what `agree` and `end` made. Raises NotBelievedError for anything else."""
        try:
            told = json.loads(body)
            return AgreementNotice(told["external_no"], told["agreement_no"], told["said"], clock.now())
        except (ValueError, KeyError, TypeError) as error:
            raise NotBelievedError("malformed") from error

    def agree(self, external_no: str) -> bytes:
        """The subscriber agrees, under a new number of the vendor's; the notice of it."""
        self.kept[external_no] = Kept(new_ulid(), clock.now())
        return self._notice(external_no, self.kept[external_no].agreement_no, "signed")

    def end(self, external_no: str) -> bytes:
        """The subscriber ends it at the vendor; the notice of it."""
        return self._notice(external_no, self.kept.pop(external_no).agreement_no, "ended")

    @staticmethod
    def _notice(external_no: str, agreement_no: str, said: Said) -> bytes:
        told = {"external_no": external_no, "agreement_no": agreement_no, "said": said, "id": new_ulid()}
        return json.dumps(told).encode()
