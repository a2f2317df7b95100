"""Which documents change, as it happens."""
