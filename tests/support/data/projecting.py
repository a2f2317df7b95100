"""A test of a projection in three lines: given some messages, when more arrive, these documents.

loan = On(LoanAccount, "L1")
given(LoanAccounts(), loan.open(customer_id="C1")).when(
    loan.update(status="ACTIVE", at=5)
).then("L1", customerId="C1", accountStatus="active", sdkStatus="ACTIVE")
"""

from collections.abc import Callable
from itertools import count
from typing import Any, Self

from app.aggregates.base import Aggregate
from app.event_store.application import Servicing
from app.projections.engine.projector import Projector
from app.projections.read_models.base import ReadModel
from tests.support.data.given import Step, absorb, message
from tests.support.data.mock_mongo import Database

Document = dict[str, Any]
_STAMPS = ("createdAt", "updatedAt")
_messages = count()


class On:
    """An aggregate to tell something: its methods are the aggregate's commands, each a message of its own.

    ``at`` is the time that the message carries, ``received`` that of its receipt: minutes after noon of
    1 March 2026, in UTC.
    """

    def __init__(self, kind: type[Aggregate], business_id: str) -> None:
        self.kind, self.business_id = kind, business_id

    def __getattr__(self, command: str) -> Callable[..., Step]:
        def tell(*, at: int | None = None, received: int | None = None, **arguments: Any) -> Step:
            received = (at or 0) if received is None else received
            source = message(f"message-{next(_messages)}", at=at, received=received)
            return Step(self.kind, self.business_id, command, source, arguments)

        return tell


class Given:
    """An event store, and the documents that a projection folds of it."""

    def __init__(self, projection: ReadModel) -> None:
        self.servicing, self.database = Servicing.in_memory(), Database()
        self._collection = self.database[projection.name]
        self._projection = projection
        self.restart()

    def restart(self) -> None:
        """Fold on in another process, which has nothing at hand."""
        self._engine = Projector(self._projection, self.servicing, self.database)  # type: ignore[arg-type]

    def when(self, *steps: Step) -> Self:
        """Absorb the messages, in one transaction, and fold what they led to."""
        absorb(self.servicing, steps)
        while self._engine.step():
            pass
        return self

    def then(self, identifier: str, **fields: Any) -> Self:
        """The document holds just these fields, beside its identifier and times of creation and update."""
        document = self.document(identifier)
        assert document is not None, f"there is no {identifier}, but {self.ids()}"
        aside = {*_STAMPS, self._projection.model.identifier()}
        assert {name: value for name, value in document.items() if name not in aside} == fields
        return self

    def shows(self, identifier: str, **fields: Any) -> Self:
        """The document holds these fields, and maybe others."""
        document = self.document(identifier)
        assert document is not None, f"there is no {identifier}, but {self.ids()}"
        assert {name: document.get(name) for name in fields} == fields
        return self

    def lacks(self, identifier: str) -> Self:
        """There is no such document."""
        assert self.document(identifier) is None
        return self

    def document(self, identifier: str) -> Document | None:
        """A document, as analysts see it."""
        found = self._collection.find_one({"_id": identifier})
        return None if found is None else {k: v for k, v in found.items() if not k.startswith("_")}

    def ids(self) -> list[str]:
        """The ids of all documents, in order."""
        return sorted(document["_id"] for document in self._collection.find())


def given(projection: ReadModel, *steps: Step) -> Given:
    """The messages absorbed already."""
    return Given(projection).when(*steps)
