"""Two or three consumers of one store come to the documents of one, in any distribution of the messages.

Each has a cache of its own, none waits for its turn, any may be overtaken between applying and saving, or die
before or after saving; what it held is then given to another.
"""

from collections import deque
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.event_store.application import Servicing
from app.event_store.recorder import WriterLock
from app.ingestion.stream.apply import AppliedBatch, apply_messages
from tests.support.data.mock_mongo import Database
from tests.unit.projections.read_models.test_properties import (
    ACCOUNT,
    CHAT,
    CUSTOMER,
    FIXED,
    Entry,
    documents,
    entries,
    messages_of,
    project,
    shown,
)

FATES = st.sampled_from(["saves", "is overtaken", "dies before it saves", "dies before it acknowledges"])


class Consumers:
    """Processes that land batches in one store."""

    def __init__(self, folder: Path, count: int) -> None:
        self._url = f"sqlite:///{folder / 'events.db'}"
        self._all = [self._started() for _ in range(count)]

    def saves(self, number: int, batch: list[Entry]) -> None:
        applied = apply_messages(self._all[number], messages_of(batch), Event())
        assert not applied.failed
        assert not applied.rejected

    def is_overtaken(self, number: int, batch: list[Entry], next_batch: list[Entry]) -> None:
        """Its neighbour saves another batch, and this one too, before it can."""
        applied = AppliedBatch(self._all[number], messages_of(batch))
        neighbour = (number + 1) % len(self._all)
        self.saves(neighbour, next_batch)
        self.saves(neighbour, batch[: len(batch) // 2])
        applied.store(Event())
        assert not applied.failed

    def dies(self, number: int, batch: list[Entry], *, after_saving: bool) -> None:
        applied = AppliedBatch(self._all[number], messages_of(batch))
        if after_saving:
            applied.store(Event())
        self._all[number].close()
        self._all[number] = self._started()

    def documents(self, project_batch: int) -> dict[str, dict[str, Any]]:
        database: Any = Database()
        project(self._all[0], database, project_batch)
        return shown(database)

    def close(self) -> None:
        for each in self._all:
            each.close()

    def _started(self) -> Servicing:
        servicing = Servicing.from_url(self._url, cache=3)
        servicing._writer_lock = WriterLock()
        return servicing


@settings(max_examples=60)
@given(st.data(), st.integers(2, 3), st.lists(CUSTOMER | ACCOUNT | CHAT, max_size=14))
def test_any_number_of_consumers_makes_the_same_documents(
    data: st.DataObject, count: int, messages: list[tuple[str, dict[str, Any]]]
) -> None:
    sent = entries(FIXED + messages)
    waiting = deque(data.draw(st.permutations(sent), "order"))
    with TemporaryDirectory() as folder:
        consumers = Consumers(Path(folder), count)
        while waiting:
            batch = [
                waiting.popleft() for _ in range(min(len(waiting), data.draw(st.integers(1, 6), "batch")))
            ]
            number = data.draw(st.integers(0, count - 1), "consumer")
            match data.draw(FATES, "fate"):
                case "saves":
                    consumers.saves(number, batch)
                case "is overtaken":
                    size = data.draw(st.integers(0, 3), "the other's batch")
                    consumers.is_overtaken(
                        number, batch, [waiting.popleft() for _ in range(min(len(waiting), size))]
                    )
                case "dies before it saves":
                    consumers.dies(number, batch, after_saving=False)
                    consumers.saves((number + 1) % count, batch)
                case _:
                    consumers.dies(number, batch, after_saving=True)
                    consumers.saves((number + 1) % count, batch)
        found = consumers.documents(data.draw(st.integers(1, 7), "project batch"))
        consumers.close()
    assert found == documents([sent], 1_000)
