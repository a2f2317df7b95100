"""Tests that read like the contract: given messages as they come over the wire, expect documents.

owed = [
    sent("account.created.v1", account_id="L1", customer_id="C1", loan_total_payable="620.00"),
    sent("account.updated.v1", account_id="L1", current_balance="520.00", timestamp="2026-03-01T09:00"),
]
assert documents(owed)["loan-accounts"]["L1"]["balances"]["totalPaid"] == "100.00"
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice, permutations
from random import Random
from threading import Event
from typing import Any, NamedTuple

import bson
from bson.decimal128 import Decimal128

from app.event_store.application import Servicing
from app.ingestion.messages.catalogue import Message, read_entry
from app.ingestion.stream.apply import apply_messages
from app.projections.engine.projector import Projector
from app.projections.read_models.catalogue import all_projections
from app.runtime.settings.settings import Settings
from tests.support.data.mock_mongo import Database
from tests.support.observed import IN_ANY_ORDER

Documents = dict[str, dict[str, Any]]
"""The documents of each collection, by their ids."""
_MOST_BYTES = 16 * 1024 * 1024
"""Of a document in MongoDB."""
_LATE = datetime(2027, 1, 1, tzinfo=UTC)
_numbers = count(1)


class Sent(NamedTuple):
    """A message on the stream: when it came in, and its fields."""

    came_in: datetime
    fields: dict[str, str]

    def read(self, place: int) -> Message | None:
        """What ingestion makes of it as the n-th entry. Raises RejectedError."""
        entry_id = f"{int(self.came_in.timestamp() * 1_000)}-{place}"
        fields = {name.encode(): value.encode() for name, value in self.fields.items()}
        return read_entry("inbox", entry_id.encode(), fields, 256 * 1024)


def sent(
    kind: str,
    payload: Any = None,
    *,
    came_in: str | None = None,
    entry: dict[str, str] | None = None,
    **keys: Any,
) -> Sent:
    """A message of its own identity, with the ``payload`` and further ``keys`` of it.

    ``entry`` are further fields beside the payload (``cid``, ``timestamp``, ...). It came in at ``came_in``
    (ISO 8601), by default in 2027, one a second: after all times that messages tell.
    """
    number = next(_numbers)
    at = datetime.fromisoformat(came_in) if came_in else _LATE + timedelta(seconds=number)
    data = keys if payload is None else payload | keys if keys else payload
    fields = {"typ": kind, "event_id": f"m{number}", "dat": json.dumps(data)} | (entry or {})
    return Sent(at.replace(tzinfo=at.tzinfo or UTC), fields)


def documents(messages: Iterable[Sent], *, batch: int = 1_000, names: Iterable[str] = ()) -> Documents:
    """The documents of all collections (or of those ``names``) after the messages arrived in this order.

    Money is shown as text, and the projector's own fields are left out. ``batch`` messages are
    ingested, then projected, at a time. No message may be rejected, or fail.
    """
    servicing, database = Servicing.in_memory(), Database()
    projections = [each for name, each in all_projections(Settings()).items() if not names or name in names]
    engines = [Projector(each, servicing, database) for each in projections]  # type: ignore[arg-type]
    read = [message.read(place) for place, message in enumerate(messages)]
    known = iter([message for message in read if message is not None])
    while some := list(islice(known, batch)):
        applied = apply_messages(servicing, some, Event())
        assert not applied.failed, applied.failed
        assert not applied.rejected, applied.rejected
        for engine in engines:
            while engine.step():
                assert not engine.set_aside, engine.set_aside
    found = {each.name: list(database[each.name].find()) for each in projections}
    assert all(len(bson.encode(each)) < _MOST_BYTES for some in found.values() for each in some)
    return {name: {each["_id"]: _shown(each) for each in some} for name, some in found.items()}


def in_any_order(messages: list[Sent], most: int = 24, names: Iterable[str] = IN_ANY_ORDER) -> Documents:
    """The documents of the messages, which must be the same for every order of arrival, and one by one.

    Of more than ``most`` orders, some are tried, always the same ones.
    """
    names = tuple(names)
    expected = documents(messages, names=names)
    for order in _orders(messages, most):
        arrived = documents(order, names=names)
        assert arrived == expected, [json.loads(each.fields["dat"]) for each in order]
    assert documents(messages, batch=1, names=names) == expected
    return expected


def _orders(messages: list[Sent], most: int) -> Iterator[list[Sent]]:
    if len(messages) <= 4:
        yield from map(list, permutations(messages))
        return
    yield messages[::-1]
    chance = Random(1)
    for _ in range(most - 1):
        yield chance.sample(messages, len(messages))


def _shown(value: Any) -> Any:
    if isinstance(value, Decimal128):
        return str(value)
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items() if not key.startswith("_")}
    return value
