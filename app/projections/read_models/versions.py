"""The read models by name, for code that needs no document: their handlers and models load slowly."""

VERSIONS = {
    "customers": 1,
    "loan-accounts": 1,
    "conversations": 1,
    "contact-notes": 1,
    "write-off-requests": 1,
    "ledger-commands": 1,
    "portfolio-daily": 1,
    "customer-timeline": 1,
}
"""Each read model, which has its collection's name, and the version of its documents."""
