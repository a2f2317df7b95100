"""How events are kept, read, copied, backed up and erased. Imports ``app.privacy`` and the aggregates."""
