"""The channel that sends nothing: a person does, and says so with FIN-007 `mark_paid`. USDT, until wallets sign transfers."""

from functions.finance.gateways.base import Payout, Said
from functions.finance.withdrawal import BY_HAND


class ByHand:
    """Every number stays open until a person closes it."""

    def send(self, payout: Payout) -> Said:  # noqa: ARG002 - nothing is sent
        """Nothing leaves: somebody has to be asked."""
        return Said("open", code=BY_HAND)

    def ask(self, transfer_no: str) -> Said:  # noqa: ARG002 - nobody but a person knows
        """Still open; never None, which would be an invitation to send."""
        return Said("open", code=BY_HAND)
