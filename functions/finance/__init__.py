"""Finance: the ledger behind every balance, creators' earnings, their settlement, and payouts."""
