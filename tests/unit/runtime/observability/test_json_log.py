"""Lines of JSON: what each holds, and what none may."""

import io
import json
import logging
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars

from app.runtime.observability.logging import FIELDS, JsonLines

BASE = {"at", "level", "logger", "message", "role"}


@pytest.fixture
def logged() -> Any:
    """Logs one record, and gives its line."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(JsonLines("ingest"))
    log = logging.Logger("app.some.where")
    log.addHandler(handler)

    def line(message: str, *arguments: Any, **more: Any) -> dict[str, Any]:
        log.warning(message, *arguments, **more)
        (only,) = text.getvalue().splitlines()
        found: dict[str, Any] = json.loads(only)
        return found

    return line


def test_a_line_has_what_every_line_has(logged: Any) -> None:
    line = logged("Entry %s set aside:\n%s", "1-0", "why")
    assert set(line) == BASE
    assert line["at"].endswith("+00:00")
    assert (line["level"], line["role"], line["logger"]) == ("warning", "ingest", "app.some.where")
    assert line["message"] == "Entry 1-0 set aside:\nwhy"


def test_only_the_subjects_of_a_record_have_fields(logged: Any) -> None:
    about = {
        "entry_id": "1-0",
        "message_id": "id:1",
        "aggregate": "C1",
        "position": 7,
        "projection": "customers",
    }
    with bound_contextvars(request_id="r1"):
        line = logged("Reported", extra={**about, "name_of_customer": "Ann"})
    assert {name: line[name] for name in line if name in FIELDS} == {**about, "request_id": "r1"}
    assert set(line) == BASE | set(about) | {"request_id"}


def test_an_error_is_logged_by_its_class_and_lines_and_not_by_its_text(logged: Any) -> None:
    quoted = "".join(("sec", "ret"))  # The trace has the source's lines: they hold names, not values.
    try:
        raise ValueError(quoted)
    except ValueError:
        line = logged("It failed", exc_info=True)
    assert line["trace"].endswith("ValueError")
    assert "test_json_log.py" in line["trace"]
    assert "secret" not in json.dumps(line)
    assert set(line) == BASE | {"trace"}
