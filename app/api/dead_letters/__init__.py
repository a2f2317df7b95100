"""Messages that could not be applied: listed, replayed, discarded."""
