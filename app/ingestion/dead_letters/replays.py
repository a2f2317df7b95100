"""Replaying dead letters, many at a time: what is asked for, and what became of each."""

from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel
from redis import Redis

from app.event_store.application import Servicing
from app.ingestion.dead_letters.box import DeadLetterBox, Replayed
from app.ingestion.dead_letters.scan import Filter
from app.ingestion.messages.rejection import Reason
from app.operations.status.report import Part
from app.operations.status.servers import Servers
from app.operations.status.streams import stream_info

MOST_AT_ONCE = 1_000

LetterId = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,19}-[0-9]{1,19}$")]


class ReplayOutcome(StrEnum):
    """What became of one replay."""

    LANDED = "landed"
    FAILED_AGAIN = "failed_again"
    GONE = "gone"
    """It had left the list before: somebody replayed or discarded it."""


class Replay(Part):
    """What became of one letter. One that failed again has the id ``nowLetterId``, and says why it failed."""

    letter_id: str
    outcome: ReplayOutcome
    now_letter_id: str | None = None
    reason: str | None = None
    path: str | None = None
    error: str | None = None


class ReplayRequest(Part):
    """Which letters to replay: these, or those of a reason, or all; ``after`` and ``upTo`` bound them."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")

    letter_ids: list[LetterId] | None = Field(None, min_length=1, max_length=MOST_AT_ONCE)
    reason: Reason | None = None
    all: bool = False
    after: LetterId | None = None
    up_to: LetterId | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.letter_ids is not None) + (self.reason is not None) + self.all != 1:
            msg = "say one of letterIds, reason, and all"
            raise ValueError(msg)
        if self.letter_ids is not None and (self.after or self.up_to):
            msg = "after and upTo go with reason or all"
            raise ValueError(msg)
        return self


class ReplayReport(Part):
    """What became of up to a thousand letters. ``next`` is the body that goes on with those left, if any.

    It leaves out letters that came up or failed again meanwhile, so following it comes to an end.
    """

    landed: int
    failed_again: int
    gone: int
    failures: list[Replay]
    left: int = 0
    left_is_exact: bool = Field(True, description="False: there are more than `left`.")
    next: ReplayRequest | None = None


def replay_each(
    box: DeadLetterBox, letter_ids: Iterable[str], servicing: Servicing
) -> Iterator[tuple[str, Replayed | None]]:
    """Replay each, and yield its id with what became of it: None where it had left the list before.

    Raises one of EVENT_STORE_ERRORS or redis's errors; what was yielded is done.
    """
    for letter_id in letter_ids:
        letter = box.get(letter_id)
        yield letter_id, None if letter is None else box.replay(letter, servicing)


def replay_one(servers: Servers, letter_id: str) -> Replay:
    """Replay one letter. Raises as :func:`replay_each` does."""
    if servers.dead_letters().get(letter_id) is None:
        return _told(letter_id, None)
    return _replays(servers, [letter_id])[0]


def replay_many(servers: Servers, request: ReplayRequest) -> ReplayReport:
    """Replay what is asked for, a thousand at most. Raises as :func:`replay_each` does."""
    if request.letter_ids is not None:
        return _report(_replays(servers, list(dict.fromkeys(request.letter_ids))))
    box = servers.dead_letters()
    up_to = request.up_to or _newest(servers.redis, servers.settings.dead_letter_stream)
    wanted = Filter(reason=request.reason, up_to=up_to)
    page = box.page(wanted, MOST_AT_ONCE, request.after)
    report = _report(_replays(servers, [letter.letter_id for letter in page.letters]))
    if page.after is None:
        return report
    left = box.counts(wanted, start=f"({page.after}")
    following = request.model_copy(update={"after": page.after, "up_to": up_to})
    return report.model_copy(
        update={"left": left.by_reason.total(), "left_is_exact": left.complete, "next": following}
    )


def _replays(servers: Servers, letter_ids: list[str]) -> list[Replay]:
    box = servers.dead_letters()
    with servers.event_store_to_write() as servicing:
        return [_told(*each) for each in replay_each(box, letter_ids, servicing)]


def _report(replays: list[Replay]) -> ReplayReport:
    counts = Counter(each.outcome for each in replays)
    return ReplayReport(
        landed=counts[ReplayOutcome.LANDED],
        failed_again=counts[ReplayOutcome.FAILED_AGAIN],
        gone=counts[ReplayOutcome.GONE],
        failures=[each for each in replays if each.outcome is ReplayOutcome.FAILED_AGAIN],
    )


def _told(letter_id: str, outcome: Replayed | None) -> Replay:
    if outcome is None:
        return Replay(letter_id=letter_id, outcome=ReplayOutcome.GONE)
    if (why := outcome.why) is None:
        return Replay(letter_id=letter_id, outcome=ReplayOutcome.LANDED)
    return Replay(
        letter_id=letter_id,
        outcome=ReplayOutcome.FAILED_AGAIN,
        now_letter_id=outcome.letter_id,
        reason=why.reason,
        path=why.path,
        error=why.error,
    )


def _newest(redis: Redis, stream: str) -> str:
    info = stream_info(redis, stream)
    return str(info["last-generated-id"].decode()) if info else "0-0"
