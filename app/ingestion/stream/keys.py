"""The hashes beside a stream in Redis, by the names that they have there."""


def unknown_types_key(stream: str) -> str:
    """Counts entries of types that we do not consume, by type."""
    return f"{stream}:unknown-types"


def unknown_types_first_seen_key(stream: str) -> str:
    """When each type that we do not consume was seen first: Unix time in ms, as text."""
    return f"{stream}:unknown-types:first-seen"


def unknown_types_last_seen_key(stream: str) -> str:
    """When each type that we do not consume was seen last: Unix time in ms, as text."""
    return f"{stream}:unknown-types:last-seen"


def dropped_values_key(stream: str) -> str:
    """Counts words that were unknown, by type and field."""
    return f"{stream}:dropped-values"


def failures_key(stream: str) -> str:
    """Counts how often an entry failed on its own, by entry id."""
    return f"{stream}:failures"


def set_aside_key(stream: str, dead_letter_stream: str) -> str:
    """The set of all entries of a stream that ever became dead letters, by entry id."""
    return f"{dead_letter_stream}:entries-of:{stream}"
