"""A parser that fails on one message: the message is tried again, then set aside; the others land."""

from collections.abc import Mapping
from threading import Event
from typing import Any

from redis import Redis

from app.aggregates import LoanAccount
from app.event_store.application import Servicing
from app.ingestion.messages.parsers import Parsers, TypeParser
from app.ingestion.stream.publish import publish
from app.runtime.settings.settings import Settings
from tests.support.observed import dead_letters, pending
from tests.support.roles import ingest


def parse(_kind: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"account_id": payload["ref"], "current_balance": payload["cents"] / 100}


def test_a_failure_of_a_parser_counts_as_the_messages_own(settings: Settings, redis_client: Redis) -> None:
    def updated(body: str) -> dict[str, str]:
        return {"typ": "account.updated.v1", "dat": body}

    publish(
        redis_client,
        settings.inbox_stream,
        [updated('{"ref": "L1", "cents": "of Ann"}'), updated('{"ref": "L2", "cents": 150}')],
    )
    mine = settings.model_copy(update={"max_deliveries": 2})
    parsers = Parsers([TypeParser("account.", "private-sdk 1.0", parse)])
    ingest(mine, drain=True, stop=Event(), parsers=parsers)
    [dead_letter] = dead_letters(redis_client, settings)
    assert (dead_letter["reason"], dead_letter["deliveries"]) == ("failed", "2")
    assert "the parser of private-sdk 1.0 raised TypeError at test_parsers.py" in dead_letter["error"]
    assert "of Ann" not in dead_letter["error"]
    assert pending(redis_client, settings) == 0
    servicing = Servicing.from_url(settings.event_store_url)
    assert servicing.load(LoanAccount, "L1") is None
    assert servicing.load(LoanAccount, "L2") is not None
    servicing.close()
