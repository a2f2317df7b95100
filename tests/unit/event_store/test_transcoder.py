"""Events come back from bytes as they were, with any content of a message."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.event_store.transcoder import EventTranscoder

KEYS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
    | st.decimals(allow_nan=False, allow_infinity=False, places=2)
    | st.datetimes(timezones=st.just(UTC))
    | st.just(datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=10))))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_round_trip(state: dict[str, Any]) -> None:
    transcoder = EventTranscoder()
    assert transcoder.decode(transcoder.encode(state)) == state


def test_library_tags_in_a_message_are_only_data() -> None:
    state = {"data": {"_type_": "decimal_str", "_data_": "not a number"}, "amount": Decimal("1.50")}
    transcoder = EventTranscoder()
    assert transcoder.decode(transcoder.encode(state)) == state
