"""Lines of the log as text: their times are those of the library's own formatter."""

import logging

from hypothesis import given
from hypothesis import strategies as st

from app.runtime.observability.logging import TextLines

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@given(st.lists(st.floats(0, 4_000_000_000), min_size=1, max_size=20))
def test_a_line_is_as_the_library_writes_it(times: list[float]) -> None:
    ours, theirs = TextLines(FORMAT), logging.Formatter(FORMAT)
    for at in times:
        record = logging.makeLogRecord({"msg": "It is done.", "name": "app", "created": at})
        record.msecs = int((at - int(at)) * 1_000)
        assert ours.format(record) == theirs.format(record)
