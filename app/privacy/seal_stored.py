"""Events that are stored in the clear, as all were before 0010: sealed, or emptied, in place.

It changes the personal facts of a stored event, and nothing else; the store takes it only where the event is
still what was read, to the byte.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from eventsourcing.persistence import RecordConflictError
from eventsourcing.utils import get_topic, resolve_topic

from app.aggregates.base import RememberingAggregate
from app.aggregates.personal import has_personal, put_back, take_out
from app.privacy.key_tables import Link, Replaced
from app.privacy.sealing import SEALED, about, emptied, may_be_sealed, opened, sealed, split

if TYPE_CHECKING:
    from app.event_store.application import Servicing
    from app.event_store.recorders import Recorded

_PAGE = 2_000
_TRIES = 5


class SealedSoFar(NamedTuple):
    """How far sealing is: the position, the last one, and how many events it has sealed."""

    position: int
    newest: int
    events: int


class NotSealedError(Exception):
    """What was sealed does not open as it was: nothing was written."""


def emptied_events(servicing: "Servicing", originator_ids: Iterable[UUID]) -> list[Replaced]:
    """The events of aggregates that are in the clear, without their personal facts."""
    ids = list(originator_ids)
    rows = servicing.recorded_of_ids(ids) if ids else []
    return [each for row in rows if (each := _emptied(row)) is not None]


def seal_stored(
    servicing: "Servicing", on_page: Callable[[SealedSoFar], bool] = lambda _: True
) -> SealedSoFar:
    """Seal what is in the clear, from where it was left; a page a transaction.

    ``on_page`` says whether to go on. Raises NotSealedError, RecordConflictError where others are at it again
    and again, and one of EVENT_STORE_ERRORS.
    """
    tables = servicing.privacy.tables
    tables.create()
    # Before all is linked: what is sealed counts as linked from then on.
    position, newest, count = tables.fact("sealed_up_to"), servicing.max_position(), 0
    link_stored(servicing)
    goes_on = True
    while position < newest and goes_on:
        rows = servicing.page(position, newest, _PAGE)
        count += _seal_page(servicing, rows)
        position = rows[-1].position if rows else newest
        tables.note("sealed_up_to", position)
        goes_on = on_page(SealedSoFar(position, newest, count))
    tables.forget_log()
    return SealedSoFar(position, newest, count)


def link_stored(servicing: "Servicing") -> None:
    """Find out whose the aggregates of events are that were stored without links, up to the newest one.

    Those are of before, and of consumers of an older release that went on beside newer ones. It goes on from
    where it was left, and passes over what tells of no owner.
    """
    tables = servicing.privacy.tables
    up_to, position = servicing.max_position(), tables.fact("linked_up_to")
    but = _not_linking()
    while position < up_to:
        rows = servicing.page(position, up_to, _PAGE, but)
        position = rows[-1].position if rows else up_to
        tables.add_links([link for row in rows for link in _links(servicing, row)], position)


def _seal_page(servicing: "Servicing", rows: "list[Recorded]") -> int:
    """Seal those of a page that are in the clear. Returns how many that were."""
    keys = servicing.privacy.keys
    for tries_left in reversed(range(_TRIES)):
        keys.look()
        clear = [(row, taken) for row in rows if (taken := _taken(row)) is not None]
        if not clear:
            return 0
        wanted = dict.fromkeys(row.originator_id for row, _ in clear)
        ciphers, new = keys.to_write(each for each in wanted if each not in keys.erased)
        replaced = [_sealed(row, *taken, ciphers.get(row.originator_id)) for row, taken in clear]
        try:
            servicing.privacy.tables.replace(replaced, new, keys.seen)
        except RecordConflictError:
            if not tries_left:
                raise
            if rows:
                rows = servicing.page(rows[0].position - 1, rows[-1].position, len(rows))
            continue
        keys.keep(ciphers)
        return len(replaced)
    raise AssertionError("unreachable")


def _taken(row: "Recorded") -> tuple[dict[str, Any], list[str], dict[str, Any]] | None:
    """What is left of a stored event without its personal facts, their names, and what they say."""
    event_class = resolve_topic(row.topic)
    if not has_personal(event_class):
        return None
    state = orjson.loads(row.state)
    if SEALED in state:
        return None
    names, facts = take_out(event_class, state)
    return (state, names, facts) if names else None


def _emptied(row: "Recorded") -> Replaced | None:
    """Without what is in the clear, beside what is sealed too: its release may have sealed fewer facts."""
    event_class = resolve_topic(row.topic)
    if not has_personal(event_class):
        return None
    state = orjson.loads(row.state)
    value = state.pop(SEALED, None)
    names, _ = take_out(event_class, state)
    if not names:
        return None
    state[SEALED] = emptied([*(split(value)[0] if value else ()), *names])
    return Replaced(row.originator_id, row.originator_version, row.state, orjson.dumps(state))


def _sealed(
    row: "Recorded", state: dict[str, Any], names: list[str], facts: dict[str, Any], cipher: AESGCM | None
) -> Replaced:
    """The event with its facts sealed, opened again and compared; emptied, where its aggregate is erased."""
    if cipher is None:
        state[SEALED] = emptied(names)
        return Replaced(row.originator_id, row.originator_version, row.state, orjson.dumps(state))
    bound = about(row.originator_id, row.originator_version, row.topic)
    state[SEALED] = sealed(names, orjson.dumps(facts), cipher, bound)
    new = orjson.dumps(state)
    again = orjson.loads(new)
    for name, fact in orjson.loads(opened(split(again.pop(SEALED))[1], cipher, bound)).items():
        put_back(again, name, fact)
    if again != orjson.loads(row.state):
        msg = f"the event at position {row.position} does not open as it was: it is left as it is"
        raise NotSealedError(msg)
    return Replaced(row.originator_id, row.originator_version, row.state, new)


def _links(servicing: "Servicing", row: "Recorded") -> Iterator[Link]:
    kinds = _linking()
    if (kind := kinds.get(row.topic)) is None:
        return
    if may_be_sealed(row.state) and SEALED in orjson.loads(row.state):
        return  # Whoever sealed it has linked it.
    event: Any = servicing.event_of(row)
    for owner in kind.owners_told(event):
        yield Link(owner, kind.__name__, event.business_id)


def _not_linking() -> list[str]:
    """The topics of all other events."""
    from app.aggregates import AGGREGATES

    linking, common = _linking(), RememberingAggregate.Event
    topics = {
        get_topic(member)
        for kind in AGGREGATES
        for member in (getattr(kind, name) for name in dir(kind))
        if isinstance(member, type) and issubclass(member, common)
    }
    return sorted(topics - linking.keys())


def _linking() -> dict[str, type[RememberingAggregate]]:
    """The topics of events that may tell whose an aggregate is."""
    from app.aggregates import AGGREGATES  # It imports the application, which imports this.

    return {
        get_topic(member): kind
        for kind in AGGREGATES
        for member in (getattr(kind, name) for name in dir(kind))
        if isinstance(member, type) and _tells(kind, member)
    }


def _tells(kind: type[RememberingAggregate], event_class: type) -> bool:
    fields = getattr(event_class, "__dataclass_fields__", {})
    return any(fact in fields for fact, _ in kind.OWNED_BY)
