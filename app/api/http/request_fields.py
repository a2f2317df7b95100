"""Fields of requests that write: amounts as decimal strings, bounded texts, the ``Idempotency-Key``."""

import re
from typing import Annotated, Any

from fastapi import Header
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from app.api.http.problems import IDEMPOTENCY_KEY, Problem
from app.ledger.money.write_offs import OWN_KEYS

Amount = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^[0-9]{1,9}(\.[0-9]{1,2})?$"),
    Field(
        description="AUD above zero, as a decimal string with at most two places",
        examples=["150.00"],
        json_schema_extra={"not": {"pattern": r"^[0.]+$"}},
    ),
]
Delta = Annotated[
    str,
    StringConstraints(strict=True, pattern=r"^-?[0-9]{1,9}(\.[0-9]{1,2})?$"),
    Field(description="AUD, as a decimal string; negative lowers the balance", examples=["-12.50"]),
]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Comment = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=1_000)]


class Body(BaseModel):
    """A request's body. Unknown fields are refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


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
