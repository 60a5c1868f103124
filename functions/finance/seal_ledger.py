"""Every minute: seal the entries that can gain no neighbours any more, and add them up."""

from functions.finance.service import proof
from shared.schedule import scheduled

handler = scheduled(proof.seal, "finance.seal_ledger")
