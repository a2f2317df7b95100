"""JSON that is nearly right, or not at all: as text, which may hold what no value in Python can."""

import json

from tests.support.wild.tape import Tape
from tests.support.wild.words import BEFORE, DEEP, KEYS, VALUES, VAST, quoted

Pairs = list[tuple[str, str]]
"""Names and texts, in order. A name may come twice."""


def object_of(pairs: Pairs) -> str:
    """A JSON object with its members as they come: a name may come twice."""
    return "{" + ",".join(f"{quoted(name)}:{value}" for name, value in pairs) + "}"


def changed(tape: Tape, pairs: Pairs) -> Pairs:
    """The members of an object with one of them changed, gone, doubled or new; or one within it."""
    place = tape.below(len(pairs)) if pairs else 0
    before, after = pairs[:place], pairs[place + 1 :]
    name, value = pairs[place] if pairs else (tape.pick(KEYS), "1")
    match tape.below(8):
        case 0 | 1:
            new = [(name, any_value(tape))]
        case 2:
            new = [(name, _changed_within(tape, value))]
        case 3:
            new = []
        case 4:
            new = [(name, value), (name, any_value(tape))]
        case 5:
            new = [(any_key(tape, name), value)]
        case 6:
            new = [(name, quoted(value.strip('"')) if tape.below(2) else f"[{value}]")]
        case _:
            new = [(name, value), (any_key(tape, name), any_value(tape))]
    return [*before, *new, *after]


def _changed_within(tape: Tape, value: str) -> str:
    """Of an object or a list of objects, one member changed; of anything else, another value."""
    try:
        known = json.loads(value)
    except (ValueError, RecursionError):
        return any_value(tape)
    items = known if isinstance(known, list) else [known]
    if not (items and all(isinstance(item, dict) for item in items)):
        return any_value(tape)
    place = tape.below(len(items))
    texts = [object_of([(name, json.dumps(each)) for name, each in item.items()]) for item in items]
    members = [(name, json.dumps(each)) for name, each in items[place].items()]
    texts[place] = object_of(changed(tape, members))
    return f"[{','.join(texts)}]" if isinstance(known, list) else texts[0]


def mangled(tape: Tape, text: str) -> str:
    """JSON that is cut off, or has something before, within or around it."""
    place = tape.below(len(text) + 1)
    match tape.below(7):
        case 0:
            return tape.pick(BEFORE) + text + tape.pick(BEFORE)
        case 1:
            return text[:place]
        case 2:
            return text[:place] + tape.text() + text[place:]
        case 3:
            return text[:place] + "\udcff" + text[place:]
        case 4:
            return f"[{text}]"
        case 5:
            return json.dumps(text)
    return tape.pick(DEEP if tape.below(2) else VALUES)


def any_value(tape: Tape) -> str:
    """Anything, as JSON; now and then something that only looks like it."""
    match tape.below(8):
        case 0:
            return tape.number()
        case 1:
            return quoted(tape.text())
        case 2 | 3 | 4 | 5:
            return tape.pick(VALUES)
        case 6:
            members = [(any_key(tape, ""), any_value(tape)) for _ in range(tape.below(4))]
            return object_of(members)
    if tape.one_in(8):
        return tape.pick(VAST if tape.one_in(16) else DEEP)
    return f"[{','.join(any_value(tape) for _ in range(tape.below(4)))}]"


def any_key(tape: Tape, like: str) -> str:
    match tape.below(6):
        case 0 | 1:
            return tape.pick(KEYS)
        case 2:
            return like.upper()
        case 3:
            return f"${like}"
        case 4:
            return f"{like}.{tape.pick(KEYS)}"
    return tape.text()
