"""An event store beside a migrated database, for projections that a test runs."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.database import Database

from app.event_store.application import Servicing
from app.projections.migrations import migrate
from app.runtime.settings.settings import Settings


@pytest.fixture
def store(settings: Settings, mongo_db: Database[dict[str, Any]]) -> Iterator[Servicing]:
    list(migrate(mongo_db))
    servicing = Servicing.from_url(settings.event_store_url)
    yield servicing
    servicing.close()
