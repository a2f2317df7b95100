"""Billie Servicing: the event-sourced servicing backend of a small-amount lender."""

__version__ = "0.1.0"
