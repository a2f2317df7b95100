"""The keys beside the inbox stream: what consumers count and remember there."""


def unknown_types_keys(stream: str) -> tuple[str, str, str]:
    """Hashes by a type that we do not consume: its count; when it was first, and last, seen (Unix ms)."""
    key = f"{stream}:unknown-types"
    return key, f"{key}:first-seen", f"{key}:last-seen"


def oddities_key(stream: str) -> str:
    """The hash that counts parts that could not be read, and times that were ahead, by type and path."""
    return f"{stream}:oddities"


def failures_key(stream: str) -> str:
    """The hash that counts how often an entry failed on its own, by entry id."""
    return f"{stream}:failures"


def set_aside_key(stream: str, dead_letter_stream: str) -> str:
    """The set of all entries of a stream that ever became dead letters, by entry id."""
    return f"{dead_letter_stream}:entries-of:{stream}"
