"""Choices that hypothesis draws all at once, as bytes.

Drawn one by one they take milliseconds an entry; as bytes they take microseconds, and shrink as well: a zero
chooses the first of everything, which is the plainest.
"""

import json
import struct
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_SURROGATES = range(0xD800, 0xE000)


class Tape:
    """Bytes to choose by, used up one after the other; after the last one, zeros follow."""

    def __init__(self, drawn: bytes) -> None:
        self._drawn = drawn
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next bytes, as they are."""
        taken = self._drawn[self._at : self._at + count]
        self._at += count
        return taken.ljust(count, b"\0")

    def below(self, bound: int) -> int:
        """A number from 0 on, below the bound."""
        return int.from_bytes(self.take(1 if bound <= 64 else 3)) % bound

    def one_in(self, count: int) -> bool:
        """Yes once in so many times."""
        return self.below(count) == count - 1

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.below(len(options))]

    def binary(self) -> bytes:
        """Up to seven bytes, rarely UTF-8."""
        return self.take(self.below(8))

    def text(self) -> str:
        """Up to seven characters: of ASCII, of Latin-1, or of all of Unicode; control characters too."""
        length = self.below(8)
        match self.below(4):
            case 0 | 1:
                return bytes(each % 128 for each in self.take(length)).decode()
            case 2:
                return self.take(length).decode("latin-1")
        points = (int.from_bytes(self.take(3)) % 0x110000 for _ in range(length))
        return "".join("?" if point in _SURROGATES else chr(point) for point in points)

    def number(self) -> str:
        """A number of JSON, or one of the three that JSON does not know."""
        match self.below(3):
            case 0:
                return str(self.below(10))
            case 1:
                return str(int.from_bytes(self.take(9), signed=True))
        return json.dumps(struct.unpack("d", self.take(8))[0])
