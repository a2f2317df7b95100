"""Normalises texts, the same way for search keys and for queries.

Case, accents, punctuation and the format of phone numbers no longer matter afterwards. Each function is
idempotent and takes any text, including NUL and lone surrogates.
"""

import re
import unicodedata

LONGEST = 100
"""The maximum number of characters compared."""

_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
"""Letters that Unicode does not decompose, but that people write without their strokes."""
_APOSTROPHES = str.maketrans("", "", "'’‘ʼ`´")
_ROUNDS = 8
_UNDIVIDED = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL")
"""The beginnings of the names of these scripts' letters."""
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_PLUS = ("+", "\N{FULLWIDTH PLUS SIGN}")
_COUNTRY, _NATIONAL, _MOBILE_DIGITS = "61", "0", 9
_AREAS = frozenset("23478")
"""The digits that may follow the 0 of an Australian number."""


def fold(text: str) -> str:
    """Without case and accents: ``José`` and ``JOSE`` are ``jose``, ``Straße`` is ``strasse``."""
    if text.isascii():
        return text.lower()
    for _ in range(_ROUNDS):  # One fold may produce a character that another one changes.
        apart = unicodedata.normalize("NFKD", text.casefold())
        plain = "".join(each for each in apart if not unicodedata.combining(each)).translate(_LETTERS)
        folded = unicodedata.normalize("NFC", plain)  # A Korean syllable is one letter again.
        if folded == text:
            break
        text = folded
    return text


def words(text: str) -> list[str]:
    """The words of a text, folded: ``Mary-Anne O'Brien`` has ``mary``, ``anne``, ``obrien``."""
    folded = fold(text.translate(_APOSTROPHES))
    if folded.isascii():
        return _ASCII_WORD.findall(folded)
    return "".join(each if _is_of_word(each) else " " for each in folded).split()


def is_undivided(word: str) -> bool:
    """Whether it is in a script that writes names without blanks: Chinese, Japanese or Korean."""
    return all(unicodedata.name(each, "").startswith(_UNDIVIDED) for each in word)


def code(text: str) -> str:
    """An id or a number without separators: ``ACC-900 002`` is ``acc900002``."""
    return "".join(words(text))[:LONGEST]


def email(text: str) -> str:
    """An e-mail address, folded, without white space and unprintable characters."""
    folded = fold(text)
    if folded.isprintable() and " " not in folded and folded.isascii():
        return folded[:LONGEST]
    return "".join(each for each in folded if each.isprintable() and not each.isspace())[:LONGEST]


def phone(text: str) -> str:
    """A phone number's digits. Australian numbers start with 0 in any format; others with their country code.

    ``+61 412 345 678``, ``0061 (0)412 345 678``, ``61412345678``, ``0412-345-678`` and ``412345678`` are
    ``0412345678``; ``+64 21 123 456`` is ``6421123456``.
    """
    digits, is_international = _digits(text)
    if is_international and digits.startswith(_COUNTRY):
        return _in_australia(digits)
    if is_international or digits.startswith(_NATIONAL):
        return digits[:LONGEST]
    whole = len(_COUNTRY) + _MOBILE_DIGITS
    if digits.startswith(_COUNTRY) and (len(digits) == whole or digits.startswith(_COUNTRY + _NATIONAL)):
        return _in_australia(digits)
    if len(digits) == _MOBILE_DIGITS and digits[0] in _AREAS:
        return _NATIONAL + digits
    return digits[:LONGEST]


def phone_prefixes(text: str) -> list[str]:
    """What :func:`phone` may return for a number that starts with ``text``, likeliest first."""
    found = [phone(text)]
    digits, is_international = _digits(text)
    if not is_international and digits:
        if digits.startswith(_COUNTRY):
            found.append(_in_australia(digits))
        elif digits[0] in _AREAS:
            found.append((_NATIONAL + digits)[:LONGEST])
    return list(dict.fromkeys(each for each in found if each))


def _is_of_word(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def _digits(text: str) -> tuple[str, bool]:
    """The digits, in any script, without the international prefix, and whether there was one."""
    found = "".join(str(unicodedata.decimal(each)) for each in text if each.isdecimal())
    if next((each for each in text if each in _PLUS or each.isdecimal()), "") in _PLUS:
        return found, True
    for abroad in ("0011", "00"):
        if found.startswith(abroad):
            return found.removeprefix(abroad), True
    return found, False


def _in_australia(digits: str) -> str:
    return (_NATIONAL + digits.removeprefix(_COUNTRY).lstrip(_NATIONAL))[:LONGEST]
