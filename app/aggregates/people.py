"""Whether two ids name one person: where two people are needed, one may not do for both."""

import unicodedata


def same_person(one: str, other: str) -> bool:
    """Case, spaces, and ways to write one letter do not make another person; nor does what cannot be seen.

    Publishers and token issuers differ in these. Letters of other alphabets that look alike do: whoever
    issues tokens has to keep those apart.
    """
    return _plain(one) == _plain(other)


def _plain(person: str) -> str:
    text = unicodedata.normalize("NFKC", person).casefold()
    seen = "".join(each for each in text if unicodedata.category(each) not in ("Cf", "Cc", "Mn"))
    return unicodedata.normalize("NFKC", "".join(seen.split()))
