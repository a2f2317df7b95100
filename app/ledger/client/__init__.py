"""Our client of the Accounting Ledger: deadlines, typed results, errors by name. Imports the wire."""
