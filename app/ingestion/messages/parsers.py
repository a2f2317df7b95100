"""Message parsers of installed packages: each reads the payloads of the types that start with its prefix.

A package offers one as an entry point of the group ``billie.message_parsers``, named by the prefix. It gets
the type and the payload as received, and returns a payload with the contract's keys, which our models then
read. The message's identity is that of the payload as received.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from itertools import groupby
from typing import Any

from pydantic import ValidationError

from app.errors import ConfigurationError
from app.ingestion.messages.payload import parse_payload
from app.ingestion.messages.rejection import ParserFailedError, Reason, RejectedError, not_as_modelled
from app.ingestion.messages.writing import write_payload
from app.runtime.observability.logging import in_short, where

GROUP = "billie.message_parsers"

Parser = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


class ParserError(ConfigurationError):
    """An installed parser cannot be used. The text names its package and the reason."""


@dataclass(frozen=True)
class TypeParser:
    """A parser, the prefix of the types that it reads, and its package."""

    prefix: str
    owner: str
    parse: Parser

    def read(self, kind: str, received: Mapping[str, Any]) -> dict[str, Any]:
        """The parser's result, cleaned as every payload is. It may hold dates, times, Decimals and enums.

        Raises RejectedError if the parser raised ValueError, and ParserFailedError for any other error.
        """
        try:
            parsed = self.parse(kind, received)
        except ValueError as error:
            path = not_as_modelled(error).path if isinstance(error, ValidationError) else "payload"
            raise RejectedError(
                Reason.INVALID_VALUE, path, f"refused by the parser of {self.owner}"
            ) from error
        except Exception as error:
            raise ParserFailedError(f"the parser of {self.owner} raised {where(error)}") from error
        if not isinstance(parsed, Mapping):
            msg = f"the parser of {self.owner} returned a {type(parsed).__name__}, not a mapping"
            raise ParserFailedError(msg)
        try:
            text = write_payload(parsed)
        except ValueError as error:
            raise ParserFailedError(f"the parser of {self.owner} returned no payload: {error}") from error
        return parse_payload("payload", text.encode())


class Parsers:
    """The installed parsers. If several prefixes match a type, the longest wins."""

    def __init__(self, parsers: Iterable[TypeParser] = ()) -> None:
        self.installed = sorted(parsers, key=lambda parser: -len(parser.prefix))
        """The longest prefix first."""

    def of(self, kind: str) -> Callable[[str, Mapping[str, Any]], dict[str, Any]] | None:
        """The parser of a type's payloads; None if there is none."""
        return next((each.read for each in self.installed if kind.startswith(each.prefix)), None)


NO_PARSERS = Parsers()


def load_parsers(types: Collection[str]) -> Parsers:
    """Import the parsers of all installed packages, for the ``types`` that we consume.

    Raises ParserError where two packages claim one prefix, where one cannot be imported or is no
    function, and where none of the types begins with its prefix.
    """
    found = sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, _owner(entry)))
    parsers = []
    for prefix, claims in groupby(found, key=lambda entry: entry.name):
        entry, *others = claims
        if others:
            owners = " and ".join(_owner(each) for each in (entry, *others))
            raise ParserError(f"{owners} all claim to parse the messages {prefix}*: uninstall all but one")
        if not any(kind.startswith(prefix) for kind in types):
            msg = f"{_owner(entry)} claims to parse the messages {prefix}*, and there is no such type"
            raise ParserError(msg)
        parsers.append(TypeParser(prefix, _owner(entry), _loaded(entry)))
    return Parsers(parsers)


def _loaded(entry: EntryPoint) -> Parser:
    try:
        parser: Parser = entry.load()
    except Exception as error:
        msg = f"{_owner(entry)} cannot be imported as a parser of messages ({entry.value}): {in_short(error)}"
        raise ParserError(msg) from error
    if not callable(parser):
        raise ParserError(f"{_owner(entry)} offers a parser of messages that is no function ({entry.value})")
    return parser


def _owner(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
