"""Whether two ids name two people: where two are needed, one may not do for both, and a machine for none."""

import unicodedata

MACHINE = "machine:"
"""What the id of a machine begins with, wherever it is stored or shown. No person's id does."""


def machine_id(name: str) -> str:
    """The id of a machine that its tokens name so."""
    return f"{MACHINE}{name}"


def is_machine(one: str) -> bool:
    """Whether an id is a machine's, in any spelling."""
    return _plain(one).startswith(MACHINE)


def same_person(one: str, other: str) -> bool:
    """Case, spaces, and ways to write one letter do not make another person; nor does what cannot be seen.

    Publishers and token issuers differ in these. Letters of other alphabets that look alike do: whoever
    issues tokens has to keep those apart.
    """
    return _plain(one) == _plain(other)


def are_two_people(one: str, other: str) -> bool:
    """Whether these count as two people. A machine counts as none."""
    return not (is_machine(one) or is_machine(other) or same_person(one, other))


def _plain(person: str) -> str:
    text = unicodedata.normalize("NFKC", person).casefold()
    seen = "".join(each for each in text if unicodedata.category(each) not in ("Cf", "Cc", "Mn"))
    return unicodedata.normalize("NFKC", "".join(seen.split()))
