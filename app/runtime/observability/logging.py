"""Logging of a process: a line a record, on standard error, with the role's name."""

import logging
import sys
import traceback
from pathlib import Path
from time import localtime, strftime


def configure_logging(role: str, log_format: str = "text") -> None:
    """Log INFO and above, as ``text`` or ``json``. What is logged holds no personal data: identities only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(role, log_format))
    # A line names neither: to find them out for each takes a third of its time.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _formatter(role: str, log_format: str) -> logging.Formatter:
    if log_format == "json":
        # Not above: it takes an eighth of a second to load, and few commands need it.
        from app.runtime.observability.json_log import JsonLines

        return JsonLines(role, trace)
    return TextLines(f"%(asctime)s {role} %(levelname)s %(name)s: %(message)s")


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
