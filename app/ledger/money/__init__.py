"""Money movements: the intent is stored, the ledger is asked, the outcome is stored."""
