"""Every five minutes: anchor the end of the ledger's chain in S3, and each day that ended, where nobody can undo it."""

from functions.finance.store.ledger_chain import BOOKS
from shared.schedule import scheduled

handler = scheduled(BOOKS.anchor, "finance.anchor_ledger")
