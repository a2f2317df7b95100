"""From stream entries to events: parsing, batches, dead letters. May import event_store and below."""
