"""Pure: bills, their attempts, and the ledger entries that follow."""
