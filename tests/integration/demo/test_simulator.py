"""The simulator on a stream: one entry a step, and a second start that continues."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from redis import Redis

from app.demo.publishers import SYDNEY
from app.demo.simulator import Simulator, State
from app.ingestion.stream.publish import publish
from app.ledger.sandbox.outbox import AGENT
from app.runtime.settings.settings import Settings

NOON = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def begun() -> State:
    return State(seed=7, began_at=NOON, published_until=NOON, burst=20)


def published(redis: Redis, stream: str) -> list[dict[str, str]]:
    entries: Any = redis.xrange(stream)
    return [{name.decode(): value.decode() for name, value in fields.items()} for _, fields in entries]


def test_after_the_burst_each_step_publishes_what_is_due_or_a_new_application(
    redis_client: Redis, settings: Settings
) -> None:
    stream = settings.inbox_stream
    simulator = Simulator(redis_client, stream, SYDNEY, begun())
    simulator.burst()
    burst = len(published(redis_client, stream))
    for seconds in range(600):
        simulator.step(NOON + timedelta(seconds=seconds))
    new = published(redis_client, stream)[burst:]
    assert len(new) == 600
    assert {"conversation_started", "final_decision"} <= {
        each.get("typ") or each["msg_type"] for each in new if "cause" in each or "msg_type" in each
    }
    paid = [each for each in new if '"REPAYMENT"' in each.get("payload", "")]
    assert paid, "the direct debits of the day"


def test_a_second_start_continues_where_the_first_one_ended(redis_client: Redis, settings: Settings) -> None:
    stream, other, state = settings.inbox_stream, f"{settings.inbox_stream}:other", begun()
    steady = Simulator(redis_client, other, SYDNEY, begun())
    for start in (0, 100):
        simulator = Simulator(redis_client, stream, SYDNEY, state)
        for seconds in range(start, start + 100):
            simulator.step(NOON + timedelta(seconds=seconds))
            steady.step(NOON + timedelta(seconds=seconds))
        state = State.model_validate_json(state.model_dump_json())
    assert all(each in published(redis_client, stream) for each in published(redis_client, other)[:150])
    Simulator(redis_client, stream, SYDNEY, state).catch_up(NOON + timedelta(days=3))
    later = published(redis_client, stream)[200:]
    assert "loan.aging.updated.v1" in {each.get("event_type") for each in later}


def test_an_account_that_somebody_posted_on_is_the_ledgers(redis_client: Redis, settings: Settings) -> None:
    stream = settings.inbox_stream
    simulator = Simulator(redis_client, stream, SYDNEY, begun())
    simulator.catch_up(NOON + timedelta(days=1))
    accounts = {
        json.loads(each["payload"])["account_id"]
        for each in published(redis_client, stream)
        if "ACC-" in str(each)
    }
    [account, *_] = sorted(accounts)
    posted = {
        "agt": AGENT,
        "event_type": "account.updated.v1",
        "payload": json.dumps({"account_id": account}),
    }
    publish(redis_client, stream, [posted])
    before = len(published(redis_client, stream))
    simulator.catch_up(NOON + timedelta(days=20))
    later = published(redis_client, stream)[before:]
    assert later
    assert account not in str(later)
