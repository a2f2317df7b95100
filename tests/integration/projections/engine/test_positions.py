"""Our tracking recorder passes the test case that the eventsourcing library publishes for its own."""

from typing import Any

import pytest
from eventsourcing.tests.persistence import TrackingRecorderTestCase
from pymongo.database import Database

from app.projections.engine.positions import MongoTrackingRecorder


class TestMongoTrackingRecorder(TrackingRecorderTestCase):
    @pytest.fixture(autouse=True)
    def _database(self, mongo_db: Database[dict[str, Any]]) -> None:
        self.database = mongo_db

    def create_recorder(self) -> MongoTrackingRecorder:
        return MongoTrackingRecorder(self.database, "customers")


del TrackingRecorderTestCase
