"""Records of the log as lines of JSON, for a log collector (``BILLIE_LOG_FORMAT=json``).

Code logs as ever, and says in ``extra`` what a line is about, by the names in :data:`FIELDS`. What holds for
all that happens on behalf of a request is bound by ``structlog.contextvars``.
"""

import logging
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog
from structlog.contextvars import merge_contextvars
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name

FIELDS = ("request_id", "entry_id", "message_id", "projection", "aggregate", "position", "audit")
"""``entry_id`` on the stream, ``message_id`` the identity by which it is absorbed once, ``aggregate`` the
id of a document or command, ``position`` in the event store, ``audit`` who read what of whom."""

Line = MutableMapping[str, Any]


class JsonLines(ProcessorFormatter):
    """A line: ``at``, ``level``, ``role``, ``logger``, ``message``, and those FIELDS that are known of it.

    Of an exception, ``trace`` has what the function makes of it: its text may quote personal data.
    """

    def __init__(self, role: str, trace: Callable[[BaseException], str]) -> None:
        def place(_logger: Any, _method: str, line: Line) -> Line:
            record: logging.LogRecord = line["_record"]
            line["at"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
            line["role"] = role
            line["message"] = line.pop("event")
            if (raised := line.pop("exc_info", None)) and raised[1] is not None:
                line["trace"] = trace(raised[1])
            return line

        super().__init__(
            foreign_pre_chain=[add_log_level, add_logger_name, merge_contextvars, ExtraAdder(FIELDS)],
            processors=[
                place,
                ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_text),
            ],
        )


def _text(line: Line, **_: Any) -> str:
    return orjson.dumps(line, default=str).decode()
