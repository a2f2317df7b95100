"""Entries as nobody should publish them: wholly random, and messages of every type that are nearly right."""

import json
from functools import cache
from typing import Any

from hypothesis import strategies as st

from app.ingestion.messages.envelope import (
    APPLICATION,
    CONVERSATION,
    EXPLICIT_ID,
    PAYLOAD,
    PAYLOAD_TIME,
    SEQUENCE,
    TIME,
    TYPE,
    USER,
)
from app.sdk._examples import examples
from tests.support.wild.json_text import Pairs, any_key, any_value, changed, mangled, object_of
from tests.support.wild.tape import Tape
from tests.support.wild.words import DEEP, ENVELOPE_WORDS, KEYS, VAST

Entry = list[tuple[bytes, bytes]]
"""An entry's fields, in order. A name may come twice, or be empty."""

CHOICES = 96
"""Bytes that suffice for an entry."""
_TYPES = tuple(examples())
_FIELDS = (*TYPE, *CONVERSATION, *USER, *APPLICATION, *EXPLICIT_ID, *SEQUENCE, *PAYLOAD, *TIME, *PAYLOAD_TIME)
_FIELDS += ("cause", "agt", "rec", "cls")
_UNKNOWN = (
    "marketing.email_sent.v1",
    "account.updated.v2",
    "ACCOUNT.UPDATED.V1",
    "user_input\0",
    " user_input",
)
_NAMED = ("ACC", "CUS", "CONV", "WO", "SCH", "APP")
_NAMES = 150


def entry(drawn: bytes) -> Entry:
    """The entry that the bytes choose: three of four are nearly right."""
    tape = Tape(drawn)
    return _wholly_random(tape) if tape.one_in(4) else _nearly_right(tape)


ENTRIES: st.SearchStrategy[Entry] = st.binary(min_size=CHOICES, max_size=CHOICES).map(entry)


def extremes() -> list[Entry]:
    """Each of the deepest and of the largest payloads once, in a conversation of its own."""
    return [
        [
            (b"typ", b"identityRisk_assessment"),
            (b"cid", f"CONV-extreme-{number}".encode()),
            (b"dat", f'{{"a":{text}}}'.encode()),
        ]
        for number, text in enumerate((*DEEP, *VAST))
    ]


def _nearly_right(tape: Tape) -> Entry:
    """An example of a type, of one of many customers, changed in up to three places."""
    kind = tape.pick(_TYPES)
    fields, payload = _example(kind, tape.below(_NAMES))
    text = None
    for _ in range(tape.below(4)):
        match tape.below(8):
            case 0 | 1 | 2 | 3:
                payload = changed(tape, payload)
            case 4 | 5:
                fields = _changed_fields(tape, fields)
            case 6:
                text = mangled(tape, text or object_of(payload))
            case _:
                fields = [(name, "") for name, _ in fields] if tape.one_in(8) else fields
                payload = [(name, '""') for name, _ in payload] if tape.one_in(2) else payload
    identity = _identity(tape)
    if text is None and tape.one_in(6):  # As older chat publishers do: the payload's keys in the entry.
        return _entry([*fields, *identity, *((name, value.strip('"')) for name, value in payload)])
    body = (text or object_of(payload)).encode(errors="surrogatepass" if tape.one_in(2) else "replace")
    return [*_entry([*fields, *identity]), (tape.pick(PAYLOAD).encode(), body)]


def _wholly_random(tape: Tape) -> Entry:
    """Any fields with anything in them; most have a type, or nothing else would be looked at."""
    found: Entry = []
    if not tape.one_in(6):
        known = tape.pick(_TYPES) if tape.below(2) else tape.pick(_UNKNOWN)
        found.append((tape.pick(TYPE).encode(), tape.binary() if tape.one_in(4) else known.encode()))
    if tape.below(2):
        found.append((tape.pick(CONVERSATION).encode(), f"CONV-{tape.below(_NAMES)}".encode()))
    for _ in range(tape.below(4)):
        found.append((_field_name(tape), _field_value(tape)))
    if tape.below(4):
        found.append((tape.pick(PAYLOAD).encode(), _field_value(tape)))
    return found or [(b"", b"")]


def _identity(tape: Tape) -> Pairs:
    """None, so that the place in the stream counts; one of many; one of few; or a cause."""
    match tape.below(8):
        case 0 | 1 | 2 | 3:
            return []
        case 4:
            return [(tape.pick(EXPLICIT_ID), f"e-{tape.below(2**24)}")]
        case 5:
            return [(tape.pick(EXPLICIT_ID), f"e-{tape.below(3)}")]
        case 6:
            return [("cause", f"turn-{tape.below(50)}"), (tape.pick(SEQUENCE), tape.pick(("", "1", "two")))]
    return [(tape.pick(EXPLICIT_ID), tape.pick((" ", "\0", "e" * 300, "é" * 150, "e-1", "null")))]


@cache
def _example_of(kind: str) -> tuple[Pairs, dict[str, Any]]:
    fields = examples()[kind].fields()
    payload = json.loads(fields.pop(PAYLOAD[0]))
    del fields[EXPLICIT_ID[0]]
    return list(fields.items()), payload


@cache
def _example(kind: str, number: int) -> tuple[Pairs, Pairs]:
    """A type's example about the customer ``number``: its fields, and its payload's keys with their JSON."""

    def renamed(text: str) -> str:
        for name in _NAMED:
            text = text.replace(f"{name}-1", f"{name}-{number}")
        return text

    fields, payload = _example_of(kind)
    values = ((name, json.dumps(value, ensure_ascii=False)) for name, value in payload.items())
    return [(n, renamed(v)) for n, v in fields], [(n, renamed(v)) for n, v in values]


def _changed_fields(tape: Tape, fields: Pairs) -> Pairs:
    """The entry's fields with one of them changed, gone, doubled, new, or under another name."""
    place = tape.below(len(fields)) if fields else 0
    before, after = fields[:place], fields[place + 1 :]
    name, value = fields[place] if fields else ("typ", "user_input")
    match tape.below(6):
        case 0:
            new = [(name, tape.pick(ENVELOPE_WORDS))]
        case 1:
            new = []
        case 2:
            new = [(tape.pick(_FIELDS), value)]
        case 3:
            new = [(name, value), (name, tape.pick(ENVELOPE_WORDS))]
        case 4:
            new = [(name, value), (tape.text(), tape.text())]
        case _:
            new = [(name, value), (tape.pick(_FIELDS), tape.pick(ENVELOPE_WORDS))]
    return [*before, *new, *after]


def _field_name(tape: Tape) -> bytes:
    match tape.below(4):
        case 0:
            return tape.pick(_FIELDS).encode()
        case 1:
            return tape.pick(KEYS).encode(errors="surrogatepass")
        case 2:
            return tape.text().encode()
    return tape.binary()


def _field_value(tape: Tape) -> bytes:
    match tape.below(6):
        case 0 | 1:
            members = [(any_key(tape, "x"), any_value(tape)) for _ in range(tape.below(4))]
            return object_of(members).encode(errors="replace")
        case 2:
            return tape.pick(ENVELOPE_WORDS).encode(errors="surrogatepass")
        case 3:
            return any_value(tape).encode(errors="replace")
        case 4:
            return tape.text().encode()
    return tape.binary()


def _entry(fields: Pairs) -> Entry:
    return [
        (name.encode(errors="surrogatepass"), value.encode(errors="surrogatepass")) for name, value in fields
    ]
