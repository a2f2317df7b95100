"""Random streams for the comparison with the oracle: late, dirty, repeated messages, in any order."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.oracle.messages import camel
from tests.support.data.random_messages import THEMES, Message, pick

Entry = tuple[str, dict[str, str]]
"""The entry's id, and its fields."""
START = datetime(2026, 3, 1, 11, 30, tzinfo=UTC)
ARRIVED = datetime(2026, 6, 1, tzinfo=UTC)
JUNK = pick(
    None, "  ", "odd", " odd ", 7, True, {}, [], [None, "", " a "], 70010.0, "2026-03", "12.5", "x" * 201
)
"""What may stand where something else belongs."""

FLAT = ("user_input", "assistant_response", "final_decision", "noticeboard_post")
"""Types whose payload's keys older publishers put straight into the entry."""


@st.composite
def streams(draw: st.DrawFn, theme: str) -> list[Entry]:
    """The entries of one stream, in the order of their arrival; some of them came twice."""
    fields = [draw(entry(place, message)) for place, message in enumerate(flat(draw(THEMES[theme])))]
    order = draw(st.permutations(range(len(fields))))
    again = draw(st.lists(st.sampled_from(order), max_size=2))
    return [(came_in(arrival), fields[place]) for arrival, place in enumerate(order + again)]


def came_in(arrival: int) -> str:
    """The id of the n-th entry: one came in each minute."""
    return f"{int((ARRIVED + timedelta(minutes=arrival)).timestamp() * 1_000)}-0"


def flat(drawn: Any) -> list[Message]:
    """The messages of a theme, one by one."""
    if isinstance(drawn, tuple) and isinstance(drawn[0], str):
        return [(drawn[0], drawn[1])]
    return [message for each in drawn for message in flat(each)]


@st.composite
def entry(draw: st.DrawFn, place: int, message: Message) -> dict[str, str]:
    """The fields of the n-th message, as one of its publishers would write them."""
    kind, payload = message
    change = draw(pick(None, None, None, spoilt, with_class_names, in_camel_case, as_numbers))
    if change is spoilt and payload:
        payload = spoilt(payload, draw(pick(*payload)), draw(JUNK))
    elif change is not None and change is not spoilt and kind.endswith(".v1"):
        payload = change(payload)
    moment = draw(clock(place))
    if moment and kind.startswith(("customer.", "account.")) and draw(st.booleans()):
        payload = payload | {draw(pick("changed_at", "timestamp", "updatedAt")): moment}
        moment = draw(pick("", "2026-03-02T00:00Z"))
    named = draw(pick(("event_id", "rec"), ("id", "seq"), ("cause", "c_seq")))
    identity = {named[1]: "", named[0]: f"m{place}"}
    names = draw(pick(("typ", "dat"), ("msg_type", "payload"), ("event_type", "payload")))
    sent = {names[0]: kind, "cid": "V1", "rec": "billie-srv", **identity}
    if (
        kind in FLAT
        and draw(pick(False, True))
        and not any(type(each) in (dict, list) for each in payload.values())
    ):
        sent |= {key: as_text(value) for key, value in payload.items()}
    else:
        sent[names[1]] = json.dumps(payload)
    return sent | ({draw(pick("timestamp", "created_at")): moment} if moment else {})


def clock(place: int) -> st.SearchStrategy[str]:
    """The time of the n-th message as it may be written: also that of the one before, none, or one ahead."""
    at = START + timedelta(hours=7 * place)
    before = at - timedelta(hours=7)
    return pick(
        at.isoformat(),
        at.strftime("%Y-%m-%d %H:%M:%Sz"),
        (at + timedelta(hours=10)).strftime("%Y-%m-%dT%H:%M:%S.500+10:00"),
        before.strftime("%Y-%m-%dT%H:%M"),
        "",
        (ARRIVED + timedelta(minutes=9 - place % 9)).isoformat(),
        "2126-01-01T00:00:00Z",
        "20260301T0900Z",
    )


def as_text(value: Any) -> str:
    """A value as a field of an entry: a text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def spoilt(payload: dict[str, Any], key: str, junk: Any) -> dict[str, Any]:
    """With something else where the value of a key belongs."""
    return payload | {key: junk}


def with_class_names(payload: dict[str, Any]) -> dict[str, Any]:
    """With the words of enums as Python prints them."""
    enums = ("status", "new_status", "closure_reason", "bucket", "ekyc_status", "reason")
    return {key: f"SomeEnum.{value}" if key in enums else value for key, value in payload.items()}


def in_camel_case(payload: Any) -> Any:
    """With keys in camelCase."""
    if isinstance(payload, list):
        return [in_camel_case(each) for each in payload]
    if isinstance(payload, dict):
        return {camel(key): in_camel_case(value) for key, value in payload.items()}
    return payload


def as_numbers(payload: dict[str, Any]) -> dict[str, Any]:
    """With money as numbers, and with an unknown key."""
    money = ("balance", "amount", "payable")
    numbers = {key: float(value) for key, value in payload.items() if key.endswith(money)}
    return payload | numbers | {"unknown_key": [None, {"$a.b": 1}]}
