"""Numbers as an operator reads them."""


def span(seconds: float) -> str:
    """A length of time in the one unit that says most: ``0.3 s``, ``42 s``, ``4 min``, ``3 h``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 2 * 3_600:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3_600:
        return f"{seconds / 3_600:.0f} h"
    return f"{seconds / 86_400:.0f} days"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number and its noun: ``1 entry``, ``2,000 entries``; ``many`` is the plural where it is no -s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
