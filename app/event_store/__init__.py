"""How events are kept, read, copied and backed up. Imports ``app.privacy`` and the aggregates."""
