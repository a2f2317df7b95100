"""A model of where the limits are: how fast ingestion and projection can be, and which limit it is.

It reckons with processor time of a message and of an event, as it was measured with one worker, and with
what only one worker can do at a time. docs/scaling.md has its figures; ``bench.scaling`` checks them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """How many a second, what keeps it from being more, and the processor time that each takes in all."""

    a_second: float
    limit: str
    computed: float


@dataclass(frozen=True)
class IngestCosts:
    """Seconds that a message takes."""

    turn: float
    """Of processor time, while nobody else may: applying, sealing, encoding, inserting, committing."""
    follow: float
    """More in a turn, for each message that another worker stored meanwhile: it is read, or loaded again."""
    beside: float
    """Processor time of the rest: reading, understanding, acknowledging."""
    servers: float
    """Processor time of Redis, and of a database server."""


def ingest_rate(costs: IngestCosts, workers: int, cores: float) -> Rate:
    """Messages a second of so many workers on one event store, all on so many processors."""
    turn = costs.turn + costs.follow * (workers - 1) / workers
    process = turn + costs.beside
    every = process + costs.servers
    return _least(
        Rate(1 / turn, "the turn: one store, one sequence", every),
        Rate(workers / process, "the workers", every),
        Rate(cores / every, "the processors", every),
    )


@dataclass(frozen=True)
class ProjectCosts:
    """Seconds of processor time that an event of the store takes."""

    models: Mapping[str, float]
    """By read model, of the projector's process."""
    servers: float
    """Of MongoDB, for all read models together."""


def project_rate(costs: ProjectCosts, shares: Sequence[Sequence[str]], cores: float) -> Rate:
    """Events a second of projectors that each fold a share of the read models, all on so many processors.

    The read model that is slowest counts: one that is ahead waits for nobody, but its readers do.
    """
    slowest = max(sum(costs.models[name] for name in share) for share in shares)
    dearest = max(costs.models.values())
    name = "one projector a read model" if slowest == dearest else "the workers"
    every = sum(costs.models.values()) + costs.servers
    return _least(Rate(1 / slowest, name, every), Rate(cores / every, "the processors", every))


def spread(costs: ProjectCosts, workers: int) -> list[list[str]]:
    """Read models shared out as evenly as they can be: the dearest first, each to who has least to do."""
    shares: list[list[str]] = [[] for _ in range(workers)]
    for name in sorted(costs.models, key=lambda each: -costs.models[each]):
        min(shares, key=lambda share: sum(costs.models[each] for each in share)).append(name)
    return [share for share in shares if share]


@dataclass(frozen=True)
class Growth:
    """What a lender's day comes to."""

    messages_a_day: float
    events_a_message: float
    bytes_an_event: float
    """In the event store, with index and keys."""

    def gib_a_year(self) -> float:
        """Of the event store."""
        return self.messages_a_day * self.events_a_message * self.bytes_an_event * 365 / 2**30

    def busiest_second(self, peak: float = 10.0) -> float:
        """Messages in it, where the busiest hour of a day has so many times the average."""
        return self.messages_a_day / 86_400 * peak


def _least(*rates: Rate) -> Rate:
    return min(rates, key=lambda rate: rate.a_second)
