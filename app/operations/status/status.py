"""The pipeline's state. Each server is asked on its own: an absent one hides nothing of the others."""

import platform
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TypeVar

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from app import __version__
from app.event_store.errors import EVENT_STORE_ERRORS, NoEventStoreError
from app.ledger.client.errors import LedgerError, LedgerSettingsError
from app.operations.servers import Servers
from app.operations.status.findings import findings
from app.operations.status.inbox import inbox_state
from app.operations.status.report import Away, Build, EventStoreState, LedgerState, ReadModelsState, Status
from app.operations.status.stores import event_store_state, lag_behind, read_models_state
from app.runtime.observability.logging import in_short
from app.runtime.settings.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class _Server:
    """A server's name, the setting that names it, and the errors that mean that it is away."""

    name: str
    setting: str
    errors: tuple[type[Exception], ...]

    def ask(self, question: Callable[[], T]) -> T | Away:
        try:
            return question()
        except self.errors as error:
            return Away(server=self.name, error=in_short(error), settings=[self.setting])


_REDIS = _Server("Redis", "BILLIE_REDIS_URL", (RedisError,))
_STORE = _Server("The event store", "BILLIE_EVENT_STORE_URL", EVENT_STORE_ERRORS)
_MONGO = _Server("MongoDB", "BILLIE_MONGO_URL", (PyMongoError,))
_LEDGER = _Server("The ledger", "BILLIE_LEDGER_TARGET", (LedgerError, LedgerSettingsError))


def status(servers: Servers) -> Status:
    """Ask all servers at once, each for a few seconds at most."""
    settings = servers.settings
    with ThreadPoolExecutor(4) as pool:
        inbox = pool.submit(_REDIS.ask, lambda: inbox_state(servers.redis, settings))
        events = pool.submit(_STORE.ask, lambda: _event_store_state(servers))
        models = pool.submit(_MONGO.ask, lambda: read_models_state(servers.database))
        ledger = pool.submit(_LEDGER.ask, lambda: _ledger_state(settings))
    answers = (inbox.result(), *_with_lag(servers, events.result(), models.result()), ledger.result())
    seen = Status(
        at=datetime.now(UTC),
        build=Build(
            version=__version__, python=platform.python_version(), eventsourcing=version("eventsourcing")
        ),
        inbox=_present(answers[0]),
        event_store=_present(answers[1]),
        read_models=_present(answers[2]),
        ledger=_present(answers[3]),
        away=[each for each in answers if isinstance(each, Away)],
        problems=[],
    )
    return seen.model_copy(update={"problems": findings(seen, settings)})


def _with_lag(
    servers: Servers, events: EventStoreState | Away, models: ReadModelsState | Away
) -> tuple[EventStoreState | Away, ReadModelsState | Away]:
    if isinstance(events, Away) or isinstance(models, Away) or not events.is_created:
        return events, models
    lagging = _STORE.ask(lambda: lag_behind(models, servers.event_store()))
    return (lagging, models) if isinstance(lagging, Away) else (events, lagging)


def _event_store_state(servers: Servers) -> EventStoreState:
    try:
        return event_store_state(servers.event_store())
    except NoEventStoreError:
        return EventStoreState(is_created=False, newest_position=0)


def _ledger_state(settings: Settings) -> LedgerState:
    from app.ledger.client.health import health  # Here: gRPC is loaded while the other servers answer.

    return LedgerState(target=settings.ledger_target, status=health(settings))


def _present(answer: T | Away) -> T | None:
    return None if isinstance(answer, Away) else answer
