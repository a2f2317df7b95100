"""Names that publishers chose, as we log and show them."""

_LONGEST = 200


def printable(name: str) -> str:
    """The name, cut off after 200 characters; what cannot be seen, a line feed say, as its escape.

    A name may hold anything, and must not forge a line of a log or drive an operator's terminal.
    """
    if len(name) <= _LONGEST and name.isprintable():
        return name
    seen = (
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in name[:_LONGEST]
    )
    return "".join(seen)[:_LONGEST]
