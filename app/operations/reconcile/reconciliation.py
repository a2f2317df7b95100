"""What is beyond the event store, and how it reads."""

from typing import Any

from pydantic import Field

from app.runtime.camel_model import CamelModel
from app.runtime.humanize import counted

_MOST_NAMED = 10


class Ahead(CamelModel):
    """A read model that came further than the store, or whose last event is another one there."""

    projection: str
    position: int
    documents: int
    """How many of its documents were written by events beyond the store."""


class OnlyShown(CamelModel):
    """A document of what staff asked for, of which the store lacks the events, or the last ones."""

    read_model: str
    id: str
    stored: str | None = None
    """Its status in the store, if that is another one."""
    ledger: str | None = None
    """Of a money command: what the ledger's books say."""
    document: dict[str, Any] = Field(exclude=True)

    def __str__(self) -> str:
        ledger = f"; the ledger: {self.ledger}" if self.ledger else ""
        if self.stored is None:
            return f"{self.read_model} {self.id} is in documents only{ledger}"
        status = self.document["status"]
        return f"{self.read_model} {self.id} is {status} in documents, and {self.stored} in the store{ledger}"


class StreamState(CamelModel):
    """The messages that the stream holds."""

    messages: int = 0
    unread: int = 0
    """How many were not read yet, or are being applied."""
    taken_and_lost: int = 0
    """How many were acknowledged, and have no event: they have to be read again."""
    unreadable: int = 0
    """How many were acknowledged, cannot be read here, and are no dead letters."""


class Reconciliation(CamelModel):
    """What is beyond the store."""

    newest_position: int
    ahead: list[Ahead]
    only_shown: list[OnlyShown]
    not_erased: list[str]
    """Customers whose documents are erased, and whose events can be read again."""
    stream: StreamState

    @property
    def has_other_documents(self) -> bool:
        """Whether there are documents of what the store lacks, so that they have to be rebuilt."""
        return bool(self.ahead or self.only_shown or self.not_erased)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return not (self.has_other_documents or self.stream.taken_and_lost or self.stream.unreadable)

    def lines(self) -> list[str]:
        """As text."""
        stream, more = self.stream, len(self.only_shown) - _MOST_NAMED
        lines = [f"The event store ends at position {self.newest_position:,}."]
        lines += [
            f"{each.projection} has come to position {each.position:,}, "
            f"{counted(each.documents, 'document')} beyond the store"
            for each in self.ahead
        ]
        lines.append(
            f"The stream holds {counted(stream.messages, 'message')}: {stream.unread:,} are yet to be read, "
            f"{stream.taken_and_lost:,} were acknowledged and are not in the store"
        )
        if stream.unreadable:
            unreadable = counted(stream.unreadable, "message")
            lines.append(f"{unreadable} cannot be read: is a package missing that parses them?")
        lines += [str(each) for each in self.only_shown[:_MOST_NAMED]]
        if more > 0:
            lines.append(f"… and {counted(more, 'other document')}: --save FILE has all")
        again = "was erased, and can be read again: erase them again"
        lines += [f"customer {each} {again}" for each in self.not_erased]
        end = "Nothing is beyond the store." if self.is_complete else "See docs/operations.md for what to do."
        return [*lines, end]
