"""The caller's ``Idempotency-Key``: a header that every route which moves money, or asks for it, requires."""

import re
from typing import Annotated, Any

from fastapi import Header
from pydantic import StringConstraints

from app.api.http.problems import IDEMPOTENCY_KEY, Problem
from app.ledger.money.write_offs import OWN_KEYS

_MIN_LENGTH, _MAX_LENGTH = 8, 128
_PATTERN = re.compile(f"^(?!{OWN_KEYS})[!-~]*$", re.ASCII | re.IGNORECASE)
_KEY = StringConstraints(min_length=_MIN_LENGTH, max_length=_MAX_LENGTH, pattern=_PATTERN)
_HEADER = Header(
    alias=IDEMPOTENCY_KEY,
    description=f"{_MIN_LENGTH} to {_MAX_LENGTH} visible ASCII characters of your choice: one key per "
    f"intent, the same for every retry. `{OWN_KEYS}…` is reserved.",
    json_schema_extra={"minLength": _MIN_LENGTH, "maxLength": _MAX_LENGTH, "pattern": _PATTERN.pattern},
)
Key = Annotated[str, _KEY, _HEADER]
OptionalKey = Annotated[Annotated[str, _KEY] | None, _HEADER]

KEYED: dict[int | str, dict[str, Any]] = {
    400: {
        "model": Problem,
        "description": f"Missing or invalid `{IDEMPOTENCY_KEY}`, unknown parameter, or an argument that the "
        "ledger does not take",
    }
}
"""For the OpenAPI of a route with a key."""
