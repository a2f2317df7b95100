"""Commands for development only: the demo, the sandbox ledger, tokens."""
