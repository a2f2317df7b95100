"""What documents, stream and ledger know beyond the event store, as JSON and as text."""

from typing import Any

from pydantic import Field

from app.runtime.camel_model import CamelModel
from app.runtime.humanize import counted

_MOST_NAMED = 10


class Ahead(CamelModel):
    """A read model beyond the end of the store, or whose last event is another one there.

    ``documents`` of it were written by events beyond the store.
    """

    projection: str
    position: int
    documents: int

    def __str__(self) -> str:
        documents = counted(self.documents, "document")
        return f"{self.projection} is at position {self.position:,}, {documents} beyond the store"


class OnlyShown(CamelModel):
    """A document of what staff asked for, of which the store lacks the events, or the last ones.

    ``stored`` is its status in the store, if that is another one; ``ledger`` what the ledger's books say of a
    money command.
    """

    read_model: str
    id: str
    stored: str | None = None
    ledger: str | None = None
    document: dict[str, Any] = Field(exclude=True)

    def __str__(self) -> str:
        where = "in documents only"
        if self.stored is not None:
            where = f"{self.document['status']} in documents, and {self.stored} in the store"
        ledger = f"; the ledger: {self.ledger}" if self.ledger else ""
        return f"{self.read_model} {self.id} is {where}{ledger}"


class StreamState(CamelModel):
    """The messages on the stream.

    ``unread`` were not read yet, or are being applied. ``takenAndLost`` were acknowledged, and have no event:
    they must be read again. ``unreadable`` were acknowledged, cannot be read here, and are no dead letters.
    """

    messages: int = 0
    unread: int = 0
    taken_and_lost: int = 0
    unreadable: int = 0


class Reconciliation(CamelModel):
    """What is beyond the store. ``notErased`` are customers who are erased in documents only."""

    newest_position: int
    ahead: list[Ahead]
    only_shown: list[OnlyShown]
    not_erased: list[str]
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
        unreadable = counted(stream.unreadable, "message")
        end = "Nothing is beyond the store." if self.is_complete else "See docs/operations.md for what to do."
        return [
            f"The event store ends at position {self.newest_position:,}.",
            *map(str, self.ahead),
            f"The stream holds {counted(stream.messages, 'message')}: {stream.unread:,} not read yet, "
            f"{stream.taken_and_lost:,} acknowledged and not in the store",
            *([f"{unreadable} cannot be read: is a parser package missing?"] if stream.unreadable else []),
            *map(str, self.only_shown[:_MOST_NAMED]),
            *([f"… and {counted(more, 'other document')}: --save FILE has all"] if more > 0 else []),
            *(f"customer {each} was erased, and is readable again: erase it" for each in self.not_erased),
            end,
        ]
