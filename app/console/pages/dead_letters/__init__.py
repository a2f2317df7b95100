"""Dead letters: list, entry, replay and discard."""
