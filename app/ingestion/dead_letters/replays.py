"""Replaying dead letters, many at a time: the request, and the result of each."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Annotated, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from app.event_store.application import Servicing
from app.ingestion.dead_letters.scan import Filter
from app.ingestion.dead_letters.store import DeadLetterStore, Replay, ReplayOutcome
from app.ingestion.messages.rejection import Reason
from app.runtime.camel_model import CamelModel

MOST_AT_ONCE = 1_000

OpenEventStore = Callable[[], AbstractContextManager[Servicing]]
DeadLetterId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}-[0-9]{1,19}$")]


class ReplayRequest(CamelModel):
    """Which dead letters to replay: by id, by reason, or all; ``after`` and ``upTo`` are bounds."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    dead_letter_ids: list[DeadLetterId] | None = Field(None, min_length=1, max_length=MOST_AT_ONCE)
    reason: Reason | None = None
    all: bool = False
    after: DeadLetterId | None = None
    up_to: DeadLetterId | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.dead_letter_ids is not None) + (self.reason is not None) + self.all != 1:
            raise ValueError("give one of deadLetterIds, reason, and all")
        if self.dead_letter_ids is not None and (self.after or self.up_to):
            raise ValueError("after and upTo go with reason or all")
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
    store: DeadLetterStore, dead_letter_ids: Iterable[str], servicing: Servicing
) -> Iterator[Replay]:
    """Replay one by one. Raises one of EVENT_STORE_ERRORS or redis's errors; what was yielded is done."""
    for dead_letter_id in dead_letter_ids:
        found = store.get(dead_letter_id)
        gone = Replay(dead_letter_id=dead_letter_id, outcome=ReplayOutcome.GONE)
        yield gone if found is None else store.replay(found, servicing)


def replay_many(store: DeadLetterStore, request: ReplayRequest, event_store: OpenEventStore) -> ReplayReport:
    """Replay the requested dead letters, at most a thousand. Raises as :func:`replay_each` does."""
    if request.dead_letter_ids is not None:
        return _report(_replays(store, list(dict.fromkeys(request.dead_letter_ids)), event_store))
    up_to = request.up_to or store.last_id()
    wanted = Filter(reason=request.reason, up_to=up_to)
    page = store.page(wanted, MOST_AT_ONCE, request.after)
    report = _report(_replays(store, [each.dead_letter_id for each in page.items], event_store))
    if page.after is None:
        return report
    left = store.counts(wanted, start=f"({page.after}")
    rest = request.model_copy(update={"after": page.after, "up_to": up_to})
    return report.model_copy(
        update={"left": left.by_reason.total(), "left_is_exact": left.complete, "next": rest}
    )


def _replays(store: DeadLetterStore, dead_letter_ids: list[str], event_store: OpenEventStore) -> list[Replay]:
    with event_store() as servicing:
        return list(replay_each(store, dead_letter_ids, servicing))


def _report(replays: list[Replay]) -> ReplayReport:
    counts = Counter(each.outcome for each in replays)
    return ReplayReport(
        landed=counts[ReplayOutcome.LANDED],
        failed_again=counts[ReplayOutcome.FAILED_AGAIN],
        gone=counts[ReplayOutcome.GONE],
        failures=[each for each in replays if each.outcome is ReplayOutcome.FAILED_AGAIN],
    )
