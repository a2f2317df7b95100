"""Comma-separated settings."""


def parts(given: object) -> object:
    """The parts of a comma-separated text or a list, as a tuple; anything else unchanged."""
    found = [each.strip() for each in given.split(",")] if isinstance(given, str) else given
    return tuple(each for each in found if each) if isinstance(found, list | tuple) else given
