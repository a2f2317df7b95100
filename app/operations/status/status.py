"""The pipeline's state: each server is asked on its own, and one that is away hides nothing of the others."""

import platform
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TypeVar

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from app import __version__
from app.event_store.errors import EVENT_STORE_ERRORS
from app.ledger.client.channel import LedgerSettingsError
from app.ledger.client.configured import configured_security
from app.ledger.client.errors import LedgerError
from app.ledger.client.health import health
from app.operations.status.findings import findings
from app.operations.status.inbox_state import inbox_state
from app.operations.status.report import Away, Build, EventStoreState, LedgerState, ReadModelsState, Status
from app.operations.status.servers import Servers
from app.operations.status.store_state import behind, event_store_state, read_models_state
from app.runtime.observability.logging import in_short
from app.runtime.settings.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class _Server:
    """One that is asked: what it is called, the setting that names it, and what it raises when it is away."""

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
    with ThreadPoolExecutor(4) as asking:
        redis = asking.submit(_REDIS.ask, lambda: inbox_state(servers.redis, settings))
        store = asking.submit(_STORE.ask, lambda: event_store_state(servers.event_store()))
        mongo = asking.submit(_MONGO.ask, lambda: read_models_state(servers.database, settings))
        books = asking.submit(_LEDGER.ask, lambda: _ledger_state(settings))
    inbox, events, models, ledger = redis.result(), store.result(), mongo.result(), books.result()
    if isinstance(events, EventStoreState) and isinstance(models, ReadModelsState):
        compared = _STORE.ask(partial(behind, models, events.newest_position, servers.event_store()))
        if isinstance(compared, Away):
            events = compared
        else:
            models = compared
    seen = Status(
        at=datetime.now(UTC),
        build=_build(),
        inbox=_there(inbox),
        event_store=_there(events),
        read_models=_there(models),
        ledger=_there(ledger),
        away=[each for each in (inbox, events, models, ledger) if isinstance(each, Away)],
        problems=[],
    )
    return seen.model_copy(update={"problems": findings(seen, settings)})


def _ledger_state(settings: Settings) -> LedgerState:
    target = settings.ledger_target
    return LedgerState(target=target, status=health(target, security=configured_security(settings)))


def _there(answer: T | Away) -> T | None:
    return None if isinstance(answer, Away) else answer


def _build() -> Build:
    return Build(
        version=__version__, python=platform.python_version(), eventsourcing=version("eventsourcing")
    )
