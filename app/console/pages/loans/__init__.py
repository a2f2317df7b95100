"""Loan accounts: the card of a loan, its balance and its transactions."""
