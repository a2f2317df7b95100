"""The Accounting Ledger: its wire (``wire``), our client of it, and a sandbox of it for demo and tests."""
