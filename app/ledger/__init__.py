"""The Accounting Ledger: its wire, our client, money movements, a sandbox. Imports event store and below."""
