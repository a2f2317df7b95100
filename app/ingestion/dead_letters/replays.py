"""Replaying dead letters, many at a time: the request, and the result of each."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from app.event_store.application import Servicing
from app.ingestion.dead_letters.scan import Filter
from app.ingestion.dead_letters.store import DeadLetterStore, Replayed
from app.ingestion.messages.rejection import Reason
from app.runtime.camel_model import CamelModel

MOST_AT_ONCE = 1_000

OpenEventStore = Callable[[], AbstractContextManager[Servicing]]
LetterId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}-[0-9]{1,19}$")]


class ReplayOutcome(StrEnum):
    """The result of one replay."""

    LANDED = "landed"
    FAILED_AGAIN = "failed_again"
    GONE = "gone"
    """It had left the list: somebody replayed or discarded it."""


class Replay(CamelModel):
    """The result of one replay. After another failure the id is ``nowLetterId``, with the new reason."""

    letter_id: str
    outcome: ReplayOutcome
    now_letter_id: str | None = None
    reason: str | None = None
    path: str | None = None
    error: str | None = None


class ReplayRequest(CamelModel):
    """Which dead letters to replay: by id, by reason, or all; ``after`` and ``upTo`` are bounds."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    letter_ids: list[LetterId] | None = Field(None, min_length=1, max_length=MOST_AT_ONCE)
    reason: Reason | None = None
    all: bool = False
    after: LetterId | None = None
    up_to: LetterId | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.letter_ids is not None) + (self.reason is not None) + self.all != 1:
            msg = "give one of letterIds, reason, and all"
            raise ValueError(msg)
        if self.letter_ids is not None and (self.after or self.up_to):
            msg = "after and upTo go with reason or all"
            raise ValueError(msg)
        return self


class ReplayReport(CamelModel):
    """The results of up to a thousand replays. ``next`` is the body of the next request, if any are left.

    It excludes dead letters that were added or failed again meanwhile, so following it ends.
    """

    landed: int
    failed_again: int
    gone: int
    failures: list[Replay]
    left: int = 0
    left_is_exact: bool = Field(True, description="False: there are more than `left`.")
    next: ReplayRequest | None = None


def replay_each(
    store: DeadLetterStore, letter_ids: Iterable[str], servicing: Servicing
) -> Iterator[tuple[str, Replayed | None]]:
    """Replay each, and yield its id with the result: None if it had left the list.

    Raises one of EVENT_STORE_ERRORS or redis's errors; what was yielded is done.
    """
    for letter_id in letter_ids:
        dead_letter = store.get(letter_id)
        yield letter_id, None if dead_letter is None else store.replay(dead_letter, servicing)


def replay_one(store: DeadLetterStore, letter_id: str, event_store: OpenEventStore) -> Replay:
    """Replay one dead letter. Raises as :func:`replay_each` does."""
    if store.get(letter_id) is None:
        return _replay(letter_id, None)
    return _replays(store, [letter_id], event_store)[0]


def replay_many(store: DeadLetterStore, request: ReplayRequest, event_store: OpenEventStore) -> ReplayReport:
    """Replay the requested dead letters, at most a thousand. Raises as :func:`replay_each` does."""
    if request.letter_ids is not None:
        return _report(_replays(store, list(dict.fromkeys(request.letter_ids)), event_store))
    up_to = request.up_to or store.last_id()
    wanted = Filter(reason=request.reason, up_to=up_to)
    page = store.page(wanted, MOST_AT_ONCE, request.after)
    report = _report(_replays(store, [each.letter_id for each in page.items], event_store))
    if page.after is None:
        return report
    left = store.counts(wanted, start=f"({page.after}")
    rest = request.model_copy(update={"after": page.after, "up_to": up_to})
    return report.model_copy(
        update={"left": left.by_reason.total(), "left_is_exact": left.complete, "next": rest}
    )


def _replays(store: DeadLetterStore, letter_ids: list[str], event_store: OpenEventStore) -> list[Replay]:
    with event_store() as servicing:
        return [_replay(*each) for each in replay_each(store, letter_ids, servicing)]


def _report(replays: list[Replay]) -> ReplayReport:
    counts = Counter(each.outcome for each in replays)
    return ReplayReport(
        landed=counts[ReplayOutcome.LANDED],
        failed_again=counts[ReplayOutcome.FAILED_AGAIN],
        gone=counts[ReplayOutcome.GONE],
        failures=[each for each in replays if each.outcome is ReplayOutcome.FAILED_AGAIN],
    )


def _replay(letter_id: str, replayed: Replayed | None) -> Replay:
    if replayed is None:
        return Replay(letter_id=letter_id, outcome=ReplayOutcome.GONE)
    if (why := replayed.why) is None:
        return Replay(letter_id=letter_id, outcome=ReplayOutcome.LANDED)
    return Replay(
        letter_id=letter_id,
        outcome=ReplayOutcome.FAILED_AGAIN,
        now_letter_id=replayed.letter_id,
        reason=why.reason,
        path=why.path,
        error=why.error,
    )
