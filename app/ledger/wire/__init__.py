"""Code generated from proto/accounting_ledger.proto by `make proto`: not written by hand."""
