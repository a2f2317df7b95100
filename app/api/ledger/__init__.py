"""What the ledger knows of an account, asked live."""
