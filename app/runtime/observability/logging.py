"""Logging of a process: a line a record, on standard error, with the role's name; as text, or as JSON.

Code says in ``extra`` what a line is about, by the names in FIELDS. What holds for all that happens on behalf
of a request is bound by ``structlog.contextvars``.
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from time import localtime, strftime

FIELDS = ("request_id", "entry_id", "message_id", "projection", "aggregate", "position", "audit")
"""``entry_id`` on the stream, ``message_id`` the identity by which it is absorbed once, ``aggregate`` the
id of a document or command, ``position`` in the event store, ``audit`` who read what of whom."""


def configure_logging(role: str, log_format: str = "text") -> None:
    """Log INFO and above, as ``text`` or ``json``. What is logged holds no personal data: identities only."""
    handler = logging.StreamHandler(sys.stderr)
    text = f"%(asctime)s {role} %(levelname)s %(name)s: %(message)s"
    handler.setFormatter(JsonLines(role) if log_format == "json" else TextLines(text))
    # A line names neither: to find them out for each takes a third of its time.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


class JsonLines(logging.Formatter):
    """A line: ``at``, ``level``, ``role``, ``logger``, ``message``, and those FIELDS that are known of it.

    Of an exception, ``trace`` has the class and the lines: its text may quote personal data.
    """

    def __init__(self, role: str) -> None:
        from structlog.contextvars import get_contextvars  # Here: few commands need it; it loads slowly.

        super().__init__()
        self._role, self._bound = role, get_contextvars

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "role": self._role,
            "logger": record.name,
            "message": record.getMessage(),
            **self._bound(),
            **{name: record.__dict__[name] for name in FIELDS if name in record.__dict__},
        }
        if record.exc_info and record.exc_info[1] is not None:
            line["trace"] = trace(record.exc_info[1])
        return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """The library's lines. A second is written out once, and not for each line: it takes half of its time."""

    _said = (-1, "")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802
        """The local time, to the millisecond."""
        second, text = self._said
        if second != int(record.created):
            second = int(record.created)
            text = strftime(self.default_time_format, localtime(second))
            self._said = second, text  # Together: other threads write lines too.
        return f"{text},{int(record.msecs):03d}"


def in_short(error: BaseException) -> str:
    """What a server said, on one line, without the documents that MongoDB's refusals quote."""
    from pymongo.errors import OperationFailure  # Here: many commands need no MongoDB, which loads slowly.

    if isinstance(error, OperationFailure):
        return f"MongoDB refused, code {error.code} ({type(error).__name__})"
    text = str(error).partition("\n")[0].partition(" (configured timeouts")[0]
    return f"{text[:200].rstrip('. ')} ({type(error).__name__})"


def trace(error: BaseException) -> str:
    """The class of an error, and of those behind it, with the lines that led there: no text of theirs."""
    text = "".join(traceback.format_tb(error.__traceback__)) + type(error).__name__
    behind = error.__cause__ or error.__context__
    return text if behind is None else f"{trace(behind)}\nand then\n{text}"


def where(error: BaseException) -> str:
    """The class of an error and the line that raised it: its own text may quote personal data."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
