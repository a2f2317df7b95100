"""Takes entries from the inbox stream, applies them in batches, acknowledges them. May import messages."""
