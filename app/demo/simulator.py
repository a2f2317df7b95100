"""The simulated lender: a burst of customers at once, then a trickle, until it is stopped.

``python -m app.demo.simulator --redis-url URL --stream NAME --customers N --state-file PATH``
"""

import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event
from typing import Annotated

import typer
from redis import Redis

from app.demo.lender import Lender
from app.ingestion.stream.publish import publish
from app.runtime.servers.stopping import StopSignal

_TRICKLE_S = 0.4


def simulate(redis: Redis, stream: str, customers: int, state_file: Path, stop: Event) -> None:
    """Publish stories. The state file says where to continue: a second start brings new customers."""
    if state_file.exists():
        state = json.loads(state_file.read_text())
    else:
        state = {"seed": secrets.randbits(32), "next": 1}
        for _ in range(customers):
            _publish_story(redis, stream, state, state_file)
    while not stop.wait(_TRICKLE_S):
        _publish_story(redis, stream, state, state_file)


def _publish_story(redis: Redis, stream: str, state: dict[str, int], state_file: Path) -> None:
    """The story of one more customer, whose application is 150 to 250 days old."""
    number = state["next"]
    age = timedelta(minutes=Random(number).randrange(150 * 24 * 60, 250 * 24 * 60))
    start = datetime.now(UTC).replace(microsecond=0) - age
    publish(redis, stream, [each.entry for each in Lender(state["seed"]).story(number, start)])
    state["next"] = number + 1
    state_file.write_text(json.dumps(state))


def main(
    redis_url: Annotated[str, typer.Option()],
    stream: Annotated[str, typer.Option()],
    state_file: Annotated[Path, typer.Option()],
    customers: Annotated[int, typer.Option()] = 40,
) -> None:
    """Publish to the stream until SIGTERM."""
    with StopSignal() as stop, Redis.from_url(redis_url, protocol=2) as redis:
        simulate(redis, stream, customers, state_file, stop)


if __name__ == "__main__":
    typer.run(main)
