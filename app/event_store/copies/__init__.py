"""Copies and backups of a whole event store, by plain SQL. Imports the rest of ``app.event_store``."""
